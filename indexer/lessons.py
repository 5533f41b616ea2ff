"""What an encoder is taught: texts, and the vector that each is to have, from what the index's own search finds for it.

Hybrid search with feedback finds far more than a question's own vector does, and ends with a vector: the question's, moved
towards the first hits. An encoder that gives a question this vector at once finds by itself what words and feedback find.
"""

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from datasets import Dataset

from indexer.held_out import normalised
from indexer.training_pair import TrainingPair
from search.article import Article
from search.encoder import Vectors
from search.storage import sync_file

# A column's name says how its texts are prompted.
QUESTION, DOCUMENT, VECTOR = "query", "document", "label"
_BLOCK = 4096


class Index(Protocol):
    """The index that teaches; `Searcher` is one."""

    def fed_back(self, texts: Sequence[str], without: Sequence[int]) -> Vectors:
        """The vectors by which hybrid search ranks texts at last, the articles of `without` left out: (n, d)."""
        ...

    def vectors(self, pmids: Sequence[int]) -> Vectors:
        """The vectors of some articles: (m, d)."""
        ...

    def encode_documents(self, articles: Sequence[Article]) -> Vectors:
        """The vectors that articles would have: (n, d)."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A text that asks; its answer is the article of `pmid`, or where that is 0 the text `document`."""

    text: str
    pmid: int
    document: str

    @classmethod
    def of(cls, pair: TrainingPair, known: Callable[[int], bool]) -> "Question":
        """What of a pair is needed to learn from it; of an article that is `known`, not its text."""
        return cls(pair.query, pair.pmid, "") if known(pair.pmid) else cls(pair.query, 0, pair.document)


@dataclass(frozen=True, slots=True)
class Teacher:
    """Teaches what an index finds, those of its articles left out that must not be seen.

    `answer` is how far a question is moved on to its known answer; the first hits move it by 1.
    """

    index: Index
    unseen: Sequence[int]
    answer: float

    def questions(self, questions: Sequence[Question]) -> Vectors:
        """The vectors that questions are to have, of length 1: (n, d)."""
        moved = self.index.fed_back([one.text for one in questions], self.unseen)
        return normalised(moved + self.answer * self._answers(questions))

    def documents(self, pmids: Sequence[int]) -> Vectors:
        """The vectors that articles are to have, those of the index: (n, d)."""
        return normalised(self.index.vectors(pmids))

    def _answers(self, questions: Sequence[Question]) -> Vectors:
        known = [place for place, one in enumerate(questions) if one.pmid]
        others = [place for place, one in enumerate(questions) if not one.pmid]
        vectors = [self.index.vectors([questions[place].pmid for place in known])]
        if others:
            vectors.append(self.index.encode_documents([Article(place + 1, questions[place].document) for place in others]))
        found: Vectors = np.concatenate(vectors)[np.argsort([*known, *others])]
        return normalised(found)


@dataclass(frozen=True, slots=True)
class Layout:
    """The column of the texts, how many lessons stand together, and by what chance."""

    column: str
    batch: int
    seed: int


def write_lessons(
    path: Path,
    texts: Sequence[str],
    teach: Callable[[Sequence[int]], Vectors],
    layout: Layout,
    advance: Callable[[int], None],
) -> None:
    """Write what is taught with texts, which `teach` is given by their places, in batches of like length.

    Nothing is there before all of it is.
    """
    chance = random.Random(layout.seed)
    order = list(range(len(texts)))
    chance.shuffle(order)
    partial = path.with_suffix(".partial")
    with contextlib.ExitStack() as opened:
        writer: pa.RecordBatchStreamWriter | None = None
        for start in range(0, len(order), _BLOCK):
            places = order[start : start + _BLOCK]
            vectors = dict(zip(places, teach(places), strict=True))
            together = list(_by_length(places, texts, layout.batch, chance))
            lessons = _table([texts[place] for place in together], [vectors[place] for place in together], layout.column)
            if writer is None:
                writer = opened.enter_context(pa.ipc.new_stream(str(partial), lessons.schema))
            writer.write_batch(lessons)
            advance(len(places))
    sync_file(partial)
    partial.rename(path)


def read_lessons(path: Path) -> Dataset:
    """The lessons of a file, read from the disk as they are needed."""
    return Dataset.from_file(str(path))


def _table(texts: Sequence[str], vectors: Sequence[Vectors], column: str) -> pa.RecordBatch:
    flat = pa.array(np.concatenate(vectors).astype(np.float32))
    return pa.record_batch({column: texts, VECTOR: pa.FixedSizeListArray.from_arrays(flat, len(vectors[0]))})


def _by_length(places: Sequence[int], texts: Sequence[str], batch: int, chance: random.Random) -> Iterator[int]:
    """The places of a block in batches of texts that are nearly as long, since padding is waste; batches follow by chance."""
    sorted_places = sorted(places, key=lambda place: len(texts[place]))
    batches = [sorted_places[start : start + batch] for start in range(0, len(places), batch)]
    chance.shuffle(batches)
    for one in sorted(batches, key=lambda one: len(one) < batch):  # a batch that is not full would shift all others
        yield from one

"""Where a made-up corpus comes from: the texts and vectors of a real index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from search.article import Article
from search.catalogue import Catalogue
from search.encoder import EncoderIdentity, Vectors
from search.errors import SourceError
from search.generation import Generation
from search.transform import TransformKind
from search.vectors import VectorFile

# Beyond these, more seeds make a corpus no more lifelike, and their titles take 150 bytes each.
_MOST_SEEDS = 500_000
_MOST_ABSTRACTS = 50_000
# Seeds and vectors of one cell lie close enough to be blended.
_SEEDS_PER_CELL = 100
_WINDOW = 10_000
_SEED = 0


@dataclass(frozen=True, slots=True)
class Cells:
    """Seeds dealt out to the nearest of some of their own: `order` lists them cell by cell, `starts` says where each begins."""

    of_seed: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, vectors: Vectors) -> Self:
        """Deal out (n, d) vectors to n / 100 of them, drawn by chance."""
        count = max(1, len(vectors) // _SEEDS_PER_CELL)
        middles = vectors[np.sort(np.random.default_rng(_SEED).choice(len(vectors), count, replace=False))].T
        nearest = [np.argmax(vectors[row : row + _WINDOW] @ middles, axis=1) for row in range(0, len(vectors), _WINDOW)]
        of_seed = np.concatenate(nearest).astype(np.int64)
        order = np.argsort(of_seed, kind="stable")
        return cls(of_seed, order, np.searchsorted(of_seed[order], np.arange(count + 1)))

    def mates(self, seeds: npt.NDArray[np.int64], drawn: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """One seed of the same cell for each of some (m,), chosen by numbers from 0 to 1 (m,)."""
        cells = self.of_seed[seeds]
        first, last = self.starts[cells], self.starts[cells + 1]
        return self.order[first + (drawn * (last - first)).astype(np.int64)]


@dataclass(frozen=True, slots=True)
class Seeds:
    """Real records and their vectors (n, d); `questions` are titles of other records, which went into none of these."""

    encoder: EncoderIdentity
    vectors: Vectors
    cells: Cells
    titles: Sequence[str]
    journals: Sequence[str]
    abstracts: Sequence[tuple[str, ...]]
    questions: Sequence[str]

    @classmethod
    def read(cls, generation: Generation, questions: int) -> Self:
        """Read seeds, the same every time, and keep `questions` titles apart. Raises SourceError where there are too few."""
        manifest = generation.read_manifest()
        if manifest.transform.kind is not TransformKind.NONE:
            raise SourceError(
                f"The vectors of {generation.folder} went through a transform ({manifest.transform.kind}), so that they are no "
                "longer the encoder's own. Give an index that was built with --transform none."
            )
        file = VectorFile.open(generation.base.folder)
        drawn = _drawn(file, questions)
        texts = _Texts.read(generation, drawn, questions)
        vectors = file.get(drawn[questions:][texts.places])
        cells = Cells.of(vectors)
        return cls(manifest.encoder, vectors, cells, texts.titles, texts.journals, texts.abstracts, texts.questions)


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of seeds, and the `places` of those that have a title."""

    places: npt.NDArray[np.intp]
    titles: Sequence[str]
    journals: Sequence[str]
    abstracts: Sequence[tuple[str, ...]]
    questions: Sequence[str]

    @classmethod
    def read(cls, generation: Generation, drawn: npt.NDArray[np.int64], questions: int) -> Self:
        place_of = {pmid: place for place, pmid in enumerate(drawn.tolist())}
        titles, journals = [""] * len(drawn), [""] * len(drawn)
        abstracts: list[tuple[str, ...]] = []
        for article in _articles(generation):
            if (place := place_of.get(article.pmid)) is None:
                continue
            titles[place], journals[place] = article.title, article.journal
            if article.abstract and place >= questions and len(abstracts) < _MOST_ABSTRACTS:
                abstracts.append(tuple(article.abstract.replace("\n", " ").split(". ")))
        kept = [place for place in range(questions, len(drawn)) if titles[place]]
        if not kept:
            raise SourceError(f"{generation.folder} has no title to make records of. Give an index of real records.")
        return cls(
            np.array(kept, np.intp) - questions,
            [titles[place] for place in kept],
            [journals[place] for place in kept],
            abstracts,
            [title for title in titles[:questions] if title],
        )


def _articles(generation: Generation) -> Iterator[Article]:
    catalogue = Catalogue.open(generation.base.catalogue)
    try:
        for articles in catalogue.windows(_WINDOW):
            yield from articles
    finally:
        catalogue.close()


def _drawn(file: VectorFile, questions: int) -> npt.NDArray[np.int64]:
    """PMIDs by chance: those of the questions first, then those of the seeds in ascending order."""
    if len(file) < 2 * questions:
        raise SourceError(f"{questions:,} questions and as many seeds are wanted; the index has {len(file):,} records.")
    order = np.random.default_rng(_SEED).permutation(len(file))[: questions + _MOST_SEEDS]
    drawn: npt.NDArray[np.int64] = file.pmids[np.concatenate([order[:questions], np.sort(order[questions:])])]
    return drawn

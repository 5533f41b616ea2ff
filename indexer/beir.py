"""Reads a BEIR folder: documents, questions, and the judgements of which documents answer which questions.

The format: https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset. TREC's judgements are read as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from search.errors import SourceError
from search.storage import file_sha256, full_disk_is_said

# Question to its judged documents: above 0 is relevant, and more is better.
Judgements = dict[str, dict[str, int]]

_CORPUS, _QUESTIONS = "corpus.jsonl", "queries.jsonl"
_JUDGEMENTS = ("qrels.tsv", "qrels/test.tsv")
_EXPECTED = f"Expected {_CORPUS}, {_QUESTIONS} and {' or '.join(_JUDGEMENTS)}"
_BEIR_COLUMNS, _TREC_COLUMNS = 3, 4
_LONGEST_GRADE = 9


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that went into a measurement, and the SHA-256 of its bytes."""

    path: Path
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "DataFile":
        """The file as it is now."""
        return cls(path, file_sha256(path))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a set holds that cannot be scored, or not be found.

    Questions without judgements, and judged ones whose text is missing or for which no document is relevant, are not asked.
    Judged documents that the corpus lacks, and documents without text, count as not found.
    """

    unjudged_questions: int = 0
    unknown_questions: int = 0
    questions_without_relevant: int = 0
    unknown_documents: int = 0
    empty_documents: int = 0


@dataclass(frozen=True, slots=True)
class BeirSet:
    """A set whose questions can all be scored: each has a text and a relevant document.

    `document_ids` are in the order of the corpus. Inside an index a document's PMID is its place in it, from 1.
    """

    name: str
    corpus: DataFile
    queries: DataFile
    qrels: DataFile
    document_ids: tuple[str, ...]
    questions: dict[str, str]
    judgements: Judgements
    left_out: LeftOut

    def document_id(self, pmid: int) -> str:
        """The set's own id of a document that the index knows by `pmid`."""
        return self.document_ids[pmid - 1]


class _Document(msgspec.Struct):
    """A line of `corpus.jsonl`."""

    id: str | int = msgspec.field(name="_id")
    title: str | None = None
    text: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to find it by."""
        return not (self.title or "").strip() and not (self.text or "").strip()


class _Question(msgspec.Struct):
    """A line of `queries.jsonl`."""

    text: str
    id: str | int = msgspec.field(name="_id")


_Line = TypeVar("_Line", bound=msgspec.Struct)


def read_beir(folder: Path, qrels: Path | None = None) -> BeirSet:
    """Read a BEIR folder; `qrels` names other judgements than the folder's own.

    Raises
    ------
    SourceError
        A file is missing, cannot be read or holds a line of another form, a document's id stands twice, or no question
        is left that can be scored.

    """
    corpus, queries, judged = _files(folder, qrels)
    documents, empty = _read_documents(corpus)
    texts = {str(line.id): line.text for line in _lines(queries, _Question)}
    judgements = _read_judgements(judged)
    scored = {question: judged_of for question, judged_of in judgements.items() if max(judged_of.values()) > 0}
    questions = {question: texts[question] for question in sorted(scored) if question in texts}
    if not questions:
        raise SourceError(
            f"No question of {queries} has a relevant document in {judged}: {len(texts):,} questions, and judgements of "
            f"{len(judgements):,}. Give the judgements of these questions as --qrels."
        )
    return BeirSet(
        folder.resolve().name,
        DataFile.of(corpus),
        DataFile.of(queries),
        DataFile.of(judged),
        documents,
        questions,
        {question: scored[question] for question in questions},
        LeftOut(
            unjudged_questions=len(texts.keys() - judgements.keys()),
            unknown_questions=len(judgements.keys() - texts.keys()),
            questions_without_relevant=len((judgements.keys() - scored.keys()) & texts.keys()),
            unknown_documents=len({one for question in questions for one in scored[question]}.difference(documents)),
            empty_documents=empty,
        ),
    )


def write_source(beir_set: BeirSet, path: Path) -> None:
    """Write a set's corpus as the JSONL that a build reads; each document's PMID is its place in the corpus."""
    with full_disk_is_said(path.parent), path.open("wb") as stream:
        for pmid, line in enumerate(_lines(beir_set.corpus.path, _Document), start=1):
            stream.write(msgspec.json.encode({"pmid": pmid, "title": line.title, "abstract": line.text}) + b"\n")


def read_texts(folder: Path) -> Iterator[str]:
    """Every document of a folder, title and all, and every question. Raises SourceError."""
    for document in _lines(folder / _CORPUS, _Document):
        yield " ".join(part for part in (document.title, document.text) if part)
    for question in _lines(folder / _QUESTIONS, _Question):
        yield question.text


def _files(folder: Path, qrels: Path | None) -> tuple[Path, Path, Path]:
    """The three files of a folder, all there."""
    own = next((folder / name for name in _JUDGEMENTS if (folder / name).is_file()), folder / _JUDGEMENTS[0])
    files = (folder / _CORPUS, folder / _QUESTIONS, qrels or own)
    for path in files:
        if not path.is_file():
            raise SourceError(f"There is no file {path}. {_EXPECTED} in a BEIR folder; --qrels names other judgements.")
    return files


def _read_documents(path: Path) -> tuple[tuple[str, ...], int]:
    """The ids of all documents, in their order, and how many of them have no text."""
    ids: dict[str, None] = {}
    empty = 0
    for line in _lines(path, _Document):
        if str(line.id) in ids:
            raise SourceError(f"{path}: two documents have the id {line.id}. Expected every _id once: leave one of them out.")
        ids[str(line.id)] = None
        empty += line.is_empty
    return tuple(ids), empty


def _read_judgements(path: Path) -> Judgements:
    """Judgements as BEIR writes them (question, document, score; a header) or as TREC does (question, 0, document, score)."""
    judgements: Judgements = {}
    for number, text in enumerate(_text(path).splitlines(), start=1):
        columns = text.split("\t") if text.count("\t") == _BEIR_COLUMNS - 1 else text.split()
        if not columns or (number == 1 and columns[-1].strip().isalpha()):
            continue
        if len(columns) not in {_BEIR_COLUMNS, _TREC_COLUMNS} or not _is_number(columns[-1]):
            raise SourceError(
                f"{path}, line {number}: expected a question, a document and a whole number, separated by tabs; "
                f"found {text[:80]!r}."
            )
        judgements.setdefault(columns[0].strip(), {})[columns[-2].strip()] = int(columns[-1])
    return judgements


def _is_number(text: str) -> bool:
    digits = text.strip().removeprefix("-")
    return digits.isdecimal() and len(digits) <= _LONGEST_GRADE


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read ({error}). Expected judgements as UTF-8 text.") from error


def _lines(path: Path, kind: type[_Line]) -> Iterator[_Line]:
    """Every line of a JSONL file, as it is read."""
    decoder = msgspec.json.Decoder(kind)
    number = 0
    try:
        with path.open("rb") as stream:
            for line in stream:
                number += 1
                if line.strip():
                    yield decoder.decode(line)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}). Check its permissions.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SourceError(f'{path}, line {number}: expected a JSON object with "_id" and "text" ({error}).') from error

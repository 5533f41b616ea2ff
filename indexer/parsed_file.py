"""The nouns of the reading stage: a file to read, what it gave, and what was not taken and why."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from search.article import Article


class SourceFormat(StrEnum):
    """The formats that records are read from."""

    PUBMED_XML = "PubMed XML"
    NBIB = "NBIB"
    RIS = "RIS"
    JSONL = "JSONL"


class SkipKind(StrEnum):
    """Why a record was not taken, in as few kinds as a summary can count by."""

    NO_PMID = "no PMID"
    INVALID_PMID = "invalid PMID"
    NO_TEXT = "neither title nor abstract"
    NOT_JSON = "not JSON"
    WRONG_TYPE = "wrong type"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of records; `year` and `number` come from a name like ``pubmed26n0001.xml.gz``: (2026, 1), otherwise (0, 0)."""

    path: Path
    format: SourceFormat
    year: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that was not taken: where it stands (``record 3, line 57``) and why, in a sentence."""

    path: Path
    position: str
    reason: str
    kind: SkipKind


@dataclass(frozen=True, slots=True)
class Deleted:
    """A PMID that NLM has withdrawn."""

    pmid: int


Record = Article | Deleted | Skipped


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a file, or one part of it, gave, each kind in the file's order."""

    articles: tuple[Article, ...] = ()
    deleted_pmids: tuple[int, ...] = ()
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands; every reader turns its faults into `Skipped` here, so that they read alike."""

    path: Path
    position: str

    def skip(self, kind: SkipKind, reason: str) -> Skipped:
        """The record at this place, not taken."""
        return Skipped(path=self.path, position=self.position, reason=reason, kind=kind)

    def without_pmid(self, written: str | None) -> Skipped:
        """The record whose PMID is missing (None, or blank) or written like this."""
        if not (written or "").strip():
            return self.skip(SkipKind.NO_PMID, "The record has no PMID, and without one it cannot be found again.")
        shown = repr((written or "").strip()[:40])
        return self.skip(SkipKind.INVALID_PMID, f"A PMID is a whole number of 1 to 8 digits; the record says {shown}.")

    def with_text(self, article: Article) -> Article | Skipped:
        """The article, or the record skipped where it has neither a title nor an abstract to find it by."""
        if article.title or article.sections:
            return article
        return self.skip(SkipKind.NO_TEXT, f"PMID {article.pmid} has neither a title nor an abstract.")

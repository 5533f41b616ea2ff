"""The nouns of the reading stage: a file to read, what it gave, and what was not taken and why."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from search.article import Article

UNNUMBERED = 0  # the PMID of an article that has none


class SourceFormat(StrEnum):
    """The formats that records are read from."""

    PUBMED_XML = "PubMed XML"
    NBIB = "NBIB"
    RIS = "RIS"
    JSONL = "JSONL"
    CSV = "CSV"


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
    """A file of records; `year` and `number` come from a name like ``pubmed26n0001.xml.gz``: (2026, 1), otherwise (0, 0).

    `label` is what messages call a file that a user knows by another name than its path: ``stdin``.
    """

    path: Path
    format: SourceFormat
    year: int = 0
    number: int = 0
    label: str = ""

    @property
    def shown(self) -> Path:
        """The file as messages and lists of skipped records name it."""
        return Path(self.label) if self.label else self.path


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


@dataclass(frozen=True, slots=True)
class Numberless:
    """An article that has no PMID, and where it stands: taken where local ids are given, otherwise skipped."""

    place: "Place"
    article: Article

    def taken(self, *, local_ids: bool) -> Article | Skipped:
        """The article, `UNNUMBERED`, where it will get a local id; else why it is not taken."""
        return self.place.with_text(self.article) if local_ids else self.place.without_pmid(None)


Record = Article | Deleted | Skipped | Numberless


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a file, or one part of it, gave, each kind in the file's order; `unnumbered` are the articles without a PMID."""

    articles: tuple[Article, ...] = ()
    deleted_pmids: tuple[int, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    unnumbered: tuple[Article, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands; every reader turns what it found into a `Record` here, so that its faults read alike."""

    path: Path
    position: str

    def record(self, article: Article) -> Article | Numberless | Skipped:
        """The article; whether one without a PMID is taken is for the reader's caller to say."""
        return self.with_text(article) if article.pmid != UNNUMBERED else Numberless(self, article)

    def skip(self, kind: SkipKind, reason: str) -> Skipped:
        """The record at this place, not taken."""
        return Skipped(path=self.path, position=self.position, reason=reason, kind=kind)

    def without_pmid(self, written: str | None) -> Skipped:
        """The record whose PMID is missing (None, or blank) or written like this."""
        if not (written or "").strip():
            return self.skip(SkipKind.NO_PMID, "The record has no PMID, and without one it cannot be found again.")
        shown = repr((written or "").strip()[:40])
        return self.skip(SkipKind.INVALID_PMID, f"A PMID is a whole number of 1 to 8 digits; the record says {shown}.")

    def of_several_pmids(self, pmids: list[int]) -> Skipped:
        """The record that names several PMIDs as its own."""
        named = " and ".join(str(pmid) for pmid in pmids[:3])
        return self.skip(SkipKind.INVALID_PMID, f"The record names the PMIDs {named}, and which is its own cannot be told.")

    def with_text(self, article: Article) -> Article | Skipped:
        """The article, or the record skipped where it has neither a title nor an abstract to find it by."""
        if article.title or article.sections:
            return article
        named = f"PMID {article.pmid}" if article.pmid != UNNUMBERED else "The record"
        return self.skip(SkipKind.NO_TEXT, f"{named} has neither a title nor an abstract.")

"""The article: one record, nearly always PubMed's, as every part of the project sees it."""

from dataclasses import dataclass
from enum import IntFlag

# NLM: "a 1- to 8-digit accession number". Filters are bitmaps over PMIDs, so a mistyped longer one would cost gigabytes.
LARGEST_PMID = 99_999_999
# Articles that are not in PubMed get numbers above: bitmaps up to the last of these take 21 MB instead of 12.5.
FIRST_LOCAL_ID = LARGEST_PMID + 2
LOCAL_IDS = 1 << 26
LARGEST_ID = FIRST_LOCAL_ID + LOCAL_IDS - 1


class Flag(IntFlag):
    """What a reader must know about a record before trusting or citing it; stored as bits."""

    RETRACTED = 1
    EXPRESSION_OF_CONCERN = 2
    ERRATUM = 4
    RETRACTION_NOTICE = 8
    TITLE_ONLY = 16
    BOOK = 32

    @property
    def labels(self) -> list[str]:
        """The set flags as words: ``["retracted", "title only"]``."""
        return [str(flag.name).lower().replace("_", " ") for flag in self]


@dataclass(frozen=True, slots=True)
class AbstractSection:
    """One `AbstractText`: its label and NLM category (either may be empty) and all its inner text."""

    text: str
    label: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class OtherAbstract:
    """An abstract beside the main one: another language, or a plain-language summary."""

    sections: tuple[AbstractSection, ...]
    language: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Author:
    """A person (`last_name`, `fore_name`, `initials`) or a group (`collective_name`)."""

    last_name: str = ""
    fore_name: str = ""
    initials: str = ""
    suffix: str = ""
    collective_name: str = ""

    @property
    def name(self) -> str:
        """The name as PubMed prints it: ``Smith JA Jr``, or the group's name."""
        if self.collective_name:
            return self.collective_name
        return " ".join(part for part in (self.last_name, self.initials, self.suffix) if part)


@dataclass(frozen=True, slots=True)
class MeshQualifier:
    """A MeSH subheading of a heading."""

    name: str
    major: bool = False


@dataclass(frozen=True, slots=True)
class MeshHeading:
    """A MeSH descriptor with its subheadings; `major` marks the article's main topics."""

    descriptor: str
    qualifiers: tuple[MeshQualifier, ...] = ()
    major: bool = False
    ui: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """A `CommentsCorrections` link to another record; `pmid` is None where NLM gives none."""

    ref_type: str
    pmid: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """One record; `pmid` is a local id where the article is not from PubMed.

    `publication_date` is the verbatim date of the issue ("1998 Dec-1999 Jan") and `year` its leading year;
    `electronic_date`, and `revised`, when NLM last changed the record, are ISO 8601 as far as they are known.
    `references` are the PMIDs that the article cites.
    """

    pmid: int
    title: str
    sections: tuple[AbstractSection, ...] = ()
    version: int = 1
    vernacular_title: str = ""
    other_abstracts: tuple[OtherAbstract, ...] = ()
    copyright: str = ""
    authors: tuple[Author, ...] = ()
    authors_complete: bool = True
    journal: str = ""
    journal_abbreviation: str = ""
    issn: str = ""
    volume: str = ""
    issue: str = ""
    pages: str = ""
    year: int | None = None
    publication_date: str = ""
    electronic_date: str = ""
    revised: str = ""
    publication_model: str = ""
    languages: tuple[str, ...] = ()
    publication_types: tuple[str, ...] = ()
    mesh: tuple[MeshHeading, ...] = ()
    keywords: tuple[str, ...] = ()
    doi: str = ""
    pmcid: str = ""
    corrections: tuple[Correction, ...] = ()
    references: tuple[int, ...] = ()
    is_book: bool = False

    @property
    def abstract(self) -> str:
        """The main abstract as PubMed prints it: ``LABEL: text``, one section a line; "" where there is none."""
        return "\n".join(f"{section.label}: {section.text}" if section.label else section.text for section in self.sections)

    @property
    def flags(self) -> Flag:
        """What a reader must know: retraction, concern, erratum, notice, title only, book."""
        return _flags(self)

    @property
    def major_headings(self) -> frozenset[str]:
        """The main topics: the MeSH headings that are major themselves, or by one of their qualifiers."""
        return frozenset(one.descriptor for one in self.mesh if one.major or any(part.major for part in one.qualifiers))

    @property
    def is_local(self) -> bool:
        """Whether the number is one of our own, which means nothing outside its index."""
        return self.pmid >= FIRST_LOCAL_ID

    @property
    def url(self) -> str:
        """The article's page on PubMed; "" where it has none."""
        return "" if self.is_local else f"https://pubmed.ncbi.nlm.nih.gov/{self.pmid}/"


_FLAG_OF_REF_TYPE = {
    "RetractionIn": Flag.RETRACTED,
    "ExpressionOfConcernIn": Flag.EXPRESSION_OF_CONCERN,
    "ErratumIn": Flag.ERRATUM,
    "RetractionOf": Flag.RETRACTION_NOTICE,
}
_FLAG_OF_PUBLICATION_TYPE = {
    "Retracted Publication": Flag.RETRACTED,
    "Retraction of Publication": Flag.RETRACTION_NOTICE,
    "Retraction Notice": Flag.RETRACTION_NOTICE,
}


def _flags(article: Article) -> Flag:
    """NLM marks a retraction in either of two places, and records exist that carry only one: read both."""
    flags = Flag(0)
    for publication_type in article.publication_types:
        flags |= _FLAG_OF_PUBLICATION_TYPE.get(publication_type, Flag(0))
    for correction in article.corrections:
        flags |= _FLAG_OF_REF_TYPE.get(correction.ref_type, Flag(0))
    if not article.sections:
        flags |= Flag.TITLE_ONLY
    if article.is_book:
        flags |= Flag.BOOK
    return flags

"""What an article must meet to be a hit: a tree of conditions, made of `Filters` and of PubMed's syntax alike.

    Condition = Term | Words | Years | Flagged | And | Or | Not

`columns` answers a tree with a bitmap for the dense leg, `lexical` with a query of its own fields for the lexical leg.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from search.article import Flag


class TermField(StrEnum):
    """The fields whose values match as a whole: `filter_terms` says which values an article has."""

    MESH = "mesh"
    MAJOR_MESH = "major"
    SUBHEADING = "subheading"
    PUBLICATION_TYPE = "type"
    JOURNAL = "journal"
    LANGUAGE = "language"
    AUTHOR = "author"
    FIRST_AUTHOR = "first-author"
    LAST_AUTHOR = "last-author"
    PMID = "pmid"
    DOI = "doi"


class TextField(StrEnum):
    """The fields whose words match one by one or as a phrase, as they are written: not stemmed."""

    TITLE = "title"
    ABSTRACT = "abstract"
    TITLE_ABSTRACT = "title/abstract"
    KEYWORDS = "keywords"
    ALL = "all fields"


@dataclass(frozen=True, slots=True)
class Term:
    """A value of a field, normalised by `filter_terms`; with `prefix`, any value that begins with it."""

    field: TermField
    value: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Words that stand side by side in a field, as they are written; with `prefix`, the last one is a beginning."""

    field: TextField
    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Years:
    """Published from `first` to `last`, both included; None is open. Articles of no known year match no range."""

    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Flagged:
    """Has a flag, as retracted or title-only articles do."""

    flag: Flag


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; no parts hold always."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds; no parts never hold."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Condition"


Condition: TypeAlias = Term | Words | Years | Flagged | And | Or | Not

"""PubMed's field tags: what they are called, which of them an index here answers, and the error at a place of the text."""

import difflib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from search.condition import TermField, TextField
from search.errors import QueryError

QUOTES = '"\u201c\u201d\u201e\u201f'
OPEN_YEAR = 3000  # how PubMed writes the end of a range that has none


class DateField(StrEnum):
    """The field whose values are years."""

    PUBLICATION = "publication date"


Field: TypeAlias = TermField | TextField | DateField

# What a tag may say, in lower case; the first of each is how `describe` writes it.
_NAMES: dict[Field, str] = {
    TextField.TITLE: "ti, title",
    TextField.ABSTRACT: "ab, abstract",
    TextField.TITLE_ABSTRACT: "tiab, title/abstract",
    TextField.KEYWORDS: "ot, other term",
    TextField.ALL: "all, all fields, tw, text word, text words",
    TermField.MESH: "mh, mesh, mesh terms",
    TermField.MAJOR_MESH: "majr, mesh major topic",
    TermField.SUBHEADING: "sh, mesh subheading, mesh subheadings",
    TermField.PUBLICATION_TYPE: "pt, publication type",
    TermField.AUTHOR: "au, author, fau, full author name, cn, author-corporate, corporate author",
    TermField.FIRST_AUTHOR: "1au, author-first, first author name",
    TermField.LAST_AUTHOR: "lastau, author-last, last author name",
    TermField.JOURNAL: "ta, jour, journal, is, issn",
    TermField.LANGUAGE: "la, lang, language",
    TermField.PMID: "pmid, uid",
    TermField.DOI: "doi, aid, article identifier, lid, location id",
    DateField.PUBLICATION: "dp, pdat, date-publication, publication date",
}
_NOT_HELD = {
    "affiliations": "ad, affiliation",
    "author identifiers": "auid, author-identifier, author identifier",
    "books of their own": "book, publisher, pubn, isbn, ed, editor",
    "conflict of interest statements": "cois, conflict of interest statements, conflict of interest statement",
    "dates but the publication date": "edat, date-entry, entry date, crdt, date-create, create date, dcom, date-completion, "
    "completion date, mhda, date-mesh, mesh date, lr, mdat, date-modification, modification date, epdat, ppdat",
    "chemicals": "nm, supplementary concept, substance name, rn, ec/rn number, pa, pharmacological action",
    "subsets": "sb, subset, filter",
    "grants": "gr, grant number, grants and funding",
    "investigators": "ir, investigator, fir, full investigator name, investigator-full",
    "issues, pages and volumes to search by": "ip, issue, pg, pagination, vi, volume",
    "journal identifiers to search by": "jid, nlm unique id, pl, place of publication",
    "names of persons as subjects": "ps, personal name as subject",
    "PMCIDs to search by": "pmc, pmcid, mid, pmcid and mid",
    "secondary source identifiers": "si, secondary source id",
    "translated titles to search by": "tt, transliterated title",
    "record owners": "owner",
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in names.split(", ")}
_LACK_OF = {name: what for what, names in _NOT_HELD.items() for name in names.split(", ")}
TAG_OF = {field: names.split(", ")[0] for field, names in _NAMES.items()}
EXPLODING = (TermField.MESH, TermField.MAJOR_MESH, TermField.PUBLICATION_TYPE)
_JOINT = re.compile(r"\s*([-/:])\s*")
_DISTANCE = re.compile(r"~?[0-9]+")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Tag:
    """A field, and whether its headings may stand for their narrower ones too."""

    field: Field
    explodes: bool


def fault(start: int, expected: str, found: str) -> QueryError:
    """The error at a place of the text, counted from 0; people count columns from 1."""
    return QueryError(f"Column {start + 1}: expected {expected}, found {found}.")


def shown(text: str) -> str:
    """The beginning of what was found, on one line."""
    line = " ".join(text[: 4 * _SHOWN].split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


def is_tag(written: str) -> bool:
    """Whether this is one of PubMed's tags, brackets included, be it one that an index here has no values for."""
    name, _, option = _spelt(written).partition(":")
    if option in ("", "noexp"):
        return name in _FIELD_OF or name in _LACK_OF
    return name in _FIELD_OF and _DISTANCE.fullmatch(option) is not None


def tag_of(written: str, start: int) -> Tag:
    """The tag that is written so, brackets included. Raises QueryError where there is none or it cannot be answered."""
    name, _, option = _spelt(written).partition(":")
    if name in _LACK_OF:
        raise fault(start, "a field that this index holds", f"{shown(written)}: it has no {_LACK_OF[name]}")
    field = _FIELD_OF.get(name)
    if field and _DISTANCE.fullmatch(option):
        raise fault(start, "a tag without a distance", f"{shown(written)}: words near each other cannot be asked for here")
    if field is None or option not in ("", "noexp") or (option and field not in EXPLODING):
        near = difflib.get_close_matches(name[:_SHOWN], _FIELD_OF, n=3) or ["mh", "tiab", "au"]
        raise fault(start, f"one of PubMed's tags, perhaps {' or '.join(f'[{one}]' for one in near)}", shown(written))
    return Tag(field, explodes=field in EXPLODING and not option)


def _spelt(written: str) -> str:
    return _JOINT.sub(r"\1", " ".join(written[1:-1].lower().split()))

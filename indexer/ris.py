"""Streams RIS, the tagged text that reference managers and literature databases export, one record at a time.

A line is a tag in two columns, two spaces, a hyphen and a value; any other line continues the value. What stands between
``ER`` and the next ``TY`` belongs to no record. How the line of ``TY`` is written, with one space or in small letters, is how
the tags of its record may be written, too: an abstract has lines like "CT - scans".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from indexer.decoding import RecordSize, text_lines
from indexer.notation import leading_year, squeeze
from indexer.parsed_file import UNNUMBERED, Place, Record
from indexer.reference_values import (
    TRUNCATED_AUTHORS,
    corrections_of,
    doi_in,
    flags_in,
    issn_in,
    languages_in,
    pmcid_in,
    printed_date,
    publication_types_of,
    reference_author,
)
from indexer.ris_pmid import pmids_named
from search.article import AbstractSection, Article
from search.errors import SourceError

# In small letters only with a known type of work: a line of an abstract may begin with "ty - based".
_BEGINS = re.compile(
    r"(TY)( {1,2})- *(\S*)|(ty)( {1,2})- *"
    r"(jour|ejour|jfull|inpr|abst|book|ebook|edbook|chap|echap|conf|cpaper|thes|rprt|mgzn|news|elec|gen)$"
)
_ENDS = re.compile(r"(?:ER|er) {1,2}-\s*")
_TAGS = {
    "TY  ": re.compile(r"([A-Z][A-Z0-9])  -(.*)|(PMID) ?-(.*)"),
    "TY ": re.compile(r"([A-Z][A-Z0-9]) {1,2}-(.*)|(PMID) ?-(.*)"),
}
_TAGS |= {begin.lower(): re.compile(pattern.pattern, re.IGNORECASE) for begin, pattern in _TAGS.items()}
_WHOLE_BOOKS = frozenset({"BOOK", "EBOOK", "EDBOOK"})
_BOOKS = _WHOLE_BOOKS | {"CHAP", "ECHAP"}
_COPYRIGHT = re.compile(r"copyright|\u00a9|\(c\)", re.IGNORECASE)
_DOI_TAGS = ("DO", "M3", "L3", "UR", "L2")  # older programs write it in other fields
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"))


@dataclass
class _TaggedRecord:
    """The fields between TY and ER: each a tag and the lines of its value."""

    line: int
    kind: str
    tagged: re.Pattern[str]
    size: RecordSize
    fields: list[tuple[str, list[str]]] = field(default_factory=list)

    @classmethod
    def begun_by(cls, begins: re.Match[str], number: int, path: Path) -> "_TaggedRecord":
        """The record whose TY stands in this line."""
        tag, spaces, kind = (part for part in begins.groups() if part is not None)
        return cls(number, kind.upper(), _TAGS[tag + spaces], RecordSize(path, number))

    def take(self, line: str) -> None:
        """Add a line: a new field, or the continuation of the last one."""
        self.size.add(line)
        found = self.tagged.fullmatch(line)
        if found:
            tag = (found.group(1) or found.group(3)).upper()
            self.fields.append((tag, [squeeze(found.group(2) or found.group(4) or "")]))
        elif self.fields:
            self.fields[-1][1].append(squeeze(line))

    def lines(self, *tags: str) -> list[str]:
        """Every line under these tags, in the file's order; reference managers write lists as lines of one field."""
        return [line for tag, lines in self.fields if tag in tags for line in lines if line]

    def values(self, *tags: str) -> list[str]:
        """Every value under these tags, in the file's order, each in one line."""
        return [value for tag, lines in self.fields if tag in tags if (value := squeeze(" ".join(lines)))]

    def first(self, *tags: str) -> str:
        """The first value of the first of these tags that has one, or ""."""
        return next((value for tag in tags for value in self.values(tag)), "")


def read_ris(stream: BinaryIO, path: Path) -> Iterator[Record]:
    """Read every record, in the file's order; a record's PMID is taken where exactly one is named as its own.

    Raises
    ------
    SourceError
        The file holds text but no line like ``TY  - JOUR``, or a record longer than any.

    """
    for ordinal, record in enumerate(_tagged_records(text_lines(stream, path), path), start=1):
        place = Place(path, f"record {ordinal}, line {record.line}")
        pmids = sorted(pmids_named(record.lines))
        written = record.first("PMID")
        if len(pmids) > 1:
            yield place.of_several_pmids(pmids)
        elif written and not pmids:
            yield place.without_pmid(written)
        else:
            yield place.record(_article(pmids[0] if pmids else UNNUMBERED, record))


def _tagged_records(lines: Iterator[str], path: Path) -> Iterator[_TaggedRecord]:
    """Group lines into records: TY begins one, and ER, another TY or the end of the file ends it."""
    record: _TaggedRecord | None = None
    stray: tuple[int, str] | None = None
    has_begun = False
    for number, line in enumerate(map(str.rstrip, lines), start=1):
        begins = _BEGINS.match(line)
        if begins:
            if record is not None:
                yield record
            record, has_begun = _TaggedRecord.begun_by(begins, number, path), True
        elif record is None:
            stray = stray or ((number, line) if line else None)
        elif _ENDS.fullmatch(line):
            yield record
            record = None
        else:
            record.take(line)
    if record is not None:
        yield record
    if stray and not has_begun:
        raise SourceError(
            f"{path}, line {stray[0]}: expected RIS, whose records begin with a line like 'TY  - JOUR', "
            f"found {stray[1][:40]!r}. Export the references again in the RIS format."
        )


def _article(pmid: int, record: _TaggedRecord) -> Article:
    """The article that the fields describe."""
    title = record.first("TI", "T1", "CT", "BT", "ST")
    abstract, copyright_line = _abstract(record)
    date = _publication_date(record)
    flags = flags_in(record.lines("N1", "M3"))
    names = _names(record)
    return Article(
        pmid=pmid,
        title=title,
        sections=(AbstractSection(abstract),) if abstract else (),
        copyright=copyright_line,
        authors=tuple(reference_author(name) for name in names if name.lower() not in TRUNCATED_AUTHORS),
        authors_complete=not any(name.lower() in TRUNCATED_AUTHORS for name in names),
        journal=title if record.kind in _WHOLE_BOOKS else record.first("JF", "T2", "BT", "JO", "JA", "J2"),
        journal_abbreviation=record.first("J2", "JA") or (record.first("JO") if record.first("JF", "T2") else ""),
        issn="" if record.kind in _BOOKS else issn_in(record.lines("SN")),
        volume=record.first("VL"),
        issue=record.first("IS"),
        pages=_pages(record),
        year=leading_year(date),
        publication_date=date,
        languages=languages_in(record.lines("LA")),
        publication_types=tuple(publication_types_of(flags)),
        keywords=_keywords(record),
        doi=doi_in(value for tag in _DOI_TAGS for value in record.lines(tag)),
        pmcid=pmcid_in(record.lines("C2", "N1", "M2")),
        corrections=corrections_of(flags),
        is_book=record.kind in _BOOKS,
    )


def _abstract(record: _TaggedRecord) -> tuple[str, str]:
    """The abstract, and the publisher's note on copying it, which some databases give as another abstract."""
    first, *others = dict.fromkeys(record.values("AB") or record.values("N2")) or ("",)
    notes = [text for text in others if _COPYRIGHT.match(text)]
    return " ".join([first, *(text for text in others if not _COPYRIGHT.match(text))]), " ".join(notes)


def _names(record: _TaggedRecord) -> list[str]:
    """The authors, or the editors where there are none, each once."""
    return list(dict.fromkeys(record.values("AU", "A1") or record.values("A2", "ED", "A3")))


def _publication_date(record: _TaggedRecord) -> str:
    """The date in NLM's words: ``2014/03/07/`` is ``2014 Mar 7``, and a day that lacks its year gets it."""
    year = leading_year(record.first("PY", "Y1", "DA"))
    date = record.first("DA", "Y1", "PY")
    if leading_year(date) is None:
        return squeeze(f"{year or ''} {date}")
    return printed_date(date if leading_year(date) == year else record.first("PY", "Y1"))


def _pages(record: _TaggedRecord) -> str:
    """``123-129``; many programs write the whole range as the first page."""
    first, last = (record.first(tag).translate(_DASHES) for tag in ("SP", "EP"))
    return first if "-" in first or last in {"", first} else f"{first}-{last}".removeprefix("-")


def _keywords(record: _TaggedRecord) -> tuple[str, ...]:
    """The keywords, without the stars of major topics."""
    words = (word.strip().lstrip("*") for line in record.lines("KW") for word in line.split(";"))
    return tuple(dict.fromkeys(word for word in words if word))

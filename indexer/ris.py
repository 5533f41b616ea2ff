"""Streams RIS, the tagged text that reference managers and literature databases export, one record at a time.

A line is a tag in two columns, two spaces, a hyphen and a value; any other line continues the value. What stands between
``ER`` and the next ``TY`` belongs to no record.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from indexer.notation import author_named, leading_year, squeeze
from indexer.parsed_file import Place, Record, SkipKind
from indexer.ris_pmid import pmids_named
from search.article import AbstractSection, Article, Author, Correction, Flag
from search.citation import MONTHS, WARNINGS
from search.condition import TermField
from search.errors import SourceError
from search.filter_terms import normalised

_BEGINS = re.compile(r"TY( {1,2})- *(\S*)")
_ENDS = re.compile(r"ER {1,2}-\s*")
_TAGGED = {
    "  ": re.compile(r"([A-Z][A-Z0-9])  -(.*)|(PMID) ?-(.*)"),
    # An abstract has lines like "CT - scans": one space before the hyphen marks a tag only where TY has it, too.
    " ": re.compile(r"([A-Z][A-Z0-9]) {1,2}-(.*)|(PMID) ?-(.*)"),
}
_WHOLE_BOOKS = frozenset({"BOOK", "EBOOK", "EDBOOK"})
_BOOKS = _WHOLE_BOOKS | {"CHAP", "ECHAP"}
_COPYRIGHT = re.compile(r"copyright|\u00a9|\(c\)", re.IGNORECASE)
_TRUNCATED_AUTHORS = ("et al", "et al.")
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi: ?)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_ISSN = re.compile(r"\b(\d{4})-?(\d{3}[\dXx])\b")
_PMCID = re.compile(r"(?:.*\bPMCID:? ?)?(PMC\d+)\b")
_WORD = re.compile(r"[^\W\d_]+")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"))
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FLAG_OF_WARNING = {warning.lower(): flag for flag, warning in WARNINGS.items()}
_REF_TYPES = {Flag.EXPRESSION_OF_CONCERN: "ExpressionOfConcernIn", Flag.ERRATUM: "ErratumIn"}


@dataclass
class _TaggedRecord:
    """The fields between TY and ER: each a tag and the lines of its value."""

    line: int
    kind: str
    tagged: re.Pattern[str]
    fields: list[tuple[str, list[str]]] = field(default_factory=list)

    def take(self, line: str) -> None:
        """Add a line: a new field, or the continuation of the last one."""
        found = self.tagged.fullmatch(line)
        if found:
            self.fields.append((found.group(1) or found.group(3), [squeeze(found.group(2) or found.group(4) or "")]))
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
        The file holds text but no line like ``TY  - JOUR``, or is in UTF-16.

    """
    for ordinal, record in enumerate(_tagged_records(_lines(stream, path), path), start=1):
        place = Place(path, f"record {ordinal}, line {record.line}")
        pmids = sorted(pmids_named(record.lines))
        if not pmids:
            yield place.without_pmid(record.first("PMID"))
        elif len(pmids) > 1:
            named = " and ".join(str(pmid) for pmid in pmids[:3])
            yield place.skip(SkipKind.INVALID_PMID, f"The record names the PMIDs {named}, and which is its own cannot be told.")
        else:
            yield place.with_text(_article(pmids[0], record))


def _lines(stream: BinaryIO, path: Path) -> Iterator[tuple[int, str]]:
    """The lines with their numbers, without their ends: UTF-8, or else what Windows programs write."""
    number = 0
    for raw in stream:
        if number == 0 and raw.startswith(_UTF_16_MARKS):
            raise SourceError(f"{path}: expected UTF-8, found UTF-16. Export the references again as UTF-8.")
        for line in raw.splitlines():
            number += 1
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                text = line.decode("cp1252", errors="replace")
            yield number, text.rstrip()


def _tagged_records(lines: Iterator[tuple[int, str]], path: Path) -> Iterator[_TaggedRecord]:
    """Group lines into records: TY begins one, and ER, another TY or the end of the file ends it."""
    record: _TaggedRecord | None = None
    stray: tuple[int, str] | None = None
    has_begun = False
    for number, line in lines:
        begins = _BEGINS.match(line)
        if begins:
            if record is not None:
                yield record
            record, has_begun = _TaggedRecord(number, begins.group(2), _TAGGED[begins.group(1)]), True
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
    flags = _flags(record)
    names = _names(record)
    return Article(
        pmid=pmid,
        title=title,
        sections=(AbstractSection(abstract),) if abstract else (),
        copyright=copyright_line,
        authors=tuple(_author(name) for name in names if name.lower() not in _TRUNCATED_AUTHORS),
        authors_complete=not any(name.lower() in _TRUNCATED_AUTHORS for name in names),
        journal=title if record.kind in _WHOLE_BOOKS else record.first("JF", "T2", "BT", "JO", "JA", "J2"),
        journal_abbreviation=record.first("J2", "JA") or (record.first("JO") if record.first("JF", "T2") else ""),
        issn="" if record.kind in _BOOKS else _issn(record),
        volume=record.first("VL"),
        issue=record.first("IS"),
        pages=_pages(record),
        year=leading_year(date),
        publication_date=date,
        languages=_languages(record),
        publication_types=tuple(WARNINGS[flag] for flag in flags if flag not in _REF_TYPES),
        keywords=_keywords(record),
        doi=_doi(record),
        pmcid=next((found.group(1) for line in record.lines("C2", "N1", "M2") if (found := _PMCID.match(line))), ""),
        corrections=tuple(Correction(_REF_TYPES[flag]) for flag in flags if flag in _REF_TYPES),
        is_book=record.kind in _BOOKS,
    )


def _abstract(record: _TaggedRecord) -> tuple[str, str]:
    """The abstract, and the publisher's note on copying it, which some databases give as another abstract."""
    written = dict.fromkeys(record.values("AB") or record.values("N2"))
    notes = [text for text in list(written)[1:] if _COPYRIGHT.match(text)]
    return " ".join(text for text in written if text not in notes), " ".join(notes)


def _flags(record: _TaggedRecord) -> list[Flag]:
    """The warnings in notes and types of work: ``Retracted Publication (J Med. 2021;13:9)``."""
    warnings = (line.partition(" (")[0].lower() for line in record.lines("N1", "M3"))
    return list(dict.fromkeys(_FLAG_OF_WARNING[warning] for warning in warnings if warning in _FLAG_OF_WARNING))


def _names(record: _TaggedRecord) -> list[str]:
    """The authors, or the editors where there are none, each once."""
    return list(dict.fromkeys(record.values("AU", "A1") or record.values("A2", "ED", "A3")))


def _author(name: str) -> Author:
    """``Smith, John A., Jr``, ``Smith JA`` or ``Smith J A``; other names of several words, or before a comma, are groups'."""
    last_name, *others = (part.strip() for part in name.split(",", 2))
    if any(others):
        fore_name, suffix = others[0], others[1] if len(others) > 1 else ""
        return Author(last_name, fore_name, _initials(fore_name), suffix)
    words = last_name.split()
    letters = len(list(takewhile(lambda word: len(word.rstrip(".")) == 1, reversed(words[1:]))))
    if letters:
        return Author(" ".join(words[:-letters]), initials=_initials(" ".join(words[-letters:])))
    named = author_named(last_name)
    is_person = named.initials or not (others or " " in last_name)
    return named if is_person else Author(collective_name=last_name)


def _initials(fore_name: str) -> str:
    """``JA`` from ``John A.``, ``J.-A.``, ``J A`` or ``JA``."""
    words = _WORD.findall(fore_name)
    return "".join(word if word.isupper() and len(word) <= 3 else word[0].upper() for word in words)  # noqa: PLR2004


def _publication_date(record: _TaggedRecord) -> str:
    """The date in NLM's words: ``2014/03/07/`` is ``2014 Mar 7``, and a day that lacks its year gets it."""
    year = leading_year(record.first("PY", "Y1", "DA"))
    date = record.first("DA", "Y1", "PY")
    if leading_year(date) is None:
        return squeeze(f"{year or ''} {date}")
    return _printed(date if leading_year(date) == year else record.first("PY", "Y1"))


def _printed(date: str) -> str:
    """``2014 Mar 7`` from ``2014/03/07/``, and what follows the third slash as it is; other dates are left alone."""
    year, *rest = (part.strip() for part in date.split("/", 3))
    if not rest or leading_year(year) is None:
        return date
    month, day, other = (*rest, "", "")[:3]
    name = MONTHS[int(month) - 1] if month.isascii() and month.isdigit() and 1 <= int(month[:3]) <= len(MONTHS) else ""
    return squeeze(f"{year} {name} {day.lstrip('0') if name else ''} {other}")


def _pages(record: _TaggedRecord) -> str:
    """``123-129``; many programs write the whole range as the first page."""
    first, last = (record.first(tag).translate(_DASHES) for tag in ("SP", "EP"))
    return first if "-" in first or last in {"", first} else f"{first}-{last}".removeprefix("-")


def _issn(record: _TaggedRecord) -> str:
    """The first ISSN as NLM writes it; programs leave out the hyphen, or add words."""
    found = next((found for line in record.lines("SN") if (found := _ISSN.search(line))), None)
    return f"{found.group(1)}-{found.group(2).upper()}" if found else ""


def _languages(record: _TaggedRecord) -> tuple[str, ...]:
    """The languages by NLM's codes, where they are known."""
    names = (normalised(TermField.LANGUAGE, name) for line in record.lines("LA") for name in re.split("[;,]", line))
    return tuple(dict.fromkeys(name for name in names if name))


def _keywords(record: _TaggedRecord) -> tuple[str, ...]:
    """The keywords, without the stars of major topics."""
    words = (word.strip().lstrip("*") for line in record.lines("KW") for word in line.split(";"))
    return tuple(dict.fromkeys(word for word in words if word))


def _doi(record: _TaggedRecord) -> str:
    """The DOI, bare or in an address; older programs write it in other fields."""
    values = (value for tag in ("DO", "M3", "L3", "UR", "L2") for value in record.lines(tag))
    return next((found.group(1) for value in values if (found := _DOI.match(value))), "")

"""Streams NBIB, the tagged text that PubMed exports ("PubMed format"), one record at a time.

A line is a tag in four columns, a dash and a value; indented lines continue the value. An abstract stands in one piece,
its section labels in the text, and stays so. The tags: https://www.nlm.nih.gov/bsd/mms/medlineelements.html

A record ends before the next PMID. Where records have none, a blank line ends one, but not every blank line does: files that
went through other programs have some within their records, or one after each line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from indexer.decoding import RecordSize, text_lines
from indexer.notation import author_named, iso_date, leading_year, mesh_heading_of, pmid_of, squeeze
from indexer.parsed_file import UNNUMBERED, Place, Record, SkipKind
from search.article import AbstractSection, Article, Author, Correction, OtherAbstract
from search.errors import SourceError

_TAGGED = re.compile(r"([A-Z][A-Z0-9 ]{3})-(?: .*)?")
_VALUE_AT = len("PMID- ")
_TAGGED_IN_SMALL_LETTERS = re.compile(_TAGGED.pattern, re.IGNORECASE)
# A record has each of these once, and a blank line before another one stands between two records.
_ONCE = frozenset({"PMID", "OWN", "STAT", "TI", "BTI", "AB", "DP", "VI", "IP", "PG", "TA", "JT", "SO"})
_LAST = "SO"  # PubMed writes nothing behind it
_FIRST = frozenset({"PMID", "OWN", "TI"})  # with one of these a record begins
_CONTENT = frozenset({"TI", "BTI", "AB", "FAU", "AU"})  # and with one of these it has gone on
_ARTICLE_ID = re.compile(r"(\S+) \[doi\]")
_LINKED = re.compile(r"\s*\bPMID:\s*(\d+)")
_OTHER_ABSTRACT_KIND = re.compile(r"(AAMC|AIDS|KIE|PIP|NASA|Publisher|plain-language-summary): +", re.IGNORECASE)
_TRUNCATED_AUTHORS = ("et al", "et al.")
_REF_TYPES = {
    "CIN": "CommentIn",
    "CON": "CommentOn",
    "CRF": "CorrectedandRepublishedFrom",
    "CRI": "CorrectedandRepublishedIn",
    "ECF": "ExpressionOfConcernFor",
    "ECI": "ExpressionOfConcernIn",
    "EFR": "ErratumFor",
    "EIN": "ErratumIn",
    "ORI": "OriginalReportIn",
    "RIN": "RetractionIn",
    "ROF": "RetractionOf",
    "RPF": "RepublishedFrom",
    "RPI": "RepublishedIn",
    "RRF": "RetractedandRepublishedFrom",
    "RRI": "RetractedandRepublishedIn",
    "SPIN": "SummaryForPatientsIn",
    "UIN": "UpdateIn",
    "UOF": "UpdateOf",
}


@dataclass
class _Field:
    """A tag and the lines of its value."""

    tag: str
    lines: list[str]

    @cached_property
    def value(self) -> str:
        """The value in one line; to be asked for when the record is complete."""
        return squeeze(" ".join(self.lines))


@dataclass
class _TaggedRecord:
    """The fields between one PMID and the next, and the first line that is none of them."""

    line: int
    size: RecordSize
    fields: list[_Field] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    fault: str = ""

    def ends_before(self, tag: str, *, after_blank: bool) -> bool:
        """Whether a field with this tag begins another record."""
        if not after_blank:
            return tag == "PMID" and tag in self.tags
        repeats = tag in _ONCE and tag in self.tags
        return repeats or _LAST in self.tags or (tag in _FIRST and not self.tags.isdisjoint(_CONTENT))

    def take(self, number: int, line: str, tag: str) -> None:
        """Add a line: a new field where it has a tag, else the continuation of the last one, or a fault."""
        self.size.add(line)
        if tag:
            self.tags.add(tag)
            self.fields.append(_Field(tag, [line[_VALUE_AT:]]))
        elif line[0].isspace():
            self.fields[-1].lines.append(line)
        elif not self.fault:
            self.fault = f"Line {number} is neither a tagged line nor an indented one: {line[:40]!r}."

    @cached_property
    def by_tag(self) -> dict[str, list[str]]:
        """The values under their tags; to be asked for when the record is complete."""
        values: dict[str, list[str]] = {}
        for one in self.fields:
            if one.value:
                values.setdefault(one.tag, []).append(one.value)
        return values

    def values(self, tag: str) -> list[str]:
        """Every value of the tag, in order."""
        return self.by_tag.get(tag, [])

    def first(self, *tags: str) -> str:
        """The first value of the first of these tags that has one, or ""."""
        return next((value for tag in tags for value in self.values(tag)), "")


def read_nbib(stream: BinaryIO, path: Path) -> Iterator[Record]:
    """Read every record, in the file's order.

    Raises
    ------
    SourceError
        The file does not begin with a tagged line, or a record is longer than any.

    """
    for ordinal, record in enumerate(_tagged_records(text_lines(stream, path), path), start=1):
        place = Place(path, f"record {ordinal}, line {record.line}")
        written = record.first("PMID")
        pmid = pmid_of(written)
        if record.fault:
            yield place.skip(SkipKind.MALFORMED, record.fault)
        elif pmid is None and written:
            yield place.without_pmid(written)
        else:
            yield place.record(_article(pmid or UNNUMBERED, record))


def _tagged_records(lines: Iterator[str], path: Path) -> Iterator[_TaggedRecord]:
    """Group lines into records."""
    record: _TaggedRecord | None = None
    pattern = _TAGGED
    after_blank = False
    for number, line in enumerate(map(str.rstrip, lines), start=1):
        if not line:
            after_blank = True
            continue
        if record is None:
            pattern = _pattern_of(line, number, path)
        tagged = pattern.fullmatch(line)
        tag = tagged.group(1).rstrip().upper() if tagged else ""
        if record is not None and tag and record.ends_before(tag, after_blank=after_blank):
            yield record
            record = None
        record = record or _TaggedRecord(number, RecordSize(path, number))
        after_blank = False
        record.take(number, line, tag)
    if record is not None:
        yield record


def _pattern_of(line: str, number: int, path: Path) -> re.Pattern[str]:
    """What a tagged line looks like in a file that begins with this one: in small letters only where that is."""
    for pattern in (_TAGGED, _TAGGED_IN_SMALL_LETTERS):
        if pattern.fullmatch(line):
            return pattern
    raise _not_nbib(path, number, line)


def _not_nbib(path: Path, number: int, line: str) -> SourceError:
    """The error of a file that does not begin as NBIB."""
    return SourceError(
        f"{path}, line {number}: expected NBIB, which begins with a line like 'PMID- 12345678', "
        f"found {line[:40]!r}. Export the records from PubMed in the 'PubMed' format."
    )


def _article(pmid: int, record: _TaggedRecord) -> Article:
    """The article that the fields describe."""
    publication_date = record.first("DP")
    electronic_date = _iso_date(record.first("DEP"))
    abstract = record.first("AB")
    book_title = record.first("BTI")
    return Article(
        pmid=pmid,
        title=record.first("TI", "BTI", "TT"),
        sections=(AbstractSection(abstract),) if abstract else (),
        vernacular_title=record.first("TT"),
        other_abstracts=_other_abstracts(record),
        copyright=record.first("CI"),
        authors=_authors(record, "FAU", "AU") or _authors(record, "FED", "ED"),
        authors_complete=not any(value.lower() in _TRUNCATED_AUTHORS for value in record.values("AU")),
        journal=book_title or record.first("JT", "TA"),
        journal_abbreviation=record.first("TA"),
        issn=_issn(record),
        volume=record.first("VI"),
        issue=record.first("IP"),
        pages=record.first("PG"),
        year=leading_year(publication_date) or leading_year(electronic_date),
        publication_date=publication_date,
        electronic_date=electronic_date,
        revised=_iso_date(record.first("LR", "DCOM")),
        publication_model=record.first("PUBM"),
        languages=tuple(record.values("LA")),
        publication_types=tuple(dict.fromkeys(record.values("PT"))),
        mesh=tuple(mesh_heading_of(heading) for heading in record.values("MH")),
        keywords=tuple(dict.fromkeys(keyword.removeprefix("*") for keyword in record.values("OT"))),
        doi=_doi(record),
        pmcid=record.first("PMC"),
        corrections=_corrections(record),
        is_book=bool(book_title),
    )


def _iso_date(digits: str) -> str:
    """``20140307`` as ISO 8601."""
    return iso_date(digits[:4], digits[4:6], digits[6:8])


def _other_abstracts(record: _TaggedRecord) -> tuple[OtherAbstract, ...]:
    """The abstracts beside the main one, each with the language that follows it; English is the default."""
    found: list[OtherAbstract] = []
    for one in record.fields:
        if one.tag == "OAB" and one.value:
            kind = _OTHER_ABSTRACT_KIND.match(one.value)
            text = one.value[kind.end() :] if kind else one.value
            found.append(OtherAbstract((AbstractSection(text),), language="eng", kind=kind.group(1) if kind else ""))
        elif one.tag == "OABL" and found:
            found[-1] = replace(found[-1], language=one.value)
    return tuple(found)


def _authors(record: _TaggedRecord, full_tag: str, short_tag: str) -> tuple[Author, ...]:
    """People and groups in order; a full name stands before the short form of the same person."""
    authors: list[Author] = []
    full = ""
    for one in record.fields:
        if one.tag == full_tag:
            authors.extend([_author(full, "")] if full else [])
            full = one.value
        elif one.tag == short_tag:
            is_named = (full or one.value) and one.value.lower() not in _TRUNCATED_AUTHORS
            authors.extend([_author(full, one.value)] if is_named else [])
            full = ""
        elif one.tag == "CN" and one.value:
            authors.append(Author(collective_name=one.value))
    authors.extend([_author(full, "")] if full else [])
    return tuple(authors)


def _author(full: str, short: str) -> Author:
    """``Smith, John A Jr`` and ``Smith JA Jr`` as one author; either form may be missing."""
    named = author_named(full or short)
    if not full or not short.startswith(f"{named.last_name} "):
        return named
    initials, _, suffix = short.removeprefix(named.last_name).strip().partition(" ")
    fore_name = named.fore_name.removesuffix(f" {suffix}") if suffix else named.fore_name
    return replace(named, fore_name=fore_name, initials=initials, suffix=suffix)


def _issn(record: _TaggedRecord) -> str:
    """The journal's own ISSN before the one that links its print and electronic editions."""
    written = sorted(record.values("IS"), key=lambda value: "(Linking)" in value)
    return written[0].split()[0] if written else ""


def _doi(record: _TaggedRecord) -> str:
    """The DOI among the article's ids, or its location id."""
    found = (_ARTICLE_ID.fullmatch(value) for value in (*record.values("AID"), *record.values("LID")))
    return next((match.group(1) for match in found if match), "")


def _corrections(record: _TaggedRecord) -> tuple[Correction, ...]:
    """The links to other records: ``Lancet. 2000 Dec 9;356(9246):2008. PMID: 11130543``."""
    links = []
    for one in record.fields:
        if one.tag in _REF_TYPES and one.value:
            linked = _LINKED.search(one.value)
            source = one.value[: linked.start()].removesuffix(".") if linked else one.value
            links.append(Correction(_REF_TYPES[one.tag], pmid_of(linked.group(1)) if linked else None, source))
    return tuple(links)

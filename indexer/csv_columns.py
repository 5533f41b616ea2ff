"""What the columns of a CSV file are called, by PubMed, by ourselves, by reference managers and by databases.

A header's case, spaces and punctuation do not count: ``PubMed ID``, ``pubmed_id`` and ``PubmedId`` are one name.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice


class Column(StrEnum):
    """What a column says of an article."""

    PMID = "PMID"
    TITLE = "title"
    ABSTRACT = "abstract"
    AUTHORS = "authors"
    JOURNAL = "journal"
    ABBREVIATION = "journal abbreviation"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    DATE = "date"
    VOLUME = "volume"
    ISSUE = "issue"
    PAGES = "pages"
    FIRST_PAGE = "first page"
    LAST_PAGE = "last page"
    ISSN = "ISSN"
    DOI = "DOI"
    PMCID = "PMCID"
    URL = "URL"
    LANGUAGE = "language"
    MESH = "MeSH"
    KEYWORDS = "keywords"
    PUBLICATION_TYPE = "publication type"
    WORK = "kind of work"
    NOTES = "notes"
    ACCESSION = "accession number"
    DATABASE = "database"
    CITATION = "citation"
    FLAGS = "flags"
    RANK = "rank"
    AS_OF = "as of"


# The first name of a column that a file has is looked at first. Two letters are Web of Science's.
_NAMES = {
    Column.PMID: "pmid, pubmed id, pubmed, medline pmid, pubmed pmid, pubmed number, pm",
    Column.TITLE: "title, article title, document title, primary title, title of article, paper title, ti",
    Column.ABSTRACT: "abstract, abstract note, abstract text, ab",
    Column.AUTHORS: "authors, author, author s, author names, authors primary, author full names, af, au",
    Column.JOURNAL: "journal, journal book, publication title, source title, journal title, journal name, publication name, "
    "secondary title, periodical, publication, source, so",
    Column.ABBREVIATION: "journal abbreviation, abbreviated source title, journal iso abbreviation, iso abbreviation, ji, j9",
    Column.YEAR: "year, publication year, published year, pub year, year published, year of publication, py",
    Column.MONTH: "month, published month, publication month",
    Column.DAY: "day",
    Column.DATE: "date, publication date, date of publication, pub date",
    Column.VOLUME: "volume, vl",
    Column.ISSUE: "issue, issue number, number, is",
    Column.PAGES: "pages, pagination, page range",
    Column.FIRST_PAGE: "page start, start page, first page, bp",
    Column.LAST_PAGE: "page end, end page, last page, ep",
    Column.ISSN: "issn, isbn issn, e issn, eissn, sn",
    Column.DOI: "doi, digital object identifier, doi link, di",
    Column.PMCID: "pmcid, pmc id, pmc",
    Column.URL: "url, urls, link, links, web address",
    Column.LANGUAGE: "language, languages, language of original document, la",
    Column.MESH: "mesh, mesh terms, mesh headings, mesh heading",
    Column.KEYWORDS: "keywords, keyword, author keywords, tags, manual tags, automatic tags, de",
    Column.PUBLICATION_TYPE: "publication types, publication type, document type, dt",
    Column.WORK: "item type, reference type, type of work, type",
    Column.NOTES: "extra, notes, note",
    Column.ACCESSION: "accession number, accession no",
    Column.DATABASE: "name of database, database, database provider",
    Column.CITATION: "citation",
    Column.FLAGS: "flags",
    Column.RANK: "rank",
    Column.AS_OF: "as of",
}
_PUNCTUATION = re.compile(r"[\W_]+")
_CERTAIN_NAMES = 3
_DELIMITERS = (",", ";", "\t")
_LINES_BEFORE_HEADER = 10  # some databases write what was exported and when above the header


def _plain(name: str) -> str:
    return _PUNCTUATION.sub("", name).lower()


_COLUMN_OF = {_plain(name): column for column, names in _NAMES.items() for name in names.split(", ")}
_PLACE_OF = {_plain(name): place for names in _NAMES.values() for place, name in enumerate(names.split(", "))}
_IDENTIFYING = frozenset({Column.PMID, Column.ABSTRACT, Column.DOI, Column.AUTHORS, Column.JOURNAL})


@dataclass(frozen=True, slots=True)
class Header:
    """The names in a line, what they were divided by, and where each known column stands, the better names first."""

    names: tuple[str, ...]
    delimiter: str
    places: Mapping[Column, tuple[int, ...]]

    @property
    def is_of_records(self) -> bool:
        """Whether the records below can be found by something."""
        return Column.TITLE in self.places

    @property
    def is_of_articles(self) -> bool:
        """Whether a file called a table is one of articles."""
        return self.is_of_records and not _IDENTIFYING.isdisjoint(self.places)

    @property
    def is_certain(self) -> bool:
        """Whether this is the header of a list of articles, whatever the file is called: a line of prose has no such names."""
        return self.is_of_articles and (Column.PMID in self.places or len(self.places) >= _CERTAIN_NAMES)

    @property
    def is_ours(self) -> bool:
        """Whether it is that of our own export."""
        return {Column.RANK, Column.FLAGS, Column.AS_OF} <= self.places.keys()


def header_in(lines: Iterable[str]) -> tuple[Header, int] | None:
    """The header among the first lines of a file and its line, from 1; the first line's where none names a title."""
    first: tuple[Header, int] | None = None
    for number, line in islice(enumerate(lines, start=1), _LINES_BEFORE_HEADER):
        if line.strip() and not line.lower().startswith("sep="):  # Excel's, which names the delimiter
            header = _header_of(line)
            if header.is_of_records and len(header.places) > 1:
                return header, number
            first = first or (header, number)
    return first


def known_names() -> str:
    """The names to give a file's columns, in a sentence."""
    return ", ".join(names.split(", ")[0] for column, names in _NAMES.items() if column in _IDENTIFYING | {Column.YEAR})


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of one line."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a cell longer than any header
        return []


def _header_of(line: str) -> Header:
    """The line as the delimiter divides it that gives the most known columns."""
    headers = [_header(cells_of(line, delimiter), delimiter) for delimiter in _DELIMITERS]
    return max(headers, key=lambda header: (len(header.places), len(header.names)))


def _header(cells: Sequence[str], delimiter: str) -> Header:
    names = tuple(" ".join(cell.split()) for cell in cells)
    plain = [_plain(name) for name in names]
    known = sorted((_PLACE_OF[name], place) for place, name in enumerate(plain) if name in _COLUMN_OF)
    places: dict[Column, tuple[int, ...]] = {}
    for _, place in known:
        column = _COLUMN_OF[plain[place]]
        places[column] = (*places.get(column, ()), place)
    return Header(names, delimiter, places)

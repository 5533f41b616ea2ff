"""What a row of CSV says of its article, in the words of whichever program wrote it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from indexer.csv_columns import Column
from indexer.csv_row import Row
from indexer.notation import leading_year, mesh_heading_of, pmid_of, squeeze
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
from search.article import AbstractSection, Article, Flag

# How programs write that there is no number; spreadsheets and scripts make 0 of an empty cell.
_NO_PMID = frozenset({"na", "n/a", "nan", "none", "null", "-", "--", "0", "0.0", "not available", "not found"})
# Spreadsheets and scripts make 24293578.0 of 24293578 where other rows have none.
_PMID = re.compile(r"(?:(?:pmid|pubmed(?: id)?)[:=]? ?)?(\d+)(?:\.0+)?(?: ?\[pmid\])?", re.IGNORECASE)
_PUBMED_URL = re.compile(
    r"https?://(?:pubmed\.ncbi\.nlm\.nih\.gov|(?:www\.)?ncbi\.nlm\.nih\.gov/pubmed)/(\d+)/?", re.IGNORECASE
)
# PubMed's: "J Med. 2014 Mar-Apr;12(4 Suppl 1):371-5. doi: 10.5555/x. Epub 2014 Feb 7."
_CITATION = re.compile(
    r"\. (?P<date>(?:1[5-9]|20)\d\d[^;:.]*)(?:;(?P<volume>[^();:.]*)(?:\((?P<issue>[^()]*)\))?)?(?::(?P<pages>[^.]+))?\."
)
_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})(?:-(\d{1,2}))?(?!\d).*")
_AUTHOR_NUMBER = re.compile(r" ?\(\d+\)$")  # Scopus'
_INITIALS = re.compile(r"(?:[^\W\d_]\.?[ -]?){1,4}")
_BOOKS = ("book", "chapter")
_RETRACTED = "retracted"
_FLAG_OF_LABEL = {label: flag for flag in Flag for label in flag.labels}


@dataclass(frozen=True, slots=True)
class Pmids:
    """The PMIDs that a row names as its own; `invalid` is what stands in the place of one and is none."""

    named: tuple[int, ...] = ()
    invalid: str = ""


def pmids_in(row: Row) -> Pmids:
    """The PMID in the column of the PMIDs; where it is empty, those that notes, links and accession numbers name."""
    written = row.first(Column.PMID)
    if written and written.lower() not in _NO_PMID:
        found = _PMID.fullmatch(written) or _PUBMED_URL.fullmatch(written)
        pmid = pmid_of(found.group(1)) if found else None
        return Pmids((pmid,)) if pmid else Pmids(invalid=written)
    return Pmids(tuple(sorted(pmids_named(lambda *tags: list(_named_lines(row, tags))))))


def _named_lines(row: Row, tags: tuple[str, ...]) -> Iterator[str]:
    """The lines that in RIS would stand under these tags."""
    databases = row.lines(Column.DATABASE)
    for tag in tags:
        if tag == "AN":  # a number of a database that is not named may be anyone's
            yield from (line for line in row.lines(Column.ACCESSION) if databases or not line.isdigit())
        elif tag == "DB":
            yield from databases
        elif tag == "N1":
            yield from row.lines(Column.NOTES)
        elif tag == "UR":
            yield from row.lines(Column.URL)


def article_in(row: Row, pmid: int) -> Article:
    """The article that a row describes."""
    cited = _CITATION.search(row.first(Column.CITATION))
    citation = cited.groupdict("") if cited else {}
    abstract = row.first(Column.ABSTRACT)
    names = _names(row)
    flags = _flags(row)
    date = _publication_date(row, citation.get("date", ""))
    types = [*_listed(row, Column.PUBLICATION_TYPE, ";|\n"), *publication_types_of(flags)]
    return Article(
        pmid=pmid,
        title=row.first(Column.TITLE),
        sections=(AbstractSection(abstract),) if abstract else (),
        authors=tuple(reference_author(name) for name in names if name.lower() not in TRUNCATED_AUTHORS),
        authors_complete=not any(name.lower() in TRUNCATED_AUTHORS for name in names),
        journal=row.first(Column.JOURNAL),
        journal_abbreviation=row.first(Column.ABBREVIATION),
        issn=issn_in(row.lines(Column.ISSN)),
        volume=row.first(Column.VOLUME) or squeeze(citation.get("volume", "")),
        issue=row.first(Column.ISSUE) or squeeze(citation.get("issue", "")),
        pages=_pages(row) or squeeze(citation.get("pages", "")),
        year=leading_year(date),
        publication_date=date,
        languages=languages_in(row.lines(Column.LANGUAGE)),
        publication_types=tuple(dict.fromkeys(types)),
        mesh=tuple(mesh_heading_of(heading) for heading in _listed(row, Column.MESH, ";|\n")),
        keywords=_keywords(row),
        doi=doi_in(row.lines(Column.DOI)) or doi_in(row.lines(Column.URL)),
        pmcid=pmcid_in([*row.lines(Column.PMCID), *row.lines(Column.NOTES)]),
        corrections=corrections_of(flags),
        is_book=_is_book(row) or Flag.BOOK in flags,
    )


def _flags(row: Row) -> list[Flag]:
    """What must be known of the article: our own flags, warnings in notes, and the type of work in Scopus."""
    labels = _listed(row, Column.FLAGS, ";")
    is_retracted = any(kind.lower() == _RETRACTED for kind in _listed(row, Column.PUBLICATION_TYPE, ";|\n"))
    found = [_FLAG_OF_LABEL[label] for label in labels if label in _FLAG_OF_LABEL]
    return [*found, *flags_in(row.lines(Column.NOTES)), *([Flag.RETRACTED] if is_retracted else [])]


def _listed(row: Row, column: Column, separators: str) -> list[str]:
    """The values of a column, each once, as any of these characters divide them."""
    values = (squeeze(value) for cell in row.raw(column) for value in re.split(f"[{separators}]", cell))
    return list(dict.fromkeys(value for value in values if value))


def _keywords(row: Row) -> tuple[str, ...]:
    """The keywords, without the stars of major topics; commas divide them where nothing else does."""
    cells = row.raw(Column.KEYWORDS)
    words = (word for cell in cells for word in re.split(r"[;|\n]" if re.search(r"[;|\n]", cell) else ",", cell))
    return tuple(dict.fromkeys(keyword for word in words if (keyword := squeeze(word).lstrip("*"))))


def _pages(row: Row) -> str:
    """``123-129``."""
    ends = (row.first(Column.FIRST_PAGE), row.first(Column.LAST_PAGE))
    return row.first(Column.PAGES) or "-".join(dict.fromkeys(page for page in ends if page))


def _publication_date(row: Row, cited: str) -> str:
    """The most exact date, in NLM's words, that the year does not contradict."""
    year, month, day = (row.first(column).removesuffix(".0") for column in (Column.YEAR, Column.MONTH, Column.DAY))
    in_columns = f"{year}/{month}/{day}" if month.isdigit() else f"{year} {month[:3].title()} {day}" if month else ""
    date = _ISO_DATE.sub(r"\1/\2/\3", row.first(Column.DATE))
    with_year = date if leading_year(date) is not None else f"{year} {date}" if date else ""  # EndNote's has none
    written = (in_columns, with_year, squeeze(cited))
    dates = [printed_date(squeeze(date)) for date in written if leading_year(date) is not None]
    fitting = (date for date in dates if not year or leading_year(date) == leading_year(year))
    return next(fitting, year or next(iter(dates), ""))


def _is_book(row: Row) -> bool:
    """Whether the kind of work, in any program's words, is a book or part of one."""
    return any(word in kind.lower() for kind in row.lines(Column.WORK) for word in _BOOKS)


def _names(row: Row) -> list[str]:
    """The authors as they are written, each once, whatever divides them."""
    text = next(iter(row.raw(Column.AUTHORS)), "")
    for divider in (";", "\n"):
        if divider in text:
            return _cleaned(text.split(divider))
    by_and = re.split(r" and |, & ", text)
    if len(by_and) > 1 and all("," in name for name in by_and):
        return _cleaned(by_and)
    return _cleaned(_divided_by_commas(text))


def _divided_by_commas(text: str) -> list[str]:
    """``Smith JA, Doe B.`` are two people, ``Smith, J.A., Doe, B.`` too, and ``Smith, John A`` is one."""
    parts = [part.strip() for part in text.split(",")]
    last_names, first_names = parts[::2], parts[1::2]
    if len(parts) == 2 and any(_is_one_word(part) for part in parts):  # noqa: PLR2004 - a last name and the first ones
        return [text]
    if first_names and (_are_initials(first_names[0]) or (len(parts) % 2 == 0 and all(map(_is_one_word, last_names)))):
        return [", ".join(part for part in pair if part) for pair in zip_longest(last_names, first_names, fillvalue="")]
    # The full stop behind PubMed's lists belongs to no name.
    return [*parts[:-1], parts[-1].removesuffix(".") if text.count(".") == 1 else parts[-1]]


def _is_one_word(name: str) -> bool:
    """Whether a name has one word beside its small ones: ``Smith``, ``van der Berg``."""
    return sum(not word[0].islower() for word in name.split()) <= 1


def _are_initials(name: str) -> bool:
    return name.isupper() and _INITIALS.fullmatch(name) is not None


def _cleaned(names: list[str]) -> list[str]:
    """The names, each once, without the numbers that databases give people."""
    cleaned = (_AUTHOR_NUMBER.sub("", squeeze(name)).strip(" ,") for name in names)
    return list(dict.fromkeys(name for name in cleaned if name))

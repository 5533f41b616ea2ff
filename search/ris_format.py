"""Writes RIS, the tagged text that every reference manager reads.

A line is a tag in two columns, two spaces, a hyphen, a space and a value, and ends in CR LF; no value holds a line break.
"""

from collections.abc import Iterable, Iterator

from search.article import Article, Author
from search.citation import (
    MONTHS,
    first_and_last_page,
    fore_name_of,
    headings_and_keywords,
    one_line,
    warnings,
)

_LINE_END = "\r\n"
_MONTH_NUMBERS = frozenset(f"{number:0{digits}}" for number in range(1, len(MONTHS) + 1) for digits in (1, 2))


def to_ris(articles: Iterable[Article], currency: str = "") -> str:
    """The articles as RIS; `currency`, how current the data is, stands in each record's name of the database."""
    return _LINE_END.join(_record(article, currency) for article in articles)


def _record(article: Article, currency: str) -> str:
    fields = (*_work(article), *_place(article), *_content(article), *_origin(article, currency))
    lines = [f"{tag}  - {line}" for tag, value in fields if (line := one_line(value))]
    return _LINE_END.join([*lines, "ER  - ", ""])


def _work(article: Article) -> Iterator[tuple[str, str]]:
    """Which work it is, and whose."""
    is_chapter = article.is_book and article.journal not in {"", article.title}
    yield "TY", "CHAP" if is_chapter else "BOOK" if article.is_book else "JOUR"
    yield "TI", article.title
    yield from (("AU", author_line(author)) for author in article.authors)
    if is_chapter or not article.is_book:
        yield "T2", article.journal or article.journal_abbreviation
        yield "J2", article.journal_abbreviation


def _place(article: Article) -> Iterator[tuple[str, str]]:
    """When and where it was published."""
    first_page, last_page = first_and_last_page(article.pages)
    yield "PY", str(article.year or "")
    yield "DA", _date(article)
    yield "VL", article.volume
    yield "IS", article.issue
    yield "SP", first_page
    yield "EP", last_page
    yield "SN", article.issn
    yield "LA", "; ".join(article.languages)


def _content(article: Article) -> Iterator[tuple[str, str]]:
    """What it says, and what must be known of it."""
    yield "AB", article.abstract
    yield from (("KW", word) for word in headings_and_keywords(article))
    yield from (("N1", warning) for warning in warnings(article))


def _origin(article: Article, currency: str) -> Iterator[tuple[str, str]]:
    """By which names it is found; of an article that is not PubMed's nothing is said of PubMed."""
    yield "DO", article.doi
    yield "C2", article.pmcid
    if not article.is_local:
        yield "AN", str(article.pmid)
        yield "DB", currency or "PubMed"
        yield "UR", article.url


def author_line(author: Author) -> str:
    """``Smith, John A, Jr``; a group, or a person of one name, stands without a comma of ours."""
    if author.collective_name:
        return author.collective_name
    return ", ".join(part for part in (author.last_name, fore_name_of(author), author.suffix) if part)


def _date(article: Article) -> str:
    """``2014/03/07/``, as far as it is known, and what is no date after the third slash: ``1998///Dec-1999 Jan``."""
    rest = one_line(article.publication_date.replace(str(article.year), "", 1))
    if article.year is None or not rest:
        return ""
    month, _, day = rest.partition(" ")
    number = _month_number(month)
    if not number or not (day == "" or (day.isascii() and day.isdigit())):
        return f"{article.year}///{rest}"
    return f"{article.year}/{number:02d}/{day.zfill(2) if day else ''}/"


def _month_number(month: str) -> int:
    """1-12 from ``Mar`` or ``03``; 0 where it is neither."""
    if month in MONTHS:
        return MONTHS.index(month) + 1
    return int(month) if month in _MONTH_NUMBERS else 0

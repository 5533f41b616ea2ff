"""Writes CSV as RFC 4180 has it, safe to open in a spreadsheet.

A cell that a spreadsheet would run as a formula, because it begins with ``=``, ``+``, ``-``, ``@`` or one of their
full-width forms, gets an apostrophe before it, which shows it as text; numbers of our own are left as they are.
"""

import csv
import io
from collections.abc import Iterable

from search.citation import one_line
from search.results import SearchResult

COLUMNS = (
    "rank",
    "pmid",
    "score",
    "title",
    "authors",
    "journal",
    "year",
    "volume",
    "issue",
    "pages",
    "doi",
    "pmcid",
    "publication_types",
    "mesh",
    "flags",
    "abstract",
    "url",
    "as_of",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def to_csv(hits: Iterable[SearchResult], currency: str = "") -> str:
    """The hits as CSV, a header first; lists are joined by ``; `` and every cell is one line."""
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(COLUMNS)
    writer.writerows(_row(hit, currency) for hit in hits)
    return page.getvalue()


def _row(hit: SearchResult, currency: str) -> list[str | int | float]:
    article = hit.article
    texts = (
        article.volume,
        article.issue,
        article.pages,
        article.doi,
        article.pmcid,
        "; ".join(article.publication_types),
        "; ".join(heading.descriptor for heading in article.mesh),
        "; ".join(article.flags.labels),
        article.abstract,
        article.url,
        currency,
    )
    title, authors = _cell(article.title), _cell("; ".join(author.name for author in article.authors))
    journal = _cell(article.journal or article.journal_abbreviation)
    return [hit.rank, hit.pmid, hit.score, title, authors, journal, article.year or "", *map(_cell, texts)]


def _cell(text: str) -> str:
    """The text in one line, which no spreadsheet runs."""
    line = one_line(text)
    return f"'{line}" if line.startswith(_FORMULA_STARTS) else line

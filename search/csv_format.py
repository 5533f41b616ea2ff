"""Writes CSV as RFC 4180 has it, safe to open in a spreadsheet.

A cell that a spreadsheet would run as a formula, because it begins with ``=``, ``+``, ``-``, ``@`` or one of their
full-width forms, gets an apostrophe before it, which shows it as text; numbers of our own are left as they are.
"""

import csv
import io
import math
from collections.abc import Iterable, Sequence

from search.citation import one_line
from search.questions import Question
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
# Before these, where the hits answer several questions: the second where the questions have identities of their own.
QUESTION_COLUMNS = ("question", "question_id")
_FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def to_csv(hits: Iterable[SearchResult], currency: str = "") -> str:
    """The hits as CSV, a header first; lists are joined by ``; `` and every cell is one line."""
    return _lines([COLUMNS]) + _lines(_row(hit, currency) for hit in hits)


class CsvOfQuestions:
    """The answers to several questions as one CSV, a piece at a time; each row says first which question it answers."""

    def __init__(self, *, identified: bool) -> None:
        self._columns = QUESTION_COLUMNS if identified else QUESTION_COLUMNS[:1]

    def header(self) -> str:
        """The line that goes first."""
        return _lines([(*self._columns, *COLUMNS)])

    def rows(self, question: Question, hits: Iterable[SearchResult], currency: str = "") -> str:
        """The hits of one question."""
        asked = [_cell(text) for text in (question.text, question.identity)[: len(self._columns)]]
        return _lines([*asked, *_row(hit, currency)] for hit in hits)


def _lines(rows: Iterable[Sequence[str | int | float]]) -> str:
    page = io.StringIO()
    csv.writer(page).writerows(rows)
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
        "" if article.is_local else currency,
    )
    title, authors = _cell(article.title), _cell("; ".join(author.name for author in article.authors))
    journal = _cell(article.journal or article.journal_abbreviation)
    pmid = "" if article.is_local else hit.pmid
    score = "" if math.isnan(hit.score) else hit.score
    return [hit.rank, pmid, score, title, authors, journal, article.year or "", *map(_cell, texts)]


def _cell(text: str) -> str:
    """The text in one line, which no spreadsheet runs."""
    line = one_line(text)
    return f"'{line}" if line.startswith(_FORMULA_STARTS) else line

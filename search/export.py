"""Turns hits into the files that reference managers and spreadsheets take."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum

from search.article import Article
from search.bibtex_format import to_bibtex
from search.citation import as_of
from search.csv_format import CsvOfQuestions, to_csv
from search.nbib_format import to_nbib
from search.questions import Question
from search.results import SearchResult, SearchResults
from search.ris_format import to_ris


class Format(StrEnum):
    """The formats that hits are exported in."""

    CSV = "csv"
    RIS = "ris"
    NBIB = "nbib"
    BIBTEX = "bibtex"
    PMIDS = "pmids"


# What stands between two records.
_BETWEEN = {Format.RIS: "\r\n", Format.NBIB: "\n", Format.BIBTEX: "\n"}


def export(results: SearchResults | Sequence[SearchResult], export_format: Format) -> str:
    """Write hits in a format, as text to be saved as UTF-8 with its line ends kept.

    An article that stands twice among the hits is written once, except in CSV, which has its ranks. Where the results name
    their index, the export says how current it is; a list of PMIDs has no place for that. Articles with a local id have no
    PMID in any format, so a list of PMIDs is without them.
    """
    currency = as_of(results.index) if isinstance(results, SearchResults) else ""
    if export_format is Format.CSV:
        return to_csv(results, currency)
    return _bibliography({hit.pmid: hit.article for hit in results}.values(), export_format, currency)


def export_answers(
    answers: Iterable[tuple[Question, SearchResults]], export_format: Format, *, identified: bool = False
) -> Iterator[str]:
    """Write the answers to several questions as one file, a piece for each, as soon as there is one.

    In CSV every row says which question it answers, with its identity where the questions are `identified`. In the other
    formats an article that several questions found stands once.
    """
    if export_format is Format.CSV:
        return _csv_of(answers, CsvOfQuestions(identified=identified))
    return _bibliography_of((results for _, results in answers), export_format)


def _csv_of(answers: Iterable[tuple[Question, SearchResults]], pages: CsvOfQuestions) -> Iterator[str]:
    yield pages.header()
    for question, results in answers:
        yield pages.rows(question, results, as_of(results.index))


def _bibliography_of(answers: Iterable[SearchResults], export_format: Format) -> Iterator[str]:
    seen: set[int] = set()
    for number, results in enumerate(answers):
        # BibTeX has its currency once, at the top; RIS and NBIB in every record.
        currency = "" if number and export_format is Format.BIBTEX else as_of(results.index)
        new = {hit.pmid: hit.article for hit in results if hit.pmid not in seen}
        between = _BETWEEN.get(export_format, "") if seen and new else ""
        seen.update(new)
        yield between + _bibliography(new.values(), export_format, currency)


def _bibliography(articles: Collection[Article], export_format: Format, currency: str) -> str:
    match export_format:
        case Format.RIS:
            return to_ris(articles, currency)
        case Format.NBIB:
            return to_nbib(articles, currency)
        case Format.BIBTEX:
            return to_bibtex(articles, currency)
        case _:
            return "".join(f"{article.pmid}\n" for article in articles if not article.is_local)

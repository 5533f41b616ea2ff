"""Turns hits into the files that reference managers and spreadsheets take."""

from collections.abc import Sequence
from enum import StrEnum

from search.article import Article
from search.bibtex_format import to_bibtex
from search.citation import as_of
from search.csv_format import to_csv
from search.nbib_format import to_nbib
from search.results import SearchResult, SearchResults
from search.ris_format import to_ris


class Format(StrEnum):
    """The formats that hits are exported in."""

    CSV = "csv"
    RIS = "ris"
    NBIB = "nbib"
    BIBTEX = "bibtex"
    PMIDS = "pmids"


def export(results: SearchResults | Sequence[SearchResult], export_format: Format) -> str:
    """Write hits in a format, as text to be saved as UTF-8 with its line ends kept.

    An article that was found twice, by several questions, stands once, except in CSV, which has its ranks. Where the
    results name their index, the export says how current it is; a list of PMIDs has no place for that.
    """
    hits = tuple(results)
    currency = as_of(results.index) if isinstance(results, SearchResults) else ""
    articles: dict[int, Article] = {}
    for hit in hits:
        articles.setdefault(hit.pmid, hit.article)
    match export_format:
        case Format.CSV:
            return to_csv(hits, currency)
        case Format.RIS:
            return to_ris(articles.values(), currency)
        case Format.NBIB:
            return to_nbib(articles.values(), currency)
        case Format.BIBTEX:
            return to_bibtex(articles.values(), currency)
        case Format.PMIDS:
            return "".join(f"{pmid}\n" for pmid in articles)

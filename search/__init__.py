"""Semantic search over PubMed: what an index is, and how to ask it.

    from search import Searcher, Filters

    with Searcher.open("data/index") as searcher:
        for hit in searcher.search("statins and muscle pain", k=10, filters=Filters(year_from=2015)):
            print(hit.rank, hit.pmid, hit.article.title)

Importing this package is cheap: torch, faiss and SQLAlchemy load when an index is opened or first asked.
"""

from search.article import Article
from search.errors import PubMedSearchError
from search.filters import Filters
from search.results import Mode, SearchResult, SearchResults
from search.saved_search import SavedSearch
from search.saved_searches import SavedSearches
from search.searcher import Searcher

__all__ = [
    "Article",
    "Filters",
    "Mode",
    "PubMedSearchError",
    "SavedSearch",
    "SavedSearches",
    "SearchResult",
    "SearchResults",
    "Searcher",
]

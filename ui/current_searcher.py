"""The open index, shared by every visitor of the page, and its move to a newer generation."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from search.arrivals import Arrivals
from search.article import Article
from search.facets import Facets
from search.filters import Filters
from search.hit_map import HitMap
from search.results import Holdings, IndexSummary, Mode, SearchResults, Sort


class AnySearcher(Protocol):
    """What the page asks of an index: `search.Searcher`, or a double of it."""

    def search(
        self,
        query: str,
        k: int = ...,
        filters: Filters | None = ...,
        mode: Mode | str = ...,
        *,
        sort: Sort | str = ...,
        unlike: Sequence[int] = ...,
        explain: int = ...,
        skip: int = ...,
    ) -> SearchResults:
        """The articles that answer a question best."""
        ...

    def similar(
        self,
        pmids: Sequence[int],
        unlike: Sequence[int] = ...,
        k: int = ...,
        filters: Filters | None = ...,
        *,
        explain: int = ...,
        skip: int = ...,
    ) -> SearchResults:
        """The articles most like other articles."""
        ...

    def facets(self, pmids: Sequence[int]) -> Facets:
        """What some articles have in common, with counts."""
        ...

    def hit_map(self, pmids: Sequence[int]) -> HitMap:
        """Some articles in the plane, like ones near each other."""
        ...

    def articles(self, pmids: Sequence[int]) -> dict[int, Article]:
        """Those of some articles that the index holds."""
        ...

    def article(self, pmid: int) -> Article | None:
        """One article, or None where the index does not hold it."""
        ...

    @property
    def summary(self) -> IndexSummary:
        """What the index holds and how current it is."""
        ...

    @property
    def holdings(self) -> Holdings:
        """What the index was made of."""
        ...

    @property
    def arrivals(self) -> Arrivals:
        """What tells which articles have come to the index since somebody looked at an answer."""
        ...

    @property
    def first_and_last_year(self) -> tuple[int, int] | None:
        """The years of publication, the first and the last that are known."""
        ...

    @property
    def corpus_note(self) -> str:
        """A remark that must stand beside the records; "" where there is none."""
        ...

    def is_current(self) -> bool:
        """Whether this is still the newest generation of the index."""
        ...


class CurrentSearcher:
    """Gives the newest generation of an index; a call opens it where it is not open yet.

    A searcher that is left behind is not closed here: another visitor's query may still be running on it. Its
    files close when the last of them lets go of it. An index that cannot be opened is tried again on every call.
    """

    def __init__(self, open_index: Callable[[], AnySearcher]) -> None:
        self._open_index = open_index
        self._searcher: AnySearcher | None = None
        self._lock = threading.Lock()

    def __call__(self) -> AnySearcher:
        """The searcher of the newest generation. Raises what opening an index raises."""
        with self._lock:
            if self._searcher is None or not self._searcher.is_current():
                self._searcher = self._open_index()
            return self._searcher

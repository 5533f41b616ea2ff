"""How an answer is to look, checked as it is put together."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from search.errors import QueryError
from search.filters import Filters
from search.results import DEPTH, Mode, Sort

if TYPE_CHECKING:
    from search.reranker import CrossEncoder

# So many hits are explained unasked, by the command and the page: their sentences take a little longer to encode than the
# question, those of twenty hits 0.3 s.
EXPLAINED_UNASKED = 3

_Choice = TypeVar("_Choice", Mode, Sort)


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What is asked of an answer beside its question; `Searcher.search` says what each part means."""

    query: str
    k: int
    filters: Filters = field(default_factory=Filters)
    mode: Mode = Mode.HYBRID
    sort: Sort = Sort.RELEVANCE
    unlike: tuple[int, ...] = ()
    explain: int = 0
    whole: bool = False
    rerank: "CrossEncoder | None" = None
    skip: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.k <= DEPTH:
            raise QueryError(f"The number of hits is from 1 to {DEPTH:,}; found {self.k}.")
        if not 0 <= self.skip <= DEPTH - self.k:
            raise QueryError(f"So many hits are skipped that they end at {DEPTH:,}: found {self.skip} before {self.k}.")


def mode_of(value: str) -> Mode:
    """A search mode by its name. Raises QueryError."""
    return _choice(value, Mode, "A search mode")


def sort_of(value: str) -> Sort:
    """An order of hits by its name. Raises QueryError."""
    return _choice(value, Sort, "An order")


def _choice(value: str, kind: type[_Choice], what: str) -> _Choice:
    if value not in list(kind):
        raise QueryError(f"{what} is one of {', '.join(kind)}; found {value!r}.")
    return kind(value)

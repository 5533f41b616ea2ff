"""A search under a name, to be asked again."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from search.article import LARGEST_ID
from search.errors import SavedSearchError
from search.filters import LIST_FILTERS, Filters
from search.results import Mode, SearchResults, Sort
from search.search_options import mode_of, sort_of
from search.searcher import Searcher

LONGEST_NAME = 100
# Search strategies of systematic reviews take some 10,000 characters.
LONGEST_QUESTION = 50_000

# Control characters, halves of surrogate pairs, and the separators of lines and paragraphs.
_NOT_IN_NAMES = frozenset({"Cc", "Cs", "Zl", "Zp"})

Question = tuple[str, Mode, Filters, Sort, tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A question to ask again: a `query`, or the articles of `like`; the other parts are those of `Searcher.search`.

    A name is of 1 to 100 characters without control characters; white space around it is dropped, and letters with accents
    are made one character each. Articles like others are ranked by meaning, the best first, whatever `mode` and `sort` say.
    `created` and `last_looked` are set by `SavedSearches`, ISO 8601 in UTC: "" where it was not saved, or nobody looked yet.
    Raises SavedSearchError on a name, an id or a size that cannot be, and QueryError on a mode or a sort that there is not.
    """

    name: str
    query: str = ""
    mode: Mode = Mode.HYBRID
    filters: Filters = field(default_factory=Filters)
    sort: Sort = Sort.RELEVANCE
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    created: str = ""
    last_looked: str = ""

    def __post_init__(self) -> None:
        checked = {
            "name": checked_name(self.name),
            "query": self.query.strip(),
            "mode": Mode.DENSE if self.like else mode_of(self.mode),
            "sort": Sort.RELEVANCE if self.like else sort_of(self.sort),
            "like": _checked_ids(self.like),
            "unlike": _checked_ids(self.unlike),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        _check_question(self)

    @property
    def question(self) -> Question:
        """What is asked, whatever it is called and whoever looked at it."""
        return self.query, self.mode, self.filters, self.sort, self.like, self.unlike

    def ask(self, searcher: Searcher, k: int = 10, *, explain: int = 0, whole: bool = False, skip: int = 0) -> SearchResults:
        """The `k` articles that answer it best now. The rest, and what is raised, is as in `Searcher.search`."""
        if self.like:
            return searcher.similar(self.like, self.unlike, k, self.filters, explain=explain, whole=whole, skip=skip)
        return searcher.search(
            self.query,
            k,
            self.filters,
            self.mode,
            sort=self.sort,
            unlike=self.unlike,
            explain=explain,
            whole=whole,
            skip=skip,
        )


def checked_name(name: str) -> str:
    """A name as it is kept. Raises SavedSearchError where it is no name of a saved search."""
    kept = unicodedata.normalize("NFC", name.strip())
    if not 0 < len(kept) <= LONGEST_NAME or not _NOT_IN_NAMES.isdisjoint(map(unicodedata.category, kept)):
        shown = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
        raise SavedSearchError(
            f"The name of a saved search has 1 to {LONGEST_NAME} characters, none of them a control character; found {shown!a}."
        )
    return kept


def _checked_ids(ids: Sequence[int]) -> tuple[int, ...]:
    if wrong := [one for one in ids if not 0 < one <= LARGEST_ID]:
        raise SavedSearchError(f"A PMID or local id is a positive whole number of at most 9 digits; found {wrong[0]}.")
    return tuple(ids)


def _check_question(search: SavedSearch) -> None:
    if bool(search.query) == bool(search.like):
        found = "both" if search.query else "neither"
        raise SavedSearchError(f"A saved search has a question, or the PMIDs of articles to find others like; found {found}.")
    texts = [search.query, *(value for name in LIST_FILTERS for value in getattr(search.filters, name))]
    size = sum(map(len, [*texts, *map(str, (*search.like, *search.unlike))]))
    if size > LONGEST_QUESTION:
        raise SavedSearchError(
            f"A search that is saved has at most {LONGEST_QUESTION:,} characters, its filters included; found {size:,}."
        )
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise SavedSearchError(
            f"A search that is saved must be text; found {error.object[error.start : error.end]!a}."
        ) from None

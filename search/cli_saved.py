"""What ``pubmed-search`` does with saved searches beside asking them."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from search.answer_wording import flags_given
from search.cli_arguments import Options
from search.errors import SavedSearchError
from search.index_folder import IndexFolder
from search.results import SORTED_BY_DATE, Mode, SearchResult, SearchResults, Sort
from search.saved_search import SavedSearch
from search.saved_searches import SavedSearches
from search.searcher import Searcher

if TYPE_CHECKING:
    from search.atom_format import Feed


@dataclass(frozen=True, slots=True)
class News:
    """Which PMIDs are new in the answer to a saved search, in the order of its ranking; None where nobody looked before."""

    search: SavedSearch
    pmids: tuple[int, ...] | None

    def to_json(self) -> dict[str, Any]:
        """What ``pubmed-search --saved NAME --json`` says of the search beside its answer."""
        return {"name": self.search.name, "last_looked": self.search.last_looked, "new": self.pmids}


def saved_searches(options: Options) -> SavedSearches:
    """The saved searches of an index. Raises NoIndex where there is no index, which would look as if none were saved."""
    IndexFolder(options.index).published()
    return SavedSearches(options.index)


def saved_under(name: str, saved: SavedSearches) -> SavedSearch:
    """The search of a name. Raises SavedSearchError where there is none."""
    search = saved.get(name)
    if search is None:
        raise _none_of(name)
    return search


def delete(name: str, saved: SavedSearches) -> None:
    """Delete the search of a name. Raises SavedSearchError where there is none."""
    if not saved.delete(name):
        raise _none_of(name)


def _none_of(name: str) -> SavedSearchError:
    return SavedSearchError(f"No search was saved as {name!r}: `pubmed-search --list-saved` lists those that were.")


def search_of(options: Options, name: str) -> SavedSearch:
    """The search that is asked now, under a name. Raises SavedSearchError where it cannot be saved."""
    return SavedSearch(name, options.query or "", options.mode, options.filters, options.sort, options.like, options.unlike)


def newest(search: SavedSearch, searcher: Searcher, k: int) -> SearchResults:
    """What a feed of a saved search holds: the newest of its 200 best hits, the newest first.

    That is the same for everybody, whatever was looked at before. A feed reader keeps its own account of what it showed, and
    there may be several, each of which polls when it likes: a feed of what is new since the last look would be empty for all
    but one of them. Nor would the best hits do, for what is new is seldom among the best few.
    """
    results = search.ask(searcher, SORTED_BY_DATE)
    return replace(results, hits=tuple(sorted(results, key=_age)[:k]))


def feed_of(options: Options, results: SearchResults) -> "Feed":
    """Which feed an answer is. A saved search goes by its name: who follows it wants what it asks now."""
    from search.atom_format import Feed

    if options.saved is not None:
        return Feed(options.saved, options.index, f"saved {options.saved}")
    asked = [options.query, options.like, options.like_text, options.unlike, options.mode, options.sort]
    return Feed(results.query, options.index, json.dumps([*asked, asdict(options.filters)]))


def _age(hit: SearchResult) -> tuple[int, int]:
    return -(hit.article.year or 0), -hit.pmid


def moment(time: str) -> str:
    """A time of a saved search as people read it: ``2026-03-01 09:30 UTC``."""
    return f"{time[:16].replace('T', ' ')} UTC"


def as_typed(search: SavedSearch) -> str:
    """What is asked, as it is typed on the command line."""
    return " ".join(_words(search))


def _words(search: SavedSearch) -> Iterator[str]:
    if search.query:
        yield shlex.quote(search.query)
    for flag, ids in (("--like", search.like), ("--unlike", search.unlike)):
        yield from (flag, *map(str, ids)) if ids else ()
    if search.query and search.mode is not Mode.HYBRID:
        yield f"--mode {search.mode}"
    if search.sort is not Sort.RELEVANCE:
        yield f"--sort {search.sort}"
    yield from flags_given(search.filters)
    if search.filters.include_retracted:
        yield "--include-retracted"

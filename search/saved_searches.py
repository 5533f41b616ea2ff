"""The saved searches of an index, and what is new in their answers."""

import functools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from search.errors import SavedSearchError
from search.index_folder import DEFAULT_INDEX, IndexFolder
from search.look import Look
from search.results import SearchResults
from search.saved_search import Question, SavedSearch, checked_name

if TYPE_CHECKING:
    from search.arrivals import Arrivals
    from search.saved_file import SavedFile

# A page that is open to everybody must not fill a disk.
MOST_SAVED = 500


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Answering(Protocol):
    """What answered a saved search; `Searcher` is one."""

    @property
    def arrivals(self) -> "Arrivals":
        """What tells which articles have come to the index since."""
        ...


class SavedSearches:
    """The searches that were saved beside an index, for every user of it. Safe to share between threads and processes.

    Nothing of it is needed to search. Every method raises IndexFolderError or one of its kinds where the file of saved
    searches is damaged, of a later version, kept by another process, or cannot be opened or written.
    """

    def __init__(self, index: str | Path = DEFAULT_INDEX, now: Callable[[], datetime] = _utc_now) -> None:
        self._path = IndexFolder(Path(index)).saved
        self._now = now

    def save(self, search: SavedSearch) -> SavedSearch:
        """Save a search under its name, and return it as it was saved.

        Where the name is taken, the question is replaced and what was seen of its answer forgotten; the same question stays
        as it is. The file is made where there is none. Raises SavedSearchError where there are 500 others, and StorageFull.
        """
        with self._file.adding() as rows:
            before = rows.get(search.name)
            if before is not None and before.question == search.question:
                return before
            if before is None and rows.count() >= MOST_SAVED:
                raise SavedSearchError(
                    f"There are {MOST_SAVED} saved searches already, and no more are kept. Delete one that nobody needs, for "
                    "example with `pubmed-search --delete-saved NAME`."
                )
            rows.delete(search.name)
            saved = replace(search, created=self._time(), last_looked="")
            rows.add(saved)
            return saved

    def all(self) -> list[SavedSearch]:
        """Every saved search, the newest first."""
        with self._file.reading() as rows:
            return rows.all() if rows else []

    def get(self, name: str) -> SavedSearch | None:
        """The search that was saved under a name; None where there is none. Raises SavedSearchError on what is no name."""
        with self._file.reading() as rows:
            return rows.get(checked_name(name)) if rows else None

    def find(self, question: Question) -> SavedSearch | None:
        """The search that was saved with a `SavedSearch.question`, the newest of several; None where there is none."""
        with self._file.reading() as rows:
            return rows.find(question) if rows else None

    def delete(self, name: str) -> bool:
        """Delete a saved search; returns whether there was one. Raises SavedSearchError on what is no name."""
        with self._file.changing() as rows:
            return rows.delete(checked_name(name)) if rows else False

    def new_since_last_time(self, search: SavedSearch, results: SearchResults, searcher: Answering) -> tuple[int, ...] | None:
        """The PMIDs that are news to who looked last at a saved search, of all that its answer ranks, in their order.

        `results` are its answer now, by `searcher`, of any page and length; `Arrivals.since` says what is news. None where
        nobody has looked since this question was saved.
        """
        with self._file.reading() as rows:
            look = rows.look(search.name) if rows and _is_there(search, rows.get(search.name)) else None
        return None if look is None else searcher.arrivals.since(look, results.ranked)

    def mark_seen(self, search: SavedSearch, results: SearchResults, searcher: Answering) -> None:
        """Remember that somebody has looked at the answer to a saved search: from now on, only what comes later is new.

        A search that was deleted meanwhile, or whose question was replaced, stays as it is. Who looks at an older generation,
        as a page may that was open for long, does not make what others saw of a newer one new again.
        """
        state = searcher.arrivals.state()
        with self._file.changing() as rows:
            if rows is None or not _is_there(search, rows.get(search.name)):
                return
            before = rows.look(search.name)
            look = before if before and state.is_before(before.index) else Look(results.ranked, state)
            rows.remember(search.name, look, self._time())

    @functools.cached_property
    def _file(self) -> "SavedFile":
        from search.saved_file import SavedFile

        return SavedFile(self._path)

    def _time(self) -> str:
        return self._now().astimezone(UTC).isoformat(timespec="seconds")


def _is_there(search: SavedSearch, found: SavedSearch | None) -> bool:
    """Whether what is saved under a search's name asks the same."""
    return found is not None and found.question == search.question

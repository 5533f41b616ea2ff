"""The file `saved.sqlite`: the searches that were saved, and what their answers held when somebody last looked.

Several processes and threads use it at once. Every transaction is short and has a connection of its own; one that writes
takes the file's lock before it reads, so that nothing changes between the two, and one that comes meanwhile waits. There is
no write-ahead log: with one, a folder that cannot be written could not be read either, and no folder on a network.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from search.errors import (
    BrokenIndex,
    IndexFolderError,
    IndexLocked,
    IndexVersion,
    PubMedSearchError,
    SavedSearchError,
    StorageFull,
)
from search.filters import Filters
from search.look import Look
from search.results import Mode, Sort
from search.saved_search import Question, SavedSearch
from search.storage import is_full

FORMAT_VERSION = 1
_SECONDS_WAITED = 10.0

_METADATA = sa.MetaData()
# Ids, filters and looks are JSON; `seen` is NULL until somebody looks. The greater the number, the newer the search.
_SEARCHES = sa.Table(
    "searches",
    _METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("filters", sa.Text, nullable=False),
    sa.Column("sort", sa.Text, nullable=False),
    sa.Column("like_ids", sa.Text, nullable=False),
    sa.Column("unlike_ids", sa.Text, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("last_looked", sa.Text, nullable=False),
    sa.Column("seen", sa.Text),
)
_OF_A_SEARCH = [column for column in _SEARCHES.columns if column.name not in {"number", "seen"}]

_Read = TypeVar("_Read")


class SavedRows:
    """The rows of the file within one transaction."""

    def __init__(self, connection: sa.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def all(self) -> list[SavedSearch]:
        """Every search, the newest first."""
        rows = self._connection.execute(sa.select(*_OF_A_SEARCH).order_by(_SEARCHES.c.number.desc()))
        return [self._search(row) for row in rows]

    def get(self, name: str) -> SavedSearch | None:
        """The search of a name, or None."""
        row = self._connection.execute(sa.select(*_OF_A_SEARCH).where(_SEARCHES.c.name == name)).one_or_none()
        return None if row is None else self._search(row)

    def find(self, question: Question) -> SavedSearch | None:
        """The search that asks a question, the newest of several; None where there is none."""
        alike = sa.select(*_OF_A_SEARCH).where(_SEARCHES.c.query == question[0])
        searches = map(self._search, self._connection.execute(alike.order_by(_SEARCHES.c.number.desc())))
        return next((search for search in searches if search.question == question), None)

    def count(self) -> int:
        """How many searches there are."""
        return int(self._connection.execute(sa.select(sa.func.count()).select_from(_SEARCHES)).scalar_one())

    def add(self, search: SavedSearch) -> None:
        """Add a search whose name is not taken."""
        self._connection.execute(
            sa.insert(_SEARCHES).values(
                name=search.name,
                query=search.query,
                mode=str(search.mode),
                filters=_json(search.filters),
                sort=str(search.sort),
                like_ids=_json(search.like),
                unlike_ids=_json(search.unlike),
                created=search.created,
                last_looked=search.last_looked,
            )
        )

    def delete(self, name: str) -> bool:
        """Delete the search of a name; returns whether there was one."""
        return self._connection.execute(sa.delete(_SEARCHES).where(_SEARCHES.c.name == name)).rowcount > 0

    def look(self, name: str) -> Look | None:
        """What was remembered of the last look at a search; None where there was none, or no such search."""
        seen = self._connection.execute(sa.select(_SEARCHES.c.seen).where(_SEARCHES.c.name == name)).scalar_one_or_none()
        return None if seen is None else self._read(seen, Look)

    def remember(self, name: str, look: Look, last_looked: str) -> None:
        """Remember a look at a search."""
        changed = sa.update(_SEARCHES).where(_SEARCHES.c.name == name)
        self._connection.execute(changed.values(seen=_json(look), last_looked=last_looked))

    def _search(self, row: sa.Row[Any]) -> SavedSearch:
        try:
            return SavedSearch(
                name=row.name,
                query=row.query,
                mode=Mode(row.mode),
                filters=self._read(row.filters, Filters),
                sort=Sort(row.sort),
                like=self._read(row.like_ids, tuple[int, ...]),
                unlike=self._read(row.unlike_ids, tuple[int, ...]),
                created=row.created,
                last_looked=row.last_looked,
            )
        except (SavedSearchError, ValueError) as error:
            raise _broken(self._path, error) from error

    def _read(self, text: str, kind: type[_Read]) -> _Read:
        try:
            return msgspec.json.decode(text, type=kind)
        except (msgspec.MsgspecError, PubMedSearchError) as error:
            raise _broken(self._path, error) from error


class SavedFile:
    """Opens `saved.sqlite` for one transaction after the other. Safe to share between threads.

    Whatever it is asked, it raises BrokenIndex where the file is not one of saved searches, IndexVersion where a later version
    of this project wrote it, IndexLocked where another process keeps it locked for `seconds_waited`, StorageFull, and
    IndexFolderError where it cannot be opened or written.
    """

    def __init__(self, path: Path, seconds_waited: float = _SECONDS_WAITED) -> None:
        self._path = path
        self._seconds_waited = seconds_waited
        self._engine = sa.create_engine("sqlite://", creator=self._connect, poolclass=sa.NullPool)

    @contextlib.contextmanager
    def reading(self) -> Iterator[SavedRows | None]:
        """The rows as they are; None where nothing was saved yet."""
        with self._transaction("BEGIN") as connection:
            yield None if connection is None else SavedRows(connection, self._path)

    @contextlib.contextmanager
    def changing(self) -> Iterator[SavedRows | None]:
        """The rows, which nobody else changes meanwhile; None where nothing was saved yet."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield None if connection is None else SavedRows(connection, self._path)

    @contextlib.contextmanager
    def adding(self) -> Iterator[SavedRows]:
        """The rows, which nobody else changes meanwhile, of a new file where there is none."""
        with _said(self._path):
            self._path.open("ab").close()
            with self._engine.begin() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                if not self._has_searches(connection):
                    _METADATA.create_all(connection)
                    connection.exec_driver_sql(f"PRAGMA user_version = {FORMAT_VERSION}")
                yield SavedRows(connection, self._path)

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[sa.Connection | None]:
        """A transaction of a file that is there and holds searches; None where there is no such file."""
        with _said(self._path):
            if not self._path.exists():
                yield None
                return
            with self._engine.begin() as connection:
                connection.exec_driver_sql(begin)
                yield connection if self._has_searches(connection) else None

    def _has_searches(self, connection: sa.Connection) -> bool:
        """Whether the file has its table: it has none while the first search is being saved."""
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if version == FORMAT_VERSION:
            return True
        if version:
            raise IndexVersion(
                f"{self._path} has format {version} of saved searches; this version of the project reads format "
                f"{FORMAT_VERSION}. Use the version that made it, or move it away: searching works without it."
            )
        if connection.exec_driver_sql("SELECT COUNT(*) FROM sqlite_master").scalar_one():
            raise _broken(self._path, "it has other tables")
        return False

    def _connect(self) -> sqlite3.Connection:
        """A connection to a file that is there, without transactions of the driver's own."""
        address = f"{self._path.resolve().as_uri()}?mode=rw"
        return sqlite3.connect(address, uri=True, timeout=self._seconds_waited, isolation_level=None)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into a sentence."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _sentence(path, error.orig) from error
    except OSError as error:
        raise (_full(path) if is_full(error) else _closed(path, error.strerror)) from error


def _sentence(path: Path, error: BaseException | None) -> PubMedSearchError:
    # The lowest byte of SQLite's code is the kind of error.
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return IndexLocked(f"Another process keeps {path} locked. Wait for it to end, or stop it.")
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return _full(path)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return _closed(path, error)
    return _broken(path, error)


def _closed(path: Path, why: object) -> IndexFolderError:
    return IndexFolderError(
        f"{path} cannot be opened or written ({why}). Saved searches need a folder that this user may write: change its "
        "permissions, or search without saving."
    )


def _full(path: Path) -> StorageFull:
    return StorageFull(f"The disk of {path} is full or cannot be written. Free some space; searching works without it.")


def _broken(path: Path, why: object) -> BrokenIndex:
    return BrokenIndex(
        f"{path} is damaged, or is no file of saved searches ({why}). Put a copy of it back, or move it away: searching works "
        "without it, and the next search that is saved begins a new one."
    )

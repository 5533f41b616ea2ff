"""The catalogue: every article's record in SQLite, keyed by PMID, and the PMIDs that were deleted."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
import sqlalchemy as sa

from search.article import Article
from search.errors import BrokenIndex
from search.precedence import Precedence

METADATA = sa.MetaData()
# (file_year, file_number, version, position) is the record's precedence.
ARTICLES = sa.Table(
    "articles",
    METADATA,
    sa.Column("pmid", sa.Integer, primary_key=True),
    sa.Column("file_year", sa.Integer, nullable=False),
    sa.Column("file_number", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
)
# What was deleted, and by which file: an older file that is read later must not bring it back.
DELETIONS = sa.Table(
    "deletions",
    METADATA,
    sa.Column("pmid", sa.Integer, primary_key=True),
    sa.Column("file_year", sa.Integer, nullable=False),
    sa.Column("file_number", sa.Integer, nullable=False),
)
DEFINITIONS = sa.Table(
    "definitions",
    METADATA,
    sa.Column("short", sa.Text, primary_key=True),
    sa.Column("long", sa.Text, primary_key=True, index=True),
    sa.Column("articles", sa.Integer, nullable=False),
)
# SQLite allows 32,766 parameters in a statement; an IN list stays well below it.
_KEYS_PER_STATEMENT = 10_000

_Key = TypeVar("_Key")
_Kind = TypeVar("_Kind")


@dataclass(frozen=True, slots=True)
class Definition:
    """An abbreviation as written, a long form in lower case, and how many articles define the one by the other."""

    short: str
    long: str
    articles: int


@dataclass(frozen=True, slots=True)
class Row:
    """A record as it is stored, and where it comes from."""

    pmid: int
    precedence: Precedence
    record: str

    @property
    def article(self) -> Article:
        """The record, read. Raises BrokenIndex."""
        return _decode(self.record, self.pmid, Article)


class Catalogue:
    """Reads `catalogue.sqlite`. Safe to share between threads."""

    def __init__(self, engine: sa.Engine, path: Path) -> None:
        self._engine = engine
        self._path = path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a published catalogue for reading; nothing ever changes it, so SQLite need not lock."""
        address = read_only(path)
        engine = sa.create_engine("sqlite://", creator=lambda: _connect(address), poolclass=sa.QueuePool, max_overflow=-1)
        return cls(engine, path)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def definitions(self, *, shorts: Sequence[str] = (), longs: Sequence[str] = ()) -> list[Definition]:
        """The definitions of some short forms, and of some long ones; a delta's counts may be negative."""
        table = DEFINITIONS.c
        found: list[Definition] = []
        with self._reading() as connection:
            for column, forms in ((table.short, shorts), (table.long, longs)):
                for chunk in chunks(list(forms)):
                    query = sa.select(table.short, table.long, table.articles).where(column.in_(chunk))
                    found += [Definition(*row) for row in connection.execute(query)]
        return found

    def count(self) -> int:
        """How many articles there are."""
        with self._reading() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(ARTICLES)).scalar_one())

    def articles(self, pmids: Sequence[int]) -> dict[int, Article]:
        """The articles of some PMIDs; PMIDs that are not in the catalogue are left out."""
        return self.read(pmids, Article)

    def read(self, pmids: Sequence[int], kind: type[_Kind]) -> dict[int, _Kind]:
        """The records of some PMIDs as a dataclass or struct with some of the fields of `Article`: fewer take less time.

        PMIDs that are not in the catalogue are left out. Raises BrokenIndex.
        """
        found: dict[int, _Kind] = {}
        with self._reading() as connection:
            for chunk in chunks(list(pmids)):
                query = sa.select(ARTICLES.c.pmid, ARTICLES.c.record).where(ARTICLES.c.pmid.in_(chunk))
                found.update((pmid, _decode(record, pmid, kind)) for pmid, record in connection.execute(query))
        return found

    def rows(self, pmids: Sequence[int]) -> dict[int, Row]:
        """The records of some PMIDs as they are stored; PMIDs that are not in the catalogue are left out."""
        found: dict[int, Row] = {}
        with self._reading() as connection:
            for chunk in chunks(list(pmids)):
                query = sa.select(ARTICLES).where(ARTICLES.c.pmid.in_(chunk))
                found.update((row.pmid, _row(row)) for row in connection.execute(query))
        return found

    def precedences(self, pmids: Sequence[int]) -> dict[int, Precedence]:
        """Where the records of some PMIDs come from; PMIDs that are not in the catalogue are left out."""
        found: dict[int, Precedence] = {}
        columns = (ARTICLES.c[name] for name in ("pmid", "file_year", "file_number", "version", "position"))
        query = sa.select(*columns)
        with self._reading() as connection:
            for chunk in chunks(list(pmids)):
                rows = connection.execute(query.where(ARTICLES.c.pmid.in_(chunk)))
                found.update((pmid, Precedence(*place)) for pmid, *place in rows)
        return found

    def deletions(self, pmids: Sequence[int]) -> dict[int, Precedence]:
        """Which of some PMIDs were deleted, and by what."""
        found: dict[int, Precedence] = {}
        with self._reading() as connection:
            for chunk in chunks(list(pmids)):
                query = sa.select(DELETIONS).where(DELETIONS.c.pmid.in_(chunk))
                found.update((row.pmid, _deletion(row)) for row in connection.execute(query))
        return found

    def windows(self, size: int) -> Iterator[list[Article]]:
        """All articles in order of PMID, `size` at a time."""
        for rows in self._windows(sa.select(ARTICLES.c.pmid, ARTICLES.c.record), ARTICLES.c.pmid, size):
            yield [_decode(row.record, row.pmid, Article) for row in rows]

    def row_windows(self, size: int) -> Iterator[list[Row]]:
        """All records as they are stored, in order of PMID, `size` at a time."""
        for rows in self._windows(sa.select(ARTICLES), ARTICLES.c.pmid, size):
            yield [_row(row) for row in rows]

    def deletion_windows(self, size: int) -> Iterator[dict[int, Precedence]]:
        """All deletions in order of PMID, `size` at a time."""
        for rows in self._windows(sa.select(DELETIONS), DELETIONS.c.pmid, size):
            yield {row.pmid: _deletion(row) for row in rows}

    def _windows(self, query: sa.Select[Any], pmid: sa.Column[int], size: int) -> Iterator[Sequence[sa.Row[Any]]]:
        last = -1
        while True:
            with self._reading() as connection:
                rows = connection.execute(query.where(pmid > last).order_by(pmid).limit(size)).all()
            if not rows:
                return
            yield rows
            last = rows[-1].pmid

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except sa.exc.DatabaseError as error:
            raise BrokenIndex(
                f"{self._path} cannot be read ({error.orig}). Run `pubmed-index verify`, or build again."
            ) from error


def read_only(path: Path) -> str:
    """SQLite's address of a finished catalogue: it is only read and never changes, so that SQLite need not lock."""
    return f"{path.resolve().as_uri()}?mode=ro&immutable=1"


def _connect(address: str) -> sqlite3.Connection:
    """A connection that the pool may hand from thread to thread, one at a time."""
    return sqlite3.connect(address, uri=True, check_same_thread=False)


def _row(row: sa.Row[Any]) -> Row:
    return Row(row.pmid, Precedence(row.file_year, row.file_number, row.version, row.position), row.record)


def _deletion(row: sa.Row[Any]) -> Precedence:
    return Precedence.of_deletion(row.file_year, row.file_number)


def _decode(record: str, pmid: int, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(record, type=kind)
    except msgspec.MsgspecError as error:
        raise BrokenIndex(
            f"The record of PMID {pmid} is damaged ({error}). Run `pubmed-index verify`, or build again."
        ) from error


def chunks(keys: list[_Key]) -> Iterator[list[_Key]]:
    """Some keys at a time, as many as one statement takes."""
    for start in range(0, len(keys), _KEYS_PER_STATEMENT):
        yield keys[start : start + _KEYS_PER_STATEMENT]

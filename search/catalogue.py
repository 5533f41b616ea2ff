"""The catalogue: every article's record in SQLite, keyed by PMID."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from search.article import Article
from search.errors import BrokenIndex
from search.storage import full_disk_is_said

_METADATA = sa.MetaData()
# (file_year, file_number, version, ordinal) is the record's precedence: the highest one of a PMID is kept.
_ARTICLES = sa.Table(
    "articles",
    _METADATA,
    sa.Column("pmid", sa.Integer, primary_key=True),
    sa.Column("file_year", sa.Integer, nullable=False),
    sa.Column("file_number", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("flags", sa.Integer, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
)
_DEFINITIONS = sa.Table(
    "definitions",
    _METADATA,
    sa.Column("short", sa.Text, primary_key=True),
    sa.Column("long", sa.Text, primary_key=True, index=True),
    sa.Column("articles", sa.Integer, nullable=False),
)
_PRECEDENCE = ("file_year", "file_number", "version", "ordinal")
# SQLite allows 32,766 parameters in a statement; an IN list stays well below it.
_KEYS_PER_STATEMENT = 10_000

_Key = TypeVar("_Key")

_encode = msgspec.json.Encoder().encode
_decode_article = msgspec.json.Decoder(Article).decode


@dataclass(frozen=True, slots=True)
class Definition:
    """An abbreviation as written, a long form in lower case, and how many articles define the one by the other."""

    short: str
    long: str
    articles: int


class Catalogue:
    """Reads and writes `catalogue.sqlite`. Reading is safe from many threads; writing is for one builder."""

    def __init__(self, engine: sa.Engine, path: Path) -> None:
        self._engine = engine
        self._path = path

    @classmethod
    def create(cls, path: Path) -> Self:
        """Start an empty catalogue. It has no journal: a build that dies begins its catalogue anew."""
        engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
        sa.event.listen(engine, "connect", _build_without_journal)
        with full_disk_is_said(path.parent):
            _METADATA.create_all(engine)
        return cls(engine, path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a published catalogue for reading; nothing ever changes it, so SQLite need not lock."""
        address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        engine = sa.create_engine("sqlite://", creator=lambda: _connect(address), poolclass=sa.QueuePool, max_overflow=-1)
        return cls(engine, path)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def upsert(self, articles: Sequence[Article], *, year: int = 0, number: int = 0, first_ordinal: int = 0) -> None:
        """Insert articles of one file, each replacing a record of the same PMID that has no higher precedence."""
        if not articles:
            return
        rows = [_row(article, year, number, first_ordinal + position) for position, article in enumerate(articles)]
        statement = insert(_ARTICLES)
        statement = statement.on_conflict_do_update(
            index_elements=["pmid"],
            set_={column.name: statement.excluded[column.name] for column in _ARTICLES.columns if column.name != "pmid"},
            where=sa.tuple_(*(statement.excluded[name] for name in _PRECEDENCE))
            >= sa.tuple_(*(_ARTICLES.columns[name] for name in _PRECEDENCE)),
        )
        with full_disk_is_said(self._path.parent), self._engine.begin() as connection:
            connection.execute(statement, rows)

    def delete(self, pmids: Iterable[int]) -> int:
        """Delete records by PMID; returns how many were there."""
        wanted, deleted = list(dict.fromkeys(pmids)), 0
        with full_disk_is_said(self._path.parent), self._engine.begin() as connection:
            for chunk in _chunks(wanted):
                deleted += connection.execute(sa.delete(_ARTICLES).where(_ARTICLES.c.pmid.in_(chunk))).rowcount
        return deleted

    def add_definitions(self, definitions: Sequence[Definition]) -> None:
        """Add to the counts of abbreviations' definitions."""
        if not definitions:
            return
        statement = insert(_DEFINITIONS)
        together = _DEFINITIONS.c.articles + statement.excluded.articles
        statement = statement.on_conflict_do_update(index_elements=["short", "long"], set_={"articles": together})
        rows = [{"short": one.short, "long": one.long, "articles": one.articles} for one in definitions]
        with full_disk_is_said(self._path.parent), self._engine.begin() as connection:
            connection.execute(statement, rows)

    def definitions(self, *, shorts: Sequence[str] = (), longs: Sequence[str] = ()) -> list[Definition]:
        """The definitions of some short forms, and of some long ones."""
        table = _DEFINITIONS.c
        found: list[Definition] = []
        with self._reading() as connection:
            for column, forms in ((table.short, shorts), (table.long, longs)):
                for chunk in _chunks(list(forms)):
                    query = sa.select(table.short, table.long, table.articles).where(column.in_(chunk))
                    found += [Definition(*row) for row in connection.execute(query)]
        return found

    def count(self) -> int:
        """How many articles there are."""
        with self._reading() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(_ARTICLES)).scalar_one())

    def articles(self, pmids: Sequence[int]) -> dict[int, Article]:
        """The articles of some PMIDs; PMIDs that are not in the catalogue are left out."""
        found: dict[int, Article] = {}
        with self._reading() as connection:
            for chunk in _chunks(list(pmids)):
                query = sa.select(_ARTICLES.c.pmid, _ARTICLES.c.record).where(_ARTICLES.c.pmid.in_(chunk))
                found.update((pmid, _decode(record, pmid)) for pmid, record in connection.execute(query))
        return found

    def windows(self, size: int) -> Iterator[list[Article]]:
        """All articles in order of PMID, `size` at a time."""
        last = -1
        while True:
            query = sa.select(_ARTICLES.c.pmid, _ARTICLES.c.record).where(_ARTICLES.c.pmid > last)
            with self._reading() as connection:
                rows = connection.execute(query.order_by(_ARTICLES.c.pmid).limit(size)).all()
            if not rows:
                return
            yield [_decode(record, pmid) for pmid, record in rows]
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


def _connect(address: str) -> sqlite3.Connection:
    """A connection that the pool may hand from thread to thread, one at a time."""
    return sqlite3.connect(address, uri=True, check_same_thread=False)


def _build_without_journal(connection: Any, _record: object) -> None:  # noqa: ANN401  (the driver's own connection)
    connection.execute("PRAGMA journal_mode=OFF")
    connection.execute("PRAGMA synchronous=OFF")


def _row(article: Article, year: int, number: int, ordinal: int) -> dict[str, int | str]:
    return {
        "pmid": article.pmid,
        "file_year": year,
        "file_number": number,
        "version": article.version,
        "ordinal": ordinal,
        "year": article.year or 0,
        "flags": int(article.flags),
        "record": _encode(article).decode(),
    }


def _decode(record: str, pmid: int) -> Article:
    try:
        return _decode_article(record)
    except msgspec.MsgspecError as error:
        raise BrokenIndex(
            f"The record of PMID {pmid} is damaged ({error}). Run `pubmed-index verify`, or build again."
        ) from error


def _chunks(keys: list[_Key]) -> Iterator[list[_Key]]:
    for start in range(0, len(keys), _KEYS_PER_STATEMENT):
        yield keys[start : start + _KEYS_PER_STATEMENT]

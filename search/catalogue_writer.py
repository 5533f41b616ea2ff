"""Writing a catalogue: so that a writer that dies can go on where it was, and a finished one is a single file."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from search.article import Article
from search.catalogue import ARTICLES, DEFINITIONS, DELETIONS, METADATA, Catalogue, Definition, Row, chunks, read_only
from search.errors import BrokenIndex
from search.precedence import Precedence
from search.storage import full_disk_is_said

# What a writer notes of its own progress; a finished catalogue does not have it.
_NOTES = sa.Table(
    "notes",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("note", sa.Text, nullable=False),
)
_PRECEDENCE = ("file_year", "file_number", "version", "position")

_UNDELETE = sa.delete(DELETIONS).where(DELETIONS.c.pmid == sa.bindparam("undone"))

_encode = msgspec.json.Encoder().encode


class CatalogueWriter(Catalogue):
    """Reads and writes a catalogue that is not published yet. For one thread; `finish` makes it one file."""

    def __init__(self, engine: sa.Engine, path: Path) -> None:
        super().__init__(engine, path)
        self._open_transaction: sa.Connection | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a catalogue for writing, a new one where there is none.

        It has a write-ahead log: what a transaction wrote is there whatever happens to the process or the machine.
        """
        engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
        sa.event.listen(engine, "connect", _keep_log)
        try:
            with full_disk_is_said(path.parent):
                METADATA.create_all(engine)
        except sa.exc.DatabaseError as error:
            engine.dispose()
            raise BrokenIndex(f"{path} cannot be opened as a catalogue ({error.orig}). Remove it.") from error
        return cls(engine, path)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Write all that is written inside, or nothing of it."""
        with full_disk_is_said(self._path.parent), self._engine.begin() as connection:
            self._open_transaction = connection
            try:
                yield
            finally:
                self._open_transaction = None

    def upsert(self, articles: Sequence[Article], *, year: int = 0, number: int = 0, first_position: int = 0) -> None:
        """Insert articles of one file, each replacing a record of the same PMID that has no higher precedence."""
        rows = [
            Row(article.pmid, Precedence(year, number, article.version, first_position + place), _encode(article).decode())
            for place, article in enumerate(articles)
        ]
        self.put(rows)

    def put(self, rows: Sequence[Row]) -> None:
        """Insert records, each replacing one of the same PMID that has no higher precedence, and undo deletions of them.

        A deletion is undone whatever its precedence: who puts records asks for that first.
        """
        if not rows:
            return
        statement = insert(ARTICLES)
        statement = statement.on_conflict_do_update(
            index_elements=["pmid"],
            set_={column.name: statement.excluded[column.name] for column in ARTICLES.columns if column.name != "pmid"},
            where=sa.tuple_(*(statement.excluded[name] for name in _PRECEDENCE))
            >= sa.tuple_(*(ARTICLES.columns[name] for name in _PRECEDENCE)),
        )
        with self._writing() as connection:
            connection.execute(statement, [_parameters(row) for row in rows])
            connection.execute(_UNDELETE, [{"undone": row.pmid} for row in rows])

    def delete(self, pmids: Iterable[int], *, year: int = 0, number: int = 0) -> int:
        """Delete records by PMID, and remember which file did it; returns how many were there."""
        return self.put_deletions(dict.fromkeys(pmids, Precedence.of_deletion(year, number)))

    def put_deletions(self, deletions: Mapping[int, Precedence]) -> int:
        """Delete records, and remember what did it; returns how many were there."""
        if not deletions:
            return 0
        deleted, statement = 0, insert(DELETIONS)
        statement = statement.on_conflict_do_update(
            index_elements=["pmid"],
            set_={name: statement.excluded[name] for name in ("file_year", "file_number")},
        )
        rows = [{"pmid": pmid, "file_year": by.year, "file_number": by.number} for pmid, by in deletions.items()]
        with self._writing() as connection:
            for chunk in chunks(list(deletions)):
                deleted += connection.execute(sa.delete(ARTICLES).where(ARTICLES.c.pmid.in_(chunk))).rowcount
            connection.execute(statement, rows)
        return deleted

    def add_definitions(self, definitions: Sequence[Definition]) -> None:
        """Add to the counts of abbreviations' definitions."""
        if not definitions:
            return
        statement = insert(DEFINITIONS)
        together = DEFINITIONS.c.articles + statement.excluded.articles
        statement = statement.on_conflict_do_update(index_elements=["short", "long"], set_={"articles": together})
        with self._writing() as connection:
            connection.execute(
                statement, [{"short": one.short, "long": one.long, "articles": one.articles} for one in definitions]
            )

    def clear_definitions(self) -> None:
        """Forget all definitions, to count them anew."""
        with self._writing() as connection:
            connection.execute(sa.delete(DEFINITIONS))

    def note(self, note: str) -> None:
        """Note what was done, with what was written in the same transaction."""
        with self._writing() as connection:
            connection.execute(sa.insert(_NOTES).values(note=note))

    def notes(self) -> list[str]:
        """What was noted, in order."""
        with self._reading() as connection:
            return list(connection.execute(sa.select(_NOTES.c.note).order_by(_NOTES.c.number)).scalars())

    def finish(self) -> None:
        """Close the catalogue and leave it as one file, without notes."""
        with self._writing() as connection:
            connection.execute(sa.delete(_NOTES))
        self.close()
        with full_disk_is_said(self._path.parent), contextlib.closing(sqlite3.connect(self._path)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        if self._open_transaction is not None:
            yield self._open_transaction
            return
        with full_disk_is_said(self._path.parent), self._engine.begin() as connection:
            yield connection


def merge_catalogues(base: Path, delta: Path, into: Path) -> None:
    """Make a catalogue of the records of `base` as far as `delta` leaves them, and of those of `delta`. Raises StorageFull."""
    CatalogueWriter.open(into).finish()
    with full_disk_is_said(into.parent), contextlib.closing(sqlite3.connect(into.resolve().as_uri(), uri=True)) as connection:
        # Who dies here begins anew.
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("ATTACH ? AS base", (read_only(base),))
        connection.execute("ATTACH ? AS delta", (read_only(delta),))
        for statement in _MERGED:
            connection.execute(statement)
        connection.commit()


# A record of delta has a higher precedence than the one of base that it replaces, and so has a deletion.
_MERGED = (
    """INSERT INTO articles SELECT * FROM base.articles WHERE pmid NOT IN (SELECT pmid FROM delta.articles)
       AND pmid NOT IN (SELECT pmid FROM delta.deletions) ORDER BY pmid""",
    "INSERT INTO articles SELECT * FROM delta.articles",
    """INSERT INTO deletions SELECT * FROM base.deletions WHERE pmid NOT IN (SELECT pmid FROM delta.articles)
       AND pmid NOT IN (SELECT pmid FROM delta.deletions)""",
    "INSERT INTO deletions SELECT * FROM delta.deletions",
    """INSERT INTO definitions SELECT short, long, SUM(articles)
       FROM (SELECT * FROM base.definitions UNION ALL SELECT * FROM delta.definitions)
       GROUP BY short, long HAVING SUM(articles) > 0""",
)


def _keep_log(connection: Any, _record: object) -> None:  # noqa: ANN401  (the driver's own connection)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _parameters(row: Row) -> dict[str, int | str]:
    by = row.precedence
    return {
        "pmid": row.pmid,
        "file_year": by.year,
        "file_number": by.number,
        "version": by.version,
        "position": by.position,
        "record": row.record,
    }

"""The records that answer a PubMed query, brought into a folder that a build reads.

The folder holds `fetch.json`, the query and the ids that NCBI gave for it, and `pubmed-00001.xml.gz` and so on: the ids
in batches, each file a whole PubmedArticleSet as NCBI sent it. A file is written beside, under a name that no build reads,
and moved into place once it is on the disk; an interrupted fetch goes on with the batches that are not there or not whole.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec

from indexer.eutils import EUTILS, SYSTEM_CLOCK, Clock, Eutils, TransientError, json_of
from search.errors import FetchError, StorageFull
from search.storage import is_full, write_atomically

_SELECTION_NAME = "fetch.json"
_BATCH_SIZE = 200  # the ids that NCBI advises to ask for at once, as a POST
_SEARCH_LIMIT = 9_999  # ids that ESearch gives for one PubMed query, whatever paging or history is used
_FIRST_DAY = date(1700, 1, 1)  # before PubMed's oldest record
_DAYS_AHEAD = 366  # entry dates follow publication dates, which may lie ahead


@dataclass(frozen=True, slots=True)
class Fetched:
    """What stands in a folder after a fetch.

    `total` is NCBI's count for the query, `asked` the day on which it gave the ids, `reused` that nothing was fetched
    this time, and `notes` the sentences that a reader of the records must see: what is missing and what was ignored.
    """

    path: Path
    records: int
    total: int
    reused: bool
    asked: date
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Batch:
    """One file of a folder and the ids whose records it holds."""

    path: Path
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Selection:
    """`fetch.json`: which records of which query a folder is for."""

    query: str
    max_records: int
    asked: date
    total: int
    batch_size: int
    notes: tuple[str, ...]
    ids: tuple[int, ...]

    def batches(self, folder: Path) -> Iterator[_Batch]:
        """The files that the folder holds once it is complete."""
        for number, start in enumerate(range(0, len(self.ids), self.batch_size), 1):
            yield _Batch(folder / f"pubmed-{number:05d}.xml.gz", self.ids[start : start + self.batch_size])


@dataclass(frozen=True, slots=True)
class _Days:
    """A range of days, both ends included."""

    first: date
    last: date

    def halves(self) -> tuple["_Days", "_Days"]:
        """The earlier and the later half of a range of two days or more."""
        middle = self.first + (self.last - self.first) // 2
        return _Days(self.first, middle), _Days(middle + timedelta(days=1), self.last)


class _SearchResult(msgspec.Struct, frozen=True):
    """The part of an ESearch answer that is used; its numbers come as strings."""

    count: int
    idlist: tuple[int, ...]
    errorlist: dict[str, tuple[str, ...]] = {}
    warninglist: dict[str, tuple[str, ...]] = {}


class _SearchAnswer(msgspec.Struct, frozen=True):
    esearchresult: _SearchResult


def ignore(_done: int, _total: int) -> None:
    """Report progress to nobody."""


def fetch(
    query: str,
    out: Path,
    *,
    max_records: int = 1000,
    email: str | None = None,
    api_key: str | None = None,
    base_url: str = EUTILS,
    patience_s: float = 10.0,
    on_progress: Callable[[int, int], None] = ignore,
    clock: Clock = SYSTEM_CLOCK,
) -> Fetched:
    """Bring the records for a query into the folder `out`: the first `max_records` that NCBI names.

    A folder that is complete is reused without asking NCBI; one that is not is completed. `patience_s` bounds the first
    answer in all, retries included; `on_progress` receives the records asked for so far and in all.

    Raises FetchError where NCBI cannot be reached, refuses, knows no article, or the folder belongs to another fetch,
    and StorageFull where the folder has no room.
    """
    query = " ".join(query.split())
    if not query or max_records < 1:
        raise FetchError(f"A fetch needs a query and --max of 1 or more; found {query!r} and {max_records}.")
    kept = _kept(out, query, max_records)
    held = _held(out, kept) if kept else {}
    if kept and len(held) == len(tuple(kept.batches(out))):
        on_progress(len(kept.ids), len(kept.ids))
        return _fetched(out, kept, held, reused=True)
    with Eutils(base_url, email=email, api_key=api_key, patience_s=patience_s, clock=clock) as eutils:
        if kept:
            _search(eutils, query, 0)  # the first answer's patience is for a small question, not for a batch of records
        else:
            kept = _selected(eutils, query, max_records)
            _write(out / _SELECTION_NAME, msgspec.json.encode(kept))
        held = _filled(eutils, out, kept, held, on_progress)
    return _fetched(out, kept, held, reused=False)


def _fetched(out: Path, selection: _Selection, held: dict[Path, int], *, reused: bool) -> Fetched:
    """The summary of a complete folder, its losses said."""
    records = sum(held.values())
    if not records:
        raise FetchError(
            f"NCBI gave none of the records for {selection.query!r}: delete {out} and fetch again, or ask otherwise."
        )
    notes = list(selection.notes)
    if missing := len(selection.ids) - records:
        notes.append(f"NCBI gave no record for {missing:,} of the {len(selection.ids):,} ids.")
    if reused:
        notes.append(f"These records were asked for on {selection.asked}; choose another folder to ask again.")
    return Fetched(out, records, selection.total, reused, selection.asked, tuple(notes))


def _selected(eutils: Eutils, query: str, max_records: int) -> _Selection:
    """Ask NCBI which records answer the query."""
    page = _search(eutils, query, min(max_records, _SEARCH_LIMIT))
    unknown = ", ".join(repr(word) for words in page.errorlist.values() for word in words)
    if not page.count:
        hint = f" (it does not know {unknown})" if unknown else ""
        raise FetchError(f"NCBI knows no article for {query!r}{hint}. Check spelling and field tags, then fetch another query.")
    if unknown:
        raise FetchError(
            f"NCBI does not know {unknown} in {query!r} and searched without it. Correct the query and fetch again."
        )
    wanted = min(max_records, page.count)
    notes = [f"NCBI ignored or did not find {word!r} in the query." for word in _ignored(page)]
    ids = tuple(dict.fromkeys(page.idlist))[:wanted] if wanted <= _SEARCH_LIMIT else _ids_by_date(eutils, query, wanted)
    if len(ids) < wanted:
        notes.append(f"NCBI counts {page.count:,} articles but gave {len(ids):,} of the {wanted:,} ids that were asked for.")
    return _Selection(query, max_records, _today(), page.count, _BATCH_SIZE, tuple(notes), ids)


def _ignored(page: _SearchResult) -> list[str]:
    """The words of a query that NCBI left out, as far as it says so."""
    return [word for kind in ("phrasesignored", "quotedphrasesnotfound") for word in page.warninglist.get(kind, ())]


def _ids_by_date(eutils: Eutils, query: str, wanted: int) -> tuple[int, ...]:
    """The ids of a query with more articles than one ESearch gives: by ranges of days, halved until each fits."""
    found: dict[int, None] = {}
    ranges = [_Days(_FIRST_DAY, _today() + timedelta(days=_DAYS_AHEAD))]
    while ranges and len(found) < wanted:
        days = ranges.pop()
        page = _search(eutils, query, _SEARCH_LIMIT, days)
        if page.count <= _SEARCH_LIMIT:
            found.update(dict.fromkeys(page.idlist))
        elif days.first < days.last:
            ranges.extend(days.halves())
        else:
            raise FetchError(
                f"NCBI gives at most {_SEARCH_LIMIT:,} ids at once and has {page.count:,} of {days.first} alone for {query!r}. "
                "Narrow the query."
            )
    return tuple(found)[:wanted]


def _search(eutils: Eutils, query: str, limit: int, days: _Days | None = None) -> _SearchResult:
    """The count of a query and its first ids, those entered in `days` only.

    The date is the entry date: every record has exactly one, where a record printed after it appeared electronically
    has two publication dates and would stand in two ranges.
    """
    parameters = {"db": "pubmed", "term": query, "retmode": "json", "retmax": str(limit)}
    if days:
        parameters |= {"datetype": "edat", "mindate": f"{days.first:%Y/%m/%d}", "maxdate": f"{days.last:%Y/%m/%d}"}
    return eutils.ask("esearch.fcgi", parameters, partial(_read_search, limit=limit), "the ids of a query's articles")


def _read_search(body: bytes, limit: int) -> _SearchResult:
    """An ESearch answer; TransientError where it is none or contradicts itself."""
    try:
        result = msgspec.convert(json_of(body), _SearchAnswer, strict=False).esearchresult
    except (ValueError, msgspec.ValidationError) as error:
        raise TransientError("an answer that is no ESearch result") from error
    if limit and result.count and not result.idlist:
        raise TransientError(f"a count of {result.count:,} articles without their ids")
    return result


def _filled(
    eutils: Eutils, out: Path, selection: _Selection, held: dict[Path, int], on_progress: Callable[[int, int], None]
) -> dict[Path, int]:
    """Fetch the batches that the folder does not hold yet; the number of records by file."""
    filled: dict[Path, int] = {}
    done = 0
    for batch in selection.batches(out):
        if batch.path in held:
            filled[batch.path] = held[batch.path]
        else:
            filled[batch.path] = _fetch_batch(eutils, batch)
        done += len(batch.ids)
        on_progress(done, len(selection.ids))
    return filled


def _fetch_batch(eutils: Eutils, batch: _Batch) -> int:
    """Fetch one batch into its file; the number of its records."""
    parameters = {"db": "pubmed", "id": ",".join(map(str, batch.ids)), "rettype": "xml", "retmode": "xml"}
    asked = len(batch.ids)

    def read(body: bytes) -> bytes:
        _count_records(body, asked)
        return body

    xml = eutils.ask("efetch.fcgi", parameters, read, f"the records of {asked:,} ids")
    _write(batch.path, gzip.compress(xml, mtime=0))
    return _count_records(xml, asked)


def _count_records(body: bytes, asked: int) -> int:
    """The number of records in a PubmedArticleSet; TransientError where it is none, or not whole.

    NCBI leaves out an id that it has no record for. An answer without any record for several ids is a failure of NCBI's.
    """
    if b"<PubmedArticleSet" not in body[:2048] or not body.lstrip().startswith(b"<"):
        raise TransientError("an answer that is no PubmedArticleSet")
    opened = len(re.findall(rb"<Pubmed(?:Book)?Article[\s>]", body))
    closed = len(re.findall(rb"</Pubmed(?:Book)?Article\s*>", body))
    if opened != closed or not body.rstrip().endswith(b"</PubmedArticleSet>"):
        raise TransientError("records that break off before </PubmedArticleSet>")
    if opened > asked or (not opened and asked > 1):
        raise TransientError(f"{opened:,} records")
    return opened


def _kept(out: Path, query: str, max_records: int) -> _Selection | None:
    """The selection that the folder is for, or None for a new folder; FetchError where it is for something else."""
    path = out / _SELECTION_NAME
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Selection)
    except (FileNotFoundError, NotADirectoryError):
        if any(out.glob("pubmed-*.xml.gz")):
            raise FetchError(
                f"{out} holds records without the {_SELECTION_NAME} that says of which query: choose another folder."
            ) from None
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise FetchError(f"{path} cannot be read as the record of a fetch ({error}): choose another folder.") from error
    if kept.query != query:
        raise FetchError(f"{out} holds the records of {kept.query!r}, not of {query!r}: choose another folder with --out.")
    if min(kept.total, kept.max_records) != min(kept.total, max_records):
        raise FetchError(
            f"{out} is for at most {kept.max_records:,} of the {kept.total:,} articles, not for {max_records:,}: "
            f"choose another folder with --out, or run with --max {kept.max_records}."
        )
    return kept


def _held(out: Path, selection: _Selection) -> dict[Path, int]:
    """The batches that are on the disk and whole, by their gzip checksums, and how many records each holds."""
    held: dict[Path, int] = {}
    for batch in selection.batches(out):
        try:
            held[batch.path] = _count_records(gzip.decompress(batch.path.read_bytes()), len(batch.ids))
        except (OSError, EOFError, zlib.error, TransientError):
            continue
    return held


def _write(path: Path, content: bytes) -> None:
    """Put a whole file in its place, the folder made where it is missing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        if is_full(error):
            raise StorageFull(f"No room to write {path}: free some space and run the same command again.") from error
        raise FetchError(f"{path} cannot be written ({error.strerror}): choose another folder with --out.") from error


def _today() -> date:
    return datetime.now(UTC).date()

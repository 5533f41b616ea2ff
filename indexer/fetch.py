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
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from indexer.esearch import SEARCH_LIMIT, ids_by_slices, search
from indexer.eutils import EUTILS, Eutils
from indexer.keeping import keeping
from indexer.polite_http import SYSTEM_CLOCK, Clock, TransientError
from search.errors import FetchError
from search.storage import write_atomically

_SELECTION_NAME = "fetch.json"
_BATCH_SIZE = 200  # the ids that NCBI advises to ask for at once, as a POST


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
            search(eutils, query, 0)  # the first answer's patience is for a small question, not for a batch of records
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
    page = search(eutils, query, min(max_records, SEARCH_LIMIT))
    unknown = ", ".join(repr(word) for words in page.errorlist.values() for word in words)
    if not page.count:
        hint = f" (it does not know {unknown})" if unknown else ""
        raise FetchError(f"NCBI knows no article for {query!r}{hint}. Check spelling and field tags, then fetch another query.")
    if unknown:
        raise FetchError(
            f"NCBI does not know {unknown} in {query!r} and searched without it. Correct the query and fetch again."
        )
    wanted = min(max_records, page.count)
    notes = [f"NCBI ignored or did not find {word!r} in the query." for word in page.ignored()]
    ids = tuple(dict.fromkeys(page.idlist))[:wanted] if wanted <= SEARCH_LIMIT else ids_by_slices(eutils, query, wanted)
    if len(ids) < wanted:
        notes.append(f"NCBI counts {page.count:,} articles but gave {len(ids):,} of the {wanted:,} ids that were asked for.")
    return _Selection(query, max_records, datetime.now(UTC).date(), page.count, _BATCH_SIZE, tuple(notes), ids)


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
    with keeping(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)

"""Reads a file of records in parts of a bounded size, whatever its format, compressed or not."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from indexer.csv_source import read_csv
from indexer.jsonl import read_jsonl
from indexer.nbib import read_nbib
from indexer.parsed_file import Deleted, Numberless, ParsedFile, Record, Skipped, SourceFile, SourceFormat
from indexer.pubmed_xml import read_pubmed_xml
from indexer.ris import read_ris
from search.article import Article
from search.errors import SourceError

GZIP_MAGIC = b"\x1f\x8b"

# A part of PubMed's records has about 20 MB; where records are much longer, parts are shorter.
_PART_BYTES = 1 << 26

_READERS: dict[SourceFormat, Callable[[BinaryIO, Path], Iterator[Record]]] = {
    SourceFormat.PUBMED_XML: read_pubmed_xml,
    SourceFormat.NBIB: read_nbib,
    SourceFormat.RIS: read_ris,
    SourceFormat.JSONL: read_jsonl,
    SourceFormat.CSV: read_csv,
}


def read_parts(source: SourceFile, articles_per_part: int = 2000, *, local_ids: bool = False) -> Iterator[ParsedFile]:
    """Read a file part by part; memory is bounded by a part, whatever the file's size.

    Parameters
    ----------
    source
        The file; whether it is compressed is read from its first bytes, not from its name.
    articles_per_part
        The largest number of records in a part, deletions and skipped ones included. At least 1. Very long records make
        shorter parts.
    local_ids
        Whether articles without a PMID are taken, as `ParsedFile.unnumbered`; else they are skipped. Records of PubMed's XML
        are skipped in either case: there a missing PMID is a fault of the file.

    Raises
    ------
    SourceError
        The file cannot be opened, is empty, is damaged, or is not in the source's format. The parts before the fault
        have been given by then.

    """
    with opened(source.path, source.shown) as raw:
        stream = _Counted(raw)
        is_empty = source.format is not SourceFormat.PUBMED_XML  # NCBI answers with an empty set where nothing was found
        records = _READERS[source.format](cast("BinaryIO", stream), source.shown)
        for part in _parts(records, articles_per_part, stream):
            is_empty = False
            yield _parsed(part, local_ids=local_ids)
        if is_empty:
            raise _empty(source.shown)


def read_file(source: SourceFile, *, local_ids: bool = False) -> ParsedFile:
    """Read a whole file at once; raises what `read_parts` raises."""
    parts = list(read_parts(source, local_ids=local_ids))
    return ParsedFile(
        articles=tuple(article for part in parts for article in part.articles),
        deleted_pmids=tuple(pmid for part in parts for pmid in part.deleted_pmids),
        skipped=tuple(skipped for part in parts for skipped in part.skipped),
        unnumbered=tuple(article for part in parts for article in part.unnumbered),
    )


class _Counted:
    """A stream that counts what was read of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.count = 0

    def read(self, size: int) -> bytes:
        """Read up to so many bytes."""
        data = self._stream.read(size)
        self.count += len(data)
        return data


def _parts(records: Iterator[Record], largest: int, stream: _Counted) -> Iterator[list[Record]]:
    """The records in lists, each as long as it may be."""
    part: list[Record] = []
    begun = 0
    for record in records:
        part.append(record)
        if len(part) >= largest or stream.count - begun >= _PART_BYTES:
            yield part
            part, begun = [], stream.count
    if part:
        yield part


def _parsed(records: Iterable[Record], *, local_ids: bool) -> ParsedFile:
    """Sort records into what was taken, what NLM deleted and what was left out."""
    settled = [record.taken(local_ids=local_ids) if isinstance(record, Numberless) else record for record in records]
    articles = [record for record in settled if isinstance(record, Article)]
    return ParsedFile(
        articles=tuple(article for article in articles if article.pmid),
        deleted_pmids=tuple(record.pmid for record in settled if isinstance(record, Deleted)),
        skipped=tuple(record for record in settled if isinstance(record, Skipped)),
        unnumbered=tuple(article for article in articles if not article.pmid),
    )


@contextmanager
def opened(path: Path, shown: Path | None = None) -> Iterator[BinaryIO]:
    """The bytes of a file, decompressed. Raises SourceError: every way in which a file can fail as a file is one sentence."""
    shown = shown or path
    try:
        with path.open("rb") as raw:
            magic = raw.peek(len(GZIP_MAGIC))[: len(GZIP_MAGIC)]
            if not magic:
                raise _empty(shown)
            yield cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if magic == GZIP_MAGIC else raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{shown}: the compressed file is cut short or damaged ({error}). Download it again.") from error
    except OSError as error:
        raise SourceError(
            f"{shown}: the file cannot be read ({error.strerror or error}). Check that it is a file and that you may read it."
        ) from error


def _empty(path: Path) -> SourceError:
    """The error of a file without a record in it."""
    return SourceError(f"{path}: expected records, found an empty file. Download it again, or leave it out.")

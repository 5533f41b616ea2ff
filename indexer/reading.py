"""Reads a file of records in parts of a bounded size, whatever its format, compressed or not."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from indexer.jsonl import read_jsonl
from indexer.nbib import read_nbib
from indexer.parsed_file import Deleted, ParsedFile, Record, Skipped, SourceFile, SourceFormat
from indexer.pubmed_xml import read_pubmed_xml
from indexer.ris import read_ris
from search.article import Article
from search.errors import SourceError

GZIP_MAGIC = b"\x1f\x8b"

_READERS: dict[SourceFormat, Callable[[BinaryIO, Path], Iterator[Record]]] = {
    SourceFormat.PUBMED_XML: read_pubmed_xml,
    SourceFormat.NBIB: read_nbib,
    SourceFormat.RIS: read_ris,
    SourceFormat.JSONL: read_jsonl,
}


def read_parts(source: SourceFile, articles_per_part: int = 2000) -> Iterator[ParsedFile]:
    """Read a file part by part; memory is bounded by a part, whatever the file's size.

    Parameters
    ----------
    source
        The file; whether it is compressed is read from its first bytes, not from its name.
    articles_per_part
        The largest number of records in a part, deletions and skipped ones included. At least 1.

    Raises
    ------
    SourceError
        The file cannot be opened, is empty, is damaged, or is not in the source's format. The parts before the fault
        have been given by then.

    """
    with _opened(source.path) as stream:
        records = _READERS[source.format](stream, source.path)
        is_empty = source.format is not SourceFormat.PUBMED_XML  # NCBI answers with an empty set where nothing was found
        while part := list(islice(records, articles_per_part)):
            is_empty = False
            yield _parsed(part)
        if is_empty:
            raise _empty(source.path)


def read_file(source: SourceFile) -> ParsedFile:
    """Read a whole file at once; raises what `read_parts` raises."""
    parts = list(read_parts(source))
    return ParsedFile(
        articles=tuple(article for part in parts for article in part.articles),
        deleted_pmids=tuple(pmid for part in parts for pmid in part.deleted_pmids),
        skipped=tuple(skipped for part in parts for skipped in part.skipped),
    )


def _parsed(records: Iterable[Record]) -> ParsedFile:
    """Sort records into what was taken, what NLM deleted and what was left out."""
    records = tuple(records)
    return ParsedFile(
        articles=tuple(record for record in records if isinstance(record, Article)),
        deleted_pmids=tuple(record.pmid for record in records if isinstance(record, Deleted)),
        skipped=tuple(record for record in records if isinstance(record, Skipped)),
    )


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes, decompressed; every way in which a file can fail as a file becomes one sentence."""
    try:
        with path.open("rb") as raw:
            magic = raw.peek(len(GZIP_MAGIC))[: len(GZIP_MAGIC)]
            if not magic:
                raise _empty(path)
            yield cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if magic == GZIP_MAGIC else raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{path}: the compressed file is cut short or damaged ({error}). Download it again.") from error
    except OSError as error:
        raise SourceError(
            f"{path}: the file cannot be read ({error.strerror or error}). Check that it is a file and that you may read it."
        ) from error


def _empty(path: Path) -> SourceError:
    """The error of a file without a record in it."""
    return SourceError(f"{path}: expected records, found an empty file. Download it again, or leave it out.")

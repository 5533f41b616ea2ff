"""Finds the files of records that a command line names, recognises their format and puts them in reading order."""

import glob
import gzip
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from indexer.csv_columns import header_in
from indexer.decoding import text_of
from indexer.parsed_file import SourceFile, SourceFormat
from indexer.reading import GZIP_MAGIC
from indexer.standard_input import STANDARD_INPUT, spooled
from search.errors import SourceError

_HEAD_BYTES = 1 << 16
_FORMAT_OF_EXTENSION = {
    ".xml": SourceFormat.PUBMED_XML,
    ".nbib": SourceFormat.NBIB,
    ".medline": SourceFormat.NBIB,
    ".ris": SourceFormat.RIS,
    ".jsonl": SourceFormat.JSONL,
    ".ndjson": SourceFormat.JSONL,
}
_TABLES = frozenset({".csv", ".tsv"})  # tables of anything: in folders, only those whose header is that of articles
_OPEN_EXTENSIONS = frozenset({"", ".txt", ".json"})  # these say nothing of the format: the content alone decides
_DATED_NAME = re.compile(r"(?:pubmed|medline)(\d\d)n(\d{4,})\.xml(?:\.gz)?")
_PUBMED_ROOT = re.compile(
    r"<(?:Pubmed(?:Book)?Article(?:Set)?|MedlineCitation(?:Set)?|BookDocument(?:Set)?|eFetchResult)[\s>/]"
)
_NBIB_TAG = re.compile(r"[A-Za-z][A-Za-z0-9 ]{3}-\s")
_NBIB_FIELD = re.compile(r"^(?:PMID- ?\d|OWN - |STAT- |FAU - |TI  - )", re.MULTILINE | re.IGNORECASE)
_RIS_BEGIN = re.compile(r"^TY {1,2}- *[A-Z]+ *\n+[A-Z][A-Z0-9] {1,2}- ", re.MULTILINE | re.IGNORECASE)
_JSONL_KEYS = re.compile(r'\{.*(?:"pmid"|"title".*"abstract"|"abstract".*"title")')
_EXPECTED = "PubMed XML (.xml, .xml.gz), NBIB (.nbib, .txt), RIS (.ris, .txt), JSONL (.jsonl) or CSV (.csv, .tsv)"


@dataclass(frozen=True, slots=True)
class Sources:
    """The files to read, in order, and those beside them that hold no records."""

    files: tuple[SourceFile, ...]
    ignored: tuple[Path, ...]


def find_sources(arguments: Sequence[str | Path], standard_input: BinaryIO | None = None) -> Sources:
    """Find the files of records that are named by files, folders (with all below them) and globs, or ``-``.

    Files of no known format are ignored in folders and among a glob's matches. PubMed's numbered files come last, by
    year and number, because the later file wins; the others keep the order of the arguments. A file named
    twice is read once.

    Parameters
    ----------
    arguments
        What a command line names; ``-`` is standard input, which is kept in a file until the process ends.
    standard_input
        What to read for it instead of the process's own.

    Raises
    ------
    SourceError
        An argument names nothing, a file of no known format, or a folder or glob without any file of records; standard input
        is named twice, or there is nothing in it.
    StorageFull
        There is no room for what comes on standard input.

    """
    if not arguments:
        raise SourceError(f"Expected at least one file, folder or glob, found none. Name a file of {_EXPECTED}.")
    if sum(str(argument) == STANDARD_INPUT for argument in arguments) > 1:
        raise SourceError(f"{STANDARD_INPUT} is standard input, which can be read once; it is named twice. Leave one out.")
    files: dict[Path, SourceFile] = {}
    ignored: dict[Path, None] = {}
    for argument in arguments:
        is_input = str(argument) == STANDARD_INPUT
        found = Sources((_piped(standard_input),), ()) if is_input else _found(argument)
        for source in found.files:
            files.setdefault(source.path.resolve(), source)
        ignored.update(dict.fromkeys(found.ignored))
    ordered = sorted(files.values(), key=lambda source: (source.year, source.number))
    _refuse_two_years(ordered)
    return Sources(tuple(ordered), tuple(ignored))


def _refuse_two_years(sources: Sequence[SourceFile]) -> None:
    """A baseline replaces everything before it: merged with last year's, it would keep what NLM has dropped since."""
    dated = {source.year: source.path.name for source in sources if source.year}
    if len(dated) > 1:
        first, *_, last = sorted(dated)
        raise SourceError(
            f"The files are of two yearly baselines, {first} ({dated[first]}) and {last} ({dated[last]}), and a new baseline "
            f"replaces everything before it. Build from the files of {last} alone."
        )


def _piped(standard_input: BinaryIO | None) -> SourceFile:
    """The source that comes on standard input."""
    path = spooled(standard_input)
    source = _source(path, is_table=True)
    if source is None:
        raise SourceError(f"{path.name}: expected {_EXPECTED}, found none of them in what came on standard input.")
    return replace(source, label=path.name)


def _found(argument: str | Path) -> Sources:
    """What one argument names."""
    if not str(argument):
        raise SourceError("Expected a file, folder or glob, found an empty name. Was a shell variable not set?")
    try:
        return _found_at(Path(argument).expanduser())
    except OSError as error:
        raise SourceError(
            f"{argument}: this path cannot be read ({error.strerror}). Check its spelling and permissions."
        ) from error


def _found_at(path: Path) -> Sources:
    """What a path names, or a glob matches."""
    if path.is_dir():
        return _sorted_out(list(_files_below(path)), f"the folder {path}")
    if path.exists():
        return Sources((_named_file(path),), ())
    if not glob.has_magic(str(path)):
        raise SourceError(f"{path}: expected a file, a folder or a glob, found nothing there. Check the spelling of the path.")
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - Path.glob takes no absolute pattern
    below = [file for match in matches for file in (_files_below(match) if match.is_dir() else (match,))]
    return _sorted_out(below, f"the glob {path}")


def _files_below(folder: Path) -> Iterator[Path]:
    """Every file of the folder and its subfolders, by name; hidden ones are left to the programs that hid them.

    An index in there is passed over: its list of skipped records is no source.
    """
    for place, folders, names in os.walk(folder, onerror=_refuse_folder):
        if {"generations", "lock"} <= {*folders, *names}:
            folders[:], names[:] = [], []
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _refuse_folder(error: OSError) -> None:
    """Stop at a folder that cannot be listed: the files in it would be missing without a word."""
    raise SourceError(f"{error.filename}: the folder cannot be listed ({error.strerror}). Check its permissions.") from error


def _sorted_out(paths: Sequence[Path], where: str) -> Sources:
    """The files of records among these, and the rest.

    Tables come first: they hold the least (PubMed's has no abstracts), and of a record in several files the last one counts.
    """
    sources = {path: _source(path) for path in paths if _may_hold_records(path)}
    found = (source for source in sources.values() if source)
    files = tuple(sorted(found, key=lambda source: source.format is not SourceFormat.CSV))
    if not files:
        raise SourceError(
            f"Expected files of {_EXPECTED} in {where}, found {len(paths)} files, none of them of these formats. "
            "Get some with `pubmed-index fetch --query QUERY --out DIR`, or name another place."
        )
    return Sources(files, tuple(path for path in paths if not sources.get(path)))


def _named_file(path: Path) -> SourceFile:
    """The source that a user named: of a known format, whatever its extension."""
    source = _source(path) if path.is_file() else None
    if source is None and path.is_file() and _extension(path) in _TABLES:
        return SourceFile(path, SourceFormat.CSV)  # reading it says what is wrong with its header
    if source is None:
        raise SourceError(f"{path}: expected {_EXPECTED}, found none of them by the file's name or content. Leave it out.")
    return source


def _may_hold_records(path: Path) -> bool:
    """Whether a file that nobody named is worth opening; checksums, DTDs and unfinished downloads are not."""
    extension = _extension(path)
    return path.is_file() and (extension in _FORMAT_OF_EXTENSION or extension in _OPEN_EXTENSIONS | _TABLES)


def _source(path: Path, *, is_table: bool = False) -> SourceFile | None:
    """The file with its format and, from its name, its place in PubMed's series; None where the format is not known.

    Of what may be a table (`is_table`), and of what its extension calls one, a shorter header is taken for one of articles.
    """
    extension = _extension(path)
    found = _format_of_content(text_of(_head(path)), is_table=is_table or extension in _TABLES)
    found = found or _FORMAT_OF_EXTENSION.get(extension)
    if found is None:
        return None
    dated = _DATED_NAME.fullmatch(path.name) if found is SourceFormat.PUBMED_XML else None
    year, number = (2000 + int(dated.group(1)), int(dated.group(2))) if dated else (0, 0)
    return SourceFile(path, found, year, number)


def _extension(path: Path) -> str:
    """The extension below ``.gz``, in lower case."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _head(path: Path) -> bytes:
    """The first bytes, decompressed where they can be; reading the file reports what is wrong with it."""
    try:
        with path.open("rb") as raw:
            if raw.peek(len(GZIP_MAGIC))[: len(GZIP_MAGIC)] != GZIP_MAGIC:
                return raw.read(_HEAD_BYTES)
            with gzip.GzipFile(fileobj=raw) as stream:
                return stream.read(_HEAD_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return b""
    except OSError as error:
        raise SourceError(f"{path}: the file cannot be read ({error.strerror}). Check its permissions.") from error


def _format_of_content(head: str, *, is_table: bool) -> SourceFormat | None:
    """The format that a file's beginning shows, after blank lines."""
    text = head.lstrip()
    if text.startswith("<") and _PUBMED_ROOT.search(text):
        return SourceFormat.PUBMED_XML
    if _RIS_BEGIN.search(text):  # before NBIB, whose tag for the PMID some programs put into RIS
        return SourceFormat.RIS
    if _NBIB_TAG.match(text) and _NBIB_FIELD.search(text):
        return SourceFormat.NBIB
    lines = text.split("\n")
    if _JSONL_KEYS.match(lines[0]):
        return SourceFormat.JSONL
    found = header_in(lines)
    is_csv = found and (found[0].is_certain or (is_table and found[0].is_of_articles))
    return SourceFormat.CSV if is_csv else None

"""Keeps what comes on standard input in a file: it is read more than once, and a pipe can be read once."""

import atexit
import shutil
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from search.errors import SourceError, StorageFull
from search.storage import is_full

STANDARD_INPUT = "-"
_CHUNK_BYTES = 1 << 20
_NAME = "stdin"


def spooled(stream: BinaryIO | None = None) -> Path:
    """Copy standard input, or another stream, into a temporary file ``stdin`` that is removed when the process ends.

    Raises
    ------
    SourceError
        There is nothing to read, which is also so where it has been read before, or it is a terminal.
    StorageFull
        The folder of temporary files has no room for it.

    """
    stream = stream or _process_input()
    folder = Path(tempfile.mkdtemp(prefix="pubmed-index-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / _NAME
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file, _CHUNK_BYTES)
    except OSError as error:
        if is_full(error):
            raise StorageFull(
                f"What comes on standard input does not fit into {folder.parent}. Free some space there, set TMPDIR to another "
                "folder, or save it as a file and name that."
            ) from error
        raise SourceError(f"Standard input cannot be read ({error.strerror or error}). Name a file instead.") from error
    if not path.stat().st_size:
        raise SourceError("Expected records on standard input, found nothing in it, or nothing more. Name a file instead.")
    return path


def _process_input() -> BinaryIO:
    """The process's own standard input."""
    if sys.stdin is None or sys.stdin.isatty():
        raise SourceError("Expected records on standard input, found a terminal. Pipe a file into the command, or name it.")
    return sys.stdin.buffer

"""Turns the bytes of a text file into lines, whatever program wrote them; no character is lost.

UTF-8 with or without a byte order mark, UTF-16 with one, and, line by line, what Windows programs write (Windows-1252, which
holds Latin-1). Lines end in LF, CR LF or CR; CR CR LF, which comes of translating the ends twice, is one end.
"""

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from search.errors import SourceError

# In bytes and in characters. The longest records of PubMed, with 15,000 collaborators, have a quarter of the second in NBIB.
LONGEST_LINE = 1 << 22
LONGEST_RECORD = 1 << 25
# What a line takes in memory beside its characters; a record of very many very short lines is a long one, too.
_LINE_OVERHEAD = 100
_CHUNK_BYTES = 1 << 16
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BYTE_ORDER_MARK = "\ufeff"
_LINE_ENDS = "\r\n"

_STRAY_BYTES = re.compile("[\udc80-\udcff]+")  # Python's "surrogateescape" of bytes that are not UTF-8
# Windows-1252 leaves five bytes undefined; browsers take them for the control characters of Latin-1, and so nothing is lost.
_WINDOWS = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0x100)}
_WINDOWS_STRAYS = {0xDC00 + byte: character for byte, character in _WINDOWS.items()}


class RecordSize:
    """How long the record at hand is, so that a file which is none cannot fill the memory."""

    def __init__(self, path: Path, line: int) -> None:
        self._path = path
        self._line = line
        self._size = 0

    def add(self, line: str) -> None:
        """Count a line. Raises SourceError where the record is longer than any."""
        self._size += len(line) + _LINE_OVERHEAD
        if self._size > LONGEST_RECORD:
            raise SourceError(
                f"{self._path}, line {self._line}: the record that begins here is longer than {LONGEST_RECORD >> 20} million "
                "characters, and no record is. Check that the file is what its name says, or export it again."
            )


def text_lines(stream: BinaryIO, path: Path) -> Iterator[str]:
    """Every line, decoded, without its end and without a byte order mark.

    Raises
    ------
    SourceError
        A line is longer than any record; `path` names the file in the message.

    """
    return (decoded(raw).rstrip(_LINE_ENDS).removeprefix(_BYTE_ORDER_MARK) for raw in _raw_lines(_chunks(stream), path))


def text_of(head: bytes) -> str:
    """The text of a file's first bytes, the lines of which end in LF."""
    return "\n".join(text_lines(io.BytesIO(head), Path()))


def decoded(line: bytes) -> str:
    """The text of one line.

    Where some of it is not UTF-8, it is Windows-1252: all of it where that is most of what is not ASCII, else only these
    bytes, as in an abstract that a database has cut within a character.
    """
    try:
        return line.decode()
    except UnicodeDecodeError:
        escaped = line.decode("utf-8", "surrogateescape")
    valid = _STRAY_BYTES.sub("", escaped)
    strays = len(escaped) - len(valid)
    if strays > len(valid) - len(valid.encode("ascii", "ignore")):
        return line.decode("latin-1").translate(_WINDOWS)
    return escaped.translate(_WINDOWS_STRAYS)


def _chunks(stream: BinaryIO) -> Iterable[bytes]:
    """The bytes, as UTF-8 where they begin as UTF-16."""
    first = stream.read(_CHUNK_BYTES)
    chunks = chain((first,), iter(partial(stream.read, _CHUNK_BYTES), b""))
    if not first.startswith(_UTF_16_MARKS):
        return chunks
    return (text.encode() for text in codecs.iterdecode(chunks, "utf-16", "replace"))


def _raw_lines(chunks: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """The lines with their ends. The last one of a chunk waits for the next: it may go on, and its CR may be half an end."""
    rest, number = b"", 0
    was_cut = False
    for chunk in chunks:
        lines = (rest + chunk).splitlines(keepends=True)
        rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        for line in lines:
            if not (was_cut and line == b"\r\n"):
                number += 1
                yield line
            was_cut = line.endswith(b"\r")
        if len(rest) > LONGEST_LINE:
            raise SourceError(
                f"{path}, line {number + 1}: the line is longer than {LONGEST_LINE >> 20} million characters, and no record "
                "is. Check that the file is what its name says, or export it again."
            )
    if rest:
        yield rest

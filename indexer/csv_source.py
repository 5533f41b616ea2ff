"""Streams CSV: a header, then one record a row, as PubMed, reference managers, databases and we ourselves export it.

The delimiter is the one that divides the header best. A row that cannot be taken is reported and the rest is read.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from indexer.csv_article import article_in, pmids_in
from indexer.csv_columns import Header, header_in, known_names
from indexer.csv_row import Row
from indexer.decoding import RecordSize, text_lines
from indexer.parsed_file import UNNUMBERED, Place, Record, SkipKind
from search.errors import SourceError

# The longest abstracts have some 20,000 characters. A quotation mark that is never closed makes a cell of the rest of the file.
LONGEST_CELL = 1 << 20
_LINES_LOOKED_AT = 20
_END = "\0the end\0"


class _Lines:
    """The lines as `csv` takes them, with their count; behind the last one stands `_END`, by which an open cell is seen."""

    def __init__(self, lines: Iterator[str], path: Path, number: int) -> None:
        self._lines = chain((f"{line}\n" for line in lines), (_END,))
        self._path = path
        self.number = number
        self.begin_row()

    def begin_row(self) -> None:
        """What is read from here on is another row."""
        self._size = RecordSize(self._path, self.number + 1)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self._size.add(line)
        return line


@dataclass(frozen=True, slots=True)
class _Read:
    """The cells of a row, or the fault for which there are none, and the line in which it begins."""

    line: int
    cells: list[str]
    fault: str = ""


def read_csv(stream: BinaryIO, path: Path) -> Iterator[Record]:
    """Read every row, in the file's order.

    Raises
    ------
    SourceError
        No column is that of the titles, or a line or a row is longer than any record.

    """
    lines = text_lines(stream, path)
    head = list(islice(lines, _LINES_LOOKED_AT))
    found = header_in(head)
    if found is None:
        return
    header, number = found
    if not header.is_of_records:
        raise _without_titles(header, number, path)
    rows = _rows(_Lines(chain(head[number:], lines), path, number), header.delimiter)
    taken = (row for row in rows if row.fault or _is_record(row.cells, header))
    for ordinal, row in enumerate(taken, start=1):
        yield _record(row, header, Place(path, f"record {ordinal}, line {row.line}"))


def _rows(lines: _Lines, delimiter: str) -> Iterator[_Read]:
    """The rows, each with the line in which it begins."""
    csv.field_size_limit(LONGEST_CELL)  # the limit of the whole process, and greater than any other part of it needs
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.begin_row()
        begins = lines.number + 1
        try:
            cells = next(reader, [_END])
        except csv.Error as error:
            yield _Read(begins, [], f"{_unclosed(begins, lines.number)} ({error})")
            continue
        if cells == [_END]:
            return
        if cells and cells[-1].endswith(_END):
            yield _Read(begins, [], _unclosed(begins, lines.number - 1))
            return
        yield _Read(begins, cells)


def _unclosed(begins: int, ends: int) -> str:
    return f"A quotation mark in the row that begins in line {begins} is not closed, so nothing was read as far as line {ends}."


def _is_record(cells: list[str], header: Header) -> bool:
    """Whether a row is neither blank nor the header once more, as where files were joined."""
    return any(map(str.strip, cells)) and tuple(" ".join(cell.split()) for cell in cells) != header.names


def _record(row: _Read, header: Header, place: Place) -> Record:
    """The article in one row, or why there is none."""
    if row.fault:
        return place.skip(SkipKind.MALFORMED, row.fault)
    if any(map(str.strip, row.cells[len(header.names) :])):
        return place.skip(
            SkipKind.MALFORMED,
            f"The row has {len(row.cells)} cells and the header {len(header.names)}: a cell with {header.delimiter!r} in it "
            "stands without quotation marks.",
        )
    cells = Row(header, row.cells)
    pmids = pmids_in(cells)
    if pmids.invalid:
        return place.without_pmid(pmids.invalid)
    if len(pmids.named) > 1:
        return place.of_several_pmids(list(pmids.named))
    return place.record(article_in(cells, pmids.named[0] if pmids.named else UNNUMBERED))


def _without_titles(header: Header, number: int, path: Path) -> SourceError:
    """The error of a table of something else."""
    shown = ", ".join(repr(name[:40]) for name in header.names[:12] if name)
    return SourceError(
        f"{path}, line {number}: expected a header with a column 'title' (and any of {known_names()}), "
        f"found {shown or 'no names'}. Name the column of the titles 'title', or leave this file out."
    )

"""Filter columns: what filters ask of every article, and the bitmap of the PMIDs that meet a condition."""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from search.article import Article, Flag
from search.condition import And, Condition, Flagged, Not, Or, Term, TermField, Words, Years
from search.errors import BrokenIndex
from search.filter_terms import SUBJECT_FIELDS
from search.postings import PAIRS_PER_RUN, Bitmap, Postings, PostingsWriter, add_members, bitmap_bytes, start_array
from search.storage import full_disk_is_said, read_array
from search.vectors import Pmids

YearColumn = npt.NDArray[np.uint16]
PmidsOf = Callable[[Term | Words], Pmids]

_DTYPES: dict[str, np.dtype[Any]] = {"pmids": np.dtype("<i8"), "years": np.dtype("<u2"), "flags": np.dtype("u1")}
# So many PMIDs unpacked stay in the processor's cache; a million at a time take twice as long.
PMIDS_PER_CHUNK = 2**17


@dataclass(frozen=True, slots=True)
class Selection:
    """A set of PMIDs: `bitmap` has one bit a PMID, from 0 up, lowest bit first, as FAISS reads it; `count` are set.

    Two selections are combined where they are of the same columns.
    """

    bitmap: Bitmap
    count: int

    @classmethod
    def of(cls, bitmap: Bitmap) -> Self:
        """Count what is set in a bitmap of whole 64-bit words."""
        return cls(bitmap, int(np.bitwise_count(bitmap.view(np.uint64)).sum()))

    def __and__(self, other: "Selection") -> "Selection":
        return Selection.of(self.bitmap & other.bitmap)

    def __or__(self, other: "Selection") -> "Selection":
        return Selection.of(self.bitmap | other.bitmap)

    def __sub__(self, other: "Selection") -> "Selection":
        return Selection.of(self.bitmap & ~other.bitmap)

    def contains(self, pmids: Pmids) -> npt.NDArray[np.bool_]:
        """Which of some PMIDs (m,) are in the set: (m,)."""
        known = (pmids >= 0) & (pmids < 8 * len(self.bitmap))
        known[known] = self.bitmap[pmids[known] >> 3] >> (pmids[known] & 7) & 1
        return known

    def pmids(self) -> Pmids:
        """The set itself: (count,) int64, ascending."""
        return self._pmids_in(np.flatnonzero(self.bitmap.view(np.uint64)))

    def newest(self, count: int) -> Pmids:
        """The `count` largest of the set, fewer where there are fewer: int64, descending."""
        # No word among these is empty, so that as many words as are wanted hold enough.
        words = np.flatnonzero(self.bitmap.view(np.uint64))[-count:]
        return self._pmids_in(words)[::-1][:count]

    def without(self, pmids: Iterable[int]) -> "Selection":
        """The same set, less some PMIDs; this one stays as it is."""
        return self - Selection(_bitmap_of(np.fromiter(pmids, np.int64), len(self.bitmap)), 0)

    def widened(self, length: int) -> "Selection":
        """The same set with a bitmap of at least `length` bytes, a multiple of 8."""
        missing = length - len(self.bitmap)
        return self if missing <= 0 else Selection(np.pad(self.bitmap, (0, missing)), self.count)

    def _pmids_in(self, words: npt.NDArray[np.intp]) -> Pmids:
        """What is set in some words of 64 PMIDs."""
        rows, bits = np.nonzero(np.unpackbits(self.bitmap.reshape(-1, 8)[words], axis=1, bitorder="little"))
        pmids: Pmids = words[rows] * 64 + bits
        return pmids


class Columns:
    """Reads `columns/`: PMIDs, years and flags in order of PMID, and the articles of every term that many may share."""

    def __init__(self, folder: Path, chunk: int = PMIDS_PER_CHUNK) -> None:
        self._pmids, self._years, self._flags = (read_array(folder / f"{name}.npy", mapped=True) for name in _DTYPES)
        if not self._pmids.shape == self._years.shape == self._flags.shape:
            raise BrokenIndex(f"The columns in {folder} have not all as many rows. Build the index again.")
        size = int(self._pmids[-1]) + 1 if len(self._pmids) else 0
        self._length = bitmap_bytes(size)
        self._postings = Postings.open(folder, size)
        self._chunk = chunk
        self._flagged: dict[Flag, Selection] = {}

    @classmethod
    def open(cls, folder: Path, chunk: int = PMIDS_PER_CHUNK) -> Self:
        """Map the columns of a part; `chunk` PMIDs, a multiple of 64, are looked at at a time. Raises BrokenIndex."""
        try:
            return cls(folder, chunk)
        except (OSError, ValueError, EOFError) as error:
            raise BrokenIndex(f"The columns in {folder} cannot be read ({error}). Build the index again.") from error

    @property
    def pmids(self) -> Pmids:
        """All PMIDs, ascending: (n,) int64."""
        pmids: Pmids = self._pmids
        return pmids

    @property
    def bitmap_bytes(self) -> int:
        """The length of a bitmap of this part."""
        return self._length

    @property
    def years(self) -> YearColumn:
        """The years of publication in order of PMID, 0 for unknown: (n,) uint16."""
        years: YearColumn = self._years
        return years

    def years_of(self, pmids: Pmids) -> YearColumn:
        """The years of publication of some of the articles, 0 for unknown: (m,) uint16."""
        years: YearColumn = self._years[np.searchsorted(self._pmids, pmids)]
        return years

    def everything(self) -> Selection:
        """All articles."""
        return self._everything

    def having(self, flag: Flag) -> Selection:
        """The articles with a flag."""
        if flag not in self._flagged:
            self._flagged[flag] = Selection.of(self._where(lambda rows: self._flags[rows] & flag > 0))
        return self._flagged[flag]

    def count(self, value: Term) -> int:
        """How many articles have a value of one of the fields that many share."""
        return self._postings.count(value)

    def select(self, condition: Condition, pmids_of: PmidsOf) -> Selection:
        """The articles that meet a condition.

        `pmids_of` gives the PMIDs (m,) int64, in any order, of what stands in no column: words, authors, DOIs.
        """
        return Selection.of(self._bits(condition, pmids_of) & self._everything.bitmap)

    def _bits(self, condition: Condition, pmids_of: PmidsOf) -> Bitmap:
        """A bitmap that may be shared, and may have bits where there is no article."""
        match condition:
            case And(parts):
                bits = self._everything.bitmap.copy()
                for part in parts:
                    bits &= self._bits(part, pmids_of)
            case Or(parts):
                bits = np.zeros(self._length, np.uint8)
                for part in parts:
                    bits |= self._bits(part, pmids_of)
            case Not(part):
                bits = ~self._bits(part, pmids_of)
            case Years() | Flagged():
                bits = self._column_bits(condition)
            case Term() | Words():
                bits = self._term_bits(condition, pmids_of)
        return bits

    def _column_bits(self, condition: Years | Flagged) -> Bitmap:
        if isinstance(condition, Flagged):
            return self.having(condition.flag).bitmap
        # Year 0 means unknown, which is inside no range.
        first, last = max(condition.first or 1, 1), condition.last
        if last is None:
            return self._where(lambda rows: self._years[rows] >= first)
        return self._where(lambda rows: (self._years[rows] >= first) & (self._years[rows] <= last))

    def _term_bits(self, term: Term | Words, pmids_of: PmidsOf) -> Bitmap:
        match term:
            case Term(TermField.PMID, value):
                return _bitmap_of(np.array([int(value)], np.int64), self._length)
            case Term(field) if field in SUBJECT_FIELDS:
                return self._postings.bitmap(term)
        return _bitmap_of(pmids_of(term), self._length)

    @functools.cached_property
    def _everything(self) -> Selection:
        bitmap = np.zeros(self._length, np.uint8)
        starts = np.arange(0, 8 * self._length, self._chunk)
        rows = [*np.searchsorted(self._pmids, starts).tolist(), len(self._pmids)]
        for start, (first, last) in zip(starts.tolist(), itertools.pairwise(rows), strict=True):
            part = bitmap[start // 8 : (start + self._chunk) // 8]
            add_members(part, self._pmids[first:last] - start)
        everything = Selection.of(bitmap)
        if everything.count != len(self._pmids):
            raise BrokenIndex("The PMIDs of the columns are not ascending. Run `pubmed-index verify`, or build again.")
        return everything

    def _where(self, holds: Callable[[slice], npt.NDArray[np.bool_]]) -> Bitmap:
        """The articles whose rows hold: the n-th row is that of the n-th bit that is set among all."""
        everything, bits, row = self._everything.bitmap, np.zeros(self._length, np.uint8), 0
        for start in range(0, self._length, self._chunk // 8):
            part = slice(start, start + self._chunk // 8)
            unpacked = np.unpackbits(everything[part], bitorder="little").view(np.bool_)
            rows = slice(row, row + int(np.count_nonzero(unpacked)))
            if rows.start < rows.stop:
                unpacked[unpacked] = holds(rows)
                bits[part] = np.packbits(unpacked, bitorder="little")
            row = rows.stop
        return bits


class ColumnsWriter:
    """Writes `columns/`, some articles at a time, in order of PMID. A context manager, which finishes the files."""

    def __init__(self, folder: Path, pairs_per_run: int = PAIRS_PER_RUN) -> None:
        self._folder = folder
        self._size = self._count = 0
        with full_disk_is_said(folder), contextlib.ExitStack() as opened:
            folder.mkdir()
            self._streams = {name: opened.enter_context(_start_column(folder, name)) for name in _DTYPES}
            self._postings = opened.enter_context(PostingsWriter(folder, pairs_per_run))
            self._opened = opened.pop_all()

    def append(self, articles: Sequence[Article]) -> None:
        """Append articles, whose PMIDs are greater than all before. Raises StorageFull."""
        rows: dict[str, list[int]] = {
            "pmids": [article.pmid for article in articles],
            "years": [article.year or 0 for article in articles],
            "flags": [int(article.flags) for article in articles],
        }
        with full_disk_is_said(self._folder):
            for name, dtype in _DTYPES.items():
                self._streams[name].write(np.array(rows[name], dtype).data)
            self._postings.append(articles)
        self._count += len(articles)
        self._size = max([self._size, *(pmid + 1 for pmid in rows["pmids"][-1:])])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with full_disk_is_said(self._folder), self._opened:
            if kind is None:
                self._finish()

    def _finish(self) -> None:
        for name, stream in self._streams.items():
            stream.seek(0)
            start_array(stream, _DTYPES[name], self._count)
        self._postings.finish(self._size)


def _start_column(folder: Path, name: str) -> IO[bytes]:
    stream = (folder / f"{name}.npy").open("wb")
    start_array(stream, _DTYPES[name], 0)
    return stream


def _bitmap_of(pmids: Pmids, length: int) -> Bitmap:
    """The bitmap of PMIDs, less those that it has no bit for."""
    bitmap = np.zeros(length, np.uint8)
    add_members(bitmap, pmids[(pmids >= 0) & (pmids < 8 * length)])
    return bitmap

"""Which articles have a term: for every term of the columns the PMIDs that have it, a list where few do, else a bitmap.

    terms.npy       (b,) uint8     the keys of all terms, sorted, one after another: field, zero byte, value in UTF-8
    term_ends.npy   (t + 1,) int64     where each key ends, after a 0
    members.npy     (w,) uint32    the members of every term, in the order of the keys
    member_ends.npy (t + 1,) int64     where the members of each term end, after a 0

A bitmap has one bit a PMID, from 0 to the largest of the part, lowest bit first, filled up to whole 64-bit words. As many words
of members as a bitmap has are a bitmap, fewer are PMIDs in ascending order.
"""

import bisect
import contextlib
import itertools
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from search.article import Article
from search.condition import Term
from search.errors import BrokenIndex
from search.filter_terms import subject_terms
from search.storage import read_array

Bitmap = npt.NDArray[np.uint8]

# Sorting so many pairs of a term and a PMID takes 300 MB; PubMed has 40 such runs.
PAIRS_PER_RUN = 2**24
_FILES = ("terms", "term_ends", "members", "member_ends")
_WORD = np.dtype("<u4")
_BITS = np.array([1 << bit for bit in range(8)], np.uint8)
# Above every byte of UTF-8.
_AFTER_ALL = b"\xff"


def bitmap_bytes(size: int) -> int:
    """The length of a bitmap over the PMIDs below `size`."""
    return -(-size // 64) * 8


def add_members(bitmap: Bitmap, members: npt.NDArray[np.integer[Any]]) -> None:
    """Set the bits of `members` (m,), in any order and as often as may be. Raises IndexError on one beyond the bitmap."""
    # Setting a bit takes 15 ns; unpacked it takes 2 ns, after 2.5 ns for every byte of the bitmap.
    if 5 * len(members) < len(bitmap):
        np.bitwise_or.at(bitmap, members >> 3, _BITS[members & 7])
    else:
        unpacked = np.zeros(8 * len(bitmap), np.bool_)
        unpacked[members] = True
        bitmap |= np.packbits(unpacked, bitorder="little")


class Postings:
    """Reads the terms and their members, memory-mapped."""

    def __init__(self, arrays: Sequence[npt.NDArray[Any]], size: int) -> None:
        self._terms, self._term_ends, self._members, self._member_ends = arrays
        self._length = bitmap_bytes(size)
        self._counted: dict[int, int] = {}

    @classmethod
    def open(cls, folder: Path, size: int) -> Self:
        """Map the postings over the PMIDs below `size`. Raises BrokenIndex; OSError and ValueError on unreadable files."""
        # What `np.asarray` makes of a map is the same map; finding a term in it takes a quarter of the time.
        arrays = [np.asarray(read_array(folder / f"{name}.npy", mapped=True)) for name in _FILES]
        terms, term_ends, members, member_ends = arrays
        if not len(term_ends) == len(member_ends) > 0 or (term_ends[-1], member_ends[-1]) != (len(terms), len(members)):
            raise BrokenIndex(f"The terms in {folder} and their members do not fit together. Build the index again.")
        return cls(arrays, size)

    def bitmap(self, term: Term) -> Bitmap:
        """The articles with a term, or with any that begins with it: a bitmap of its own. Raises BrokenIndex."""
        try:
            return self._union(*self._numbers(term))
        except (IndexError, ValueError) as error:
            raise BrokenIndex(
                f"The articles with {term.field} {term.value!r} are damaged. Run `pubmed-index verify`, or build again."
            ) from error

    def count(self, value: Term) -> int:
        """How many articles have a value, which is no beginning of others; no list of PMIDs is read."""
        return sum(self._count(number) for number in range(*self._numbers(value)))

    def _numbers(self, term: Term) -> tuple[int, int]:
        """From where to where the keys stand that a term means."""
        key = _key(term)
        first = self._position(key)
        if term.prefix:
            return first, self._position(key + _AFTER_ALL)
        return first, first + (first < len(self._term_ends) - 1 and self._term(first) == key)

    def _position(self, key: bytes) -> int:
        return bisect.bisect_left(range(len(self._term_ends) - 1), key, key=self._term)

    def _term(self, number: int) -> bytes:
        return self._terms[self._term_ends[number] : self._term_ends[number + 1]].tobytes()

    def _count(self, number: int) -> int:
        """Bitmaps are counted once: in the whole of PubMed each takes a millisecond, and few terms are so frequent."""
        start, end = self._member_ends[number : number + 2].tolist()
        if end - start < self._length // _WORD.itemsize:
            return int(end - start)
        if number not in self._counted:
            self._counted[number] = int(np.bitwise_count(self._members[start:end]).sum())
        return self._counted[number]

    def _union(self, first: int, last: int) -> Bitmap:
        """Lists stand side by side between the bitmaps, so that each stretch of them is one array."""
        union = np.zeros(self._length, np.uint8)
        ends = np.asarray(self._member_ends[first : last + 1])
        bitmaps = np.flatnonzero(np.diff(ends) == self._length // _WORD.itemsize).tolist()
        start = 0
        for number in [*bitmaps, last - first]:
            add_members(union, self._members[ends[start] : ends[number]])
            start = number + 1
        for number in bitmaps:
            union |= self._members[ends[number] : ends[number + 1]].view(np.uint8)
        return union


@dataclass(frozen=True, slots=True)
class _Run:
    """Pairs sorted by term: PMIDs in the temporary file from `start`; those of term i up to `ends[i + 1]`, uint32."""

    start: int
    ends: npt.NDArray[np.uint32]

    def bounds(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """Where the PMIDs of the terms from `first` to `last` begin and end: (last - first + 1,); later terms have none."""
        numbers = np.minimum(np.arange(first, last + 1), len(self.ends) - 1)
        return self.ends[numbers].astype(np.int64)


class PostingsWriter:
    """Writes the postings of articles given in order of PMID. A context manager; `finish` writes the files.

    Runs of pairs, sorted by term, wait in a temporary file without a name, which is gone whatever happens. Everything is
    written through files, not through a memory map: on a full disk a map kills the process.
    """

    def __init__(self, folder: Path, pairs_per_run: int = PAIRS_PER_RUN) -> None:
        self._folder = folder
        self._pairs_per_run = pairs_per_run
        self._numbers: defaultdict[Term, int] = defaultdict()
        self._numbers.default_factory = self._numbers.__len__
        self._waiting: list[npt.NDArray[np.uint64]] = []
        self._runs: list[_Run] = []
        self._sorted = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed with this writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        # What it still holds is not wanted any more, so that a full disk is no error here.
        with contextlib.suppress(OSError):
            self._sorted.close()

    def append(self, articles: Sequence[Article]) -> None:
        """Take in articles whose PMIDs are greater than all before."""
        numbers = [[self._numbers[term] for term in subject_terms(article)] for article in articles]
        pmids = np.array([article.pmid for article in articles], np.uint64)
        pairs = np.fromiter(itertools.chain.from_iterable(numbers), np.uint64) << np.uint64(32)
        pairs |= np.repeat(pmids, [len(some) for some in numbers])
        self._waiting.append(pairs)
        if sum(map(len, self._waiting)) >= self._pairs_per_run:
            self._write_run()

    def finish(self, size: int) -> None:
        """Write the files, for bitmaps over the PMIDs below `size`."""
        self._write_run()
        keys = [_key(term) for term in self._numbers]
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
        counts = np.zeros(len(keys), np.int64)
        for run in self._runs:
            counts[: len(run.ends) - 1] += np.diff(run.ends)
        member_ends = _ends(np.minimum(counts, bitmap_bytes(size) // _WORD.itemsize)[order])
        np.save(self._folder / "terms.npy", np.frombuffer(b"".join(keys[number] for number in order), np.uint8))
        np.save(self._folder / "term_ends.npy", _ends([len(keys[number]) for number in order]))
        np.save(self._folder / "member_ends.npy", member_ends)
        starts = np.empty(len(keys), np.int64)
        starts[order] = member_ends[:-1]
        with (self._folder / "members.npy").open("wb") as stream:
            start_array(stream, _WORD, int(member_ends[-1]))
            self._write_members(stream, counts, starts, bitmap_bytes(size))

    def _write_run(self) -> None:
        pairs = np.concatenate([np.empty(0, np.uint64), *self._waiting])
        self._waiting.clear()
        pairs.sort()
        counts = np.bincount((pairs >> np.uint64(32)).view(np.int64), minlength=len(self._numbers))
        self._runs.append(_Run(self._sorted.tell(), _ends(counts).astype(np.uint32)))
        self._sorted.write(pairs.astype(_WORD).data)

    def _write_members(
        self, stream: IO[bytes], counts: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], length: int
    ) -> None:
        """Write the members of the terms, whose places are `starts`, a block of terms at a time."""
        self._sorted.flush()
        begin = stream.tell()
        for first, last in _blocks(counts, self._pairs_per_run):
            ends = _ends(counts[first:last])
            members = self._gathered(first, last, ends)
            for place, (start, end) in zip(starts[first:last].tolist(), itertools.pairwise(ends.tolist()), strict=True):
                stream.seek(begin + place * _WORD.itemsize)
                stream.write(_stored(members[start:end], length).data)

    def _gathered(self, first: int, last: int, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
        """The PMIDs of the terms from `first` to `last`, term after term, ascending: earlier runs have smaller ones."""
        members = np.empty(ends[-1], _WORD)
        filled = ends[:-1].copy()
        for run in self._runs:
            bounds = run.bounds(first, last)
            counts = np.diff(bounds)
            self._sorted.seek(run.start + int(bounds[0]) * _WORD.itemsize)
            pmids = np.frombuffer(self._sorted.read(int(bounds[-1] - bounds[0]) * _WORD.itemsize), _WORD)
            members[np.repeat(filled - bounds[:-1] + bounds[0], counts) + np.arange(len(pmids))] = pmids
            filled += counts
        return members


def start_array(stream: IO[bytes], dtype: np.dtype[Any], count: int) -> None:
    """Write the header of an array (count,) of which the items follow; it has the same length for every count."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(stream, header)


def _key(term: Term) -> bytes:
    return f"{term.field}\0{term.value}".encode(errors="surrogatepass")


def _ends(lengths: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """A 0 and the sums of the first, the first two, ... lengths: (n + 1,)."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def _blocks(counts: npt.NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Stretches of terms with at most so many members together, or of one term that has more."""
    ends, first = np.cumsum(counts), 0
    while first < len(counts):
        limit = (ends[first - 1] if first else 0) + most
        last = max(first + 1, int(np.searchsorted(ends, limit, side="right")))
        yield first, last
        first = last


def _stored(members: npt.NDArray[np.uint32], length: int) -> npt.NDArray[Any]:
    """A bitmap of `length` bytes, or the members themselves where these are shorter."""
    if members.nbytes < length:
        return members
    bitmap = np.zeros(length, np.uint8)
    add_members(bitmap, members)
    return bitmap

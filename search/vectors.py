"""Every document's vector, memory-mapped and sorted by PMID, and whether the encoder read all of its text."""

import contextlib
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from search.encoder import Vectors
from search.errors import BrokenIndex
from search.storage import full_disk_is_said, read_array

Pmids = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]


class VectorFile:
    """Reads `vectors.npy` (n, d) float32, `vectors.pmids.npy` (n,) int64 and `vectors.truncated.npy` (n,) bool.

    Row positions stay inside this class.
    """

    def __init__(self, pmids: Pmids, vectors: Vectors, truncated: Marks | None = None) -> None:
        self._pmids = pmids
        self._vectors = vectors
        self._truncated = np.zeros(len(pmids), np.bool_) if truncated is None else truncated

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map the vectors of a part. Raises BrokenIndex where the files do not fit together."""
        try:
            pmids, vectors, truncated = (read_array(path, mapped=True) for path in cls.paths(folder))
        except (OSError, ValueError, EOFError) as error:
            raise BrokenIndex(f"The vectors in {folder} cannot be read ({error}). Build the index again.") from error
        if vectors.ndim != 2 or not pmids.shape == truncated.shape == vectors.shape[:1]:  # noqa: PLR2004  (a matrix)
            raise BrokenIndex(f"{folder} holds {pmids.shape} PMIDs for {vectors.shape} vectors. Build the index again.")
        return cls(pmids, vectors, truncated)

    @staticmethod
    def paths(folder: Path) -> tuple[Path, ...]:
        """The files in the folder of a part."""
        return tuple(folder / name for name in (_PMIDS, _VECTORS, _TRUNCATED))

    def __len__(self) -> int:
        return len(self._pmids)

    @property
    def dimension(self) -> int:
        """The length d of a vector."""
        return int(self._vectors.shape[1])

    @property
    def pmids(self) -> Pmids:
        """All PMIDs, ascending: (n,) int64."""
        return self._pmids

    @property
    def truncated(self) -> Marks:
        """Which texts were longer than the encoder reads, in the order of `pmids`: (n,) bool."""
        return self._truncated

    def has(self, pmids: Pmids) -> Marks:
        """Which of some PMIDs (m,) are there: (m,) bool."""
        return is_among(pmids, self._pmids)

    def get(self, pmids: Sequence[int] | Pmids) -> Vectors:
        """The vectors of some PMIDs, in their order: (m, d) float32. Raises KeyError on one that is not there."""
        rows = self._rows(pmids)
        _read_ahead(self._vectors, rows)
        return np.asarray(self._vectors[rows])

    def truncated_of(self, pmids: Sequence[int] | Pmids) -> Marks:
        """Whether some articles' texts are longer than the encoder reads: (m,) bool. Raises KeyError on one not there."""
        return np.asarray(self._truncated[self._rows(pmids)])

    def _rows(self, pmids: Sequence[int] | Pmids) -> npt.NDArray[np.intp]:
        wanted = np.asarray(pmids, dtype=np.int64)
        known = self.has(wanted)
        if not known.all():
            raise KeyError(int(wanted[~known][0]))
        return np.searchsorted(self._pmids, wanted)

    def chunks(self, size: int) -> Iterator[tuple[Pmids, Vectors]]:
        """All PMIDs and vectors in order, `size` at a time."""
        for start in range(0, len(self), size):
            yield np.asarray(self._pmids[start : start + size]), np.asarray(self._vectors[start : start + size])

    def sample(self, size: int, seed: int = 0) -> Vectors:
        """At most `size` vectors drawn without replacement: (m, d) float32."""
        if size >= len(self):
            return np.asarray(self._vectors)
        rows = np.random.default_rng(seed).choice(len(self), size, replace=False)
        return np.asarray(self._vectors[np.sort(rows)])


def _read_ahead(vectors: Vectors, rows: npt.NDArray[np.intp]) -> None:
    """Have the system fetch the pages of some rows all at once, where it has none of them, instead of one after the other.

    1,050 rows by chance of 7.7 GB that are not in memory take 146 ms so, and 4,136 without, as each page that is missed brings
    31 neighbours along; of 0.7 GB, 13 and 760. Where all are in memory it costs 0.8 ms.
    """
    mapped: object = vectors.base
    if not (isinstance(mapped, mmap.mmap) and isinstance(vectors, np.memmap)):
        return
    size = vectors.strides[0]
    first = vectors.offset % mmap.ALLOCATIONGRANULARITY + np.sort(rows) * size
    pages = first - first % mmap.PAGESIZE
    for page, length in zip(pages.tolist(), (first + size - pages).tolist(), strict=True):
        mapped.madvise(mmap.MADV_WILLNEED, page, length)


def is_among(pmids: Pmids, ascending: Pmids) -> Marks:
    """Which of some PMIDs (m,) are among others (n,), which are in order: (m,) bool."""
    places = np.searchsorted(ascending, pmids)
    found = places < len(ascending)
    found[found] = ascending[places[found]] == pmids[found]
    return found


class VectorWriter:
    """Writes the files of a `VectorFile`, a chunk at a time, in order of PMID. A context manager.

    It writes through files, not through a memory map: on a full disk a map kills the process, a write raises StorageFull.
    """

    def __init__(self, folder: Path, count: int, dimension: int) -> None:
        self._folder = folder
        with full_disk_is_said(folder), contextlib.ExitStack() as streams:
            self._pmids = streams.enter_context(_start_array(folder / _PMIDS, (count,), np.dtype(np.int64)))
            self._vectors = streams.enter_context(_start_array(folder / _VECTORS, (count, dimension), np.dtype(np.float32)))
            self._truncated = streams.enter_context(_start_array(folder / _TRUNCATED, (count,), np.dtype(np.bool_)))
            self._streams = streams.pop_all()

    def append(self, pmids: Pmids, vectors: Vectors, truncated: Marks) -> None:
        """Append (n,) int64 PMIDs, all greater than the ones before, their (n, d) float32 vectors and their marks (n,)."""
        with full_disk_is_said(self._folder):
            self._pmids.write(np.ascontiguousarray(pmids, dtype=np.int64).data)
            self._vectors.write(np.ascontiguousarray(vectors, dtype=np.float32).data)
            self._truncated.write(np.ascontiguousarray(truncated, dtype=np.bool_).data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with full_disk_is_said(self._folder):
            self._streams.close()


_VECTORS = "vectors.npy"
_PMIDS = "vectors.pmids.npy"
_TRUNCATED = "vectors.truncated.npy"


def _start_array(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> IO[bytes]:
    stream = path.open("wb")
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream

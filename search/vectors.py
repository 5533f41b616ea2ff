"""Every document's vector, memory-mapped and sorted by PMID."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from search.encoder import Vectors
from search.errors import BrokenIndex
from search.storage import full_disk_is_said

Pmids = npt.NDArray[np.int64]


class VectorFile:
    """Reads `vectors.npy` (n, d) float32 and `vectors.pmids.npy` (n,) int64. Row positions stay inside this class."""

    def __init__(self, pmids: Pmids, vectors: Vectors) -> None:
        self._pmids = pmids
        self._vectors = vectors

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map the vectors of a part. Raises BrokenIndex where the two files do not fit together."""
        try:
            pmids = np.load(folder / _PMIDS, mmap_mode="r")
            vectors = np.load(folder / _VECTORS, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            raise BrokenIndex(f"The vectors in {folder} cannot be read ({error}). Build the index again.") from error
        if vectors.ndim != 2 or pmids.shape != vectors.shape[:1]:  # noqa: PLR2004  (a matrix has two dimensions)
            raise BrokenIndex(f"{folder} holds {pmids.shape} PMIDs for {vectors.shape} vectors. Build the index again.")
        return cls(pmids, vectors)

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

    def get(self, pmids: Sequence[int] | Pmids) -> Vectors:
        """The vectors of some PMIDs, in their order: (m, d) float32. Raises KeyError on one that is not there."""
        wanted = np.asarray(pmids, dtype=np.int64)
        rows = np.searchsorted(self._pmids, wanted)
        known = rows < len(self._pmids)
        known[known] = self._pmids[rows[known]] == wanted[known]
        if not known.all():
            raise KeyError(int(wanted[~known][0]))
        return np.asarray(self._vectors[rows])

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


class VectorWriter:
    """Writes the two files of a `VectorFile`, a chunk at a time, in order of PMID. A context manager.

    It writes through files, not through a memory map: on a full disk a map kills the process, a write raises StorageFull.
    """

    def __init__(self, folder: Path, count: int, dimension: int) -> None:
        self._folder = folder
        with full_disk_is_said(folder), contextlib.ExitStack() as streams:
            self._pmids = streams.enter_context(_start_array(folder / _PMIDS, (count,), np.dtype(np.int64)))
            self._vectors = streams.enter_context(_start_array(folder / _VECTORS, (count, dimension), np.dtype(np.float32)))
            self._streams = streams.pop_all()

    def append(self, pmids: Pmids, vectors: Vectors) -> None:
        """Append (n,) int64 PMIDs, all greater than the ones before, and their (n, d) float32 vectors."""
        with full_disk_is_said(self._folder):
            self._pmids.write(np.ascontiguousarray(pmids, dtype=np.int64).data)
            self._vectors.write(np.ascontiguousarray(vectors, dtype=np.float32).data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with full_disk_is_said(self._folder):
            self._streams.close()


_VECTORS = "vectors.npy"
_PMIDS = "vectors.pmids.npy"


def _start_array(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> IO[bytes]:
    stream = path.open("wb")
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream

"""The tombstones: which articles of the base are dead, since the delta replaces them or a file deleted them, and which file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from search.catalogue import Catalogue
from search.errors import BrokenIndex
from search.precedence import Precedence
from search.storage import full_disk_is_said, read_array
from search.vectors import Pmids, VectorFile

_DTYPE = np.dtype([("pmid", "<i8"), ("year", "<u2"), ("number", "<u4"), ("deleted", "?")])
_WINDOW = 10_000


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Reads and writes `tombstones.npy`: one row for each dead article of the base, in order of PMID."""

    rows: npt.NDArray[Any]

    @classmethod
    def none(cls) -> Self:
        """No article is dead."""
        return cls(np.empty(0, _DTYPE))

    @classmethod
    def of(cls, replaced: Mapping[int, Precedence], deleted: Mapping[int, Precedence]) -> Self:
        """The tombstones of articles that the delta has anew, and of articles that are gone, by what did it."""
        return cls._in_order([_rows(replaced, deleted=False), _rows(deleted, deleted=True)])

    @classmethod
    def between(cls, base: VectorFile, delta: Catalogue) -> Self:
        """The tombstones that the articles and deletions of a delta make in a base."""
        replaced = ({row.pmid: row.precedence for row in rows} for rows in delta.row_windows(_WINDOW))
        windows = [_rows(window, deleted=False) for window in replaced]
        windows += [_rows(window, deleted=True) for window in delta.deletion_windows(_WINDOW)]
        return cls._in_order([rows[base.has(_pmids(rows))] for rows in windows])

    @property
    def pmids(self) -> Pmids:
        """The dead articles of the base, ascending: (n,) int64."""
        return _pmids(self.rows)

    @property
    def deleted(self) -> Pmids:
        """Those of them that are not in the delta either, ascending: (m,) int64."""
        return _pmids(self.rows[self.rows["deleted"]])

    def write(self, path: Path) -> None:
        """Write the file. Raises StorageFull."""
        with full_disk_is_said(path.parent), path.open("wb") as stream:
            np.save(stream, self.rows)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file. Raises BrokenIndex."""
        try:
            rows = read_array(path)
        except (OSError, ValueError, EOFError) as error:
            raise BrokenIndex(f"{path} cannot be read ({error}). Run `pubmed-index repair`, or build again.") from error
        if rows.dtype != _DTYPE or (np.diff(_pmids(rows)) <= 0).any():
            raise BrokenIndex(f"{path} holds no tombstones in order of PMID. Run `pubmed-index repair`, or build again.")
        return cls(rows)

    @classmethod
    def _in_order(cls, windows: Sequence[npt.NDArray[Any]]) -> Self:
        rows = np.concatenate([np.empty(0, _DTYPE), *windows])
        return cls(rows[np.argsort(rows["pmid"])])


def _rows(statements: Mapping[int, Precedence], *, deleted: bool) -> npt.NDArray[Any]:
    return np.array([(pmid, by.year, by.number, deleted) for pmid, by in statements.items()], _DTYPE)


def _pmids(rows: npt.NDArray[Any]) -> Pmids:
    """Side by side, not every 15 bytes: NumPy would copy them so for every search, which takes 12 ms for two million."""
    return np.ascontiguousarray(rows["pmid"])

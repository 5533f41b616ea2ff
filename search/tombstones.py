"""The tombstones: which articles of the base are dead, since the delta replaces them or a file deleted them, and which file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from search.catalogue import Catalogue
from search.errors import BrokenIndex
from search.precedence import Precedence
from search.storage import full_disk_is_said
from search.vectors import Pmids, VectorFile

_DTYPE = np.dtype([("pmid", "<i8"), ("year", "<u2"), ("number", "<u4"), ("deleted", "?")])
_WINDOW = 10_000


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Reads and writes `tombstones.npy`: one row for each dead article of the base, in order of PMID."""

    rows: npt.NDArray[Any]

    @classmethod
    def of(cls, replaced: Mapping[int, Precedence], deleted: Mapping[int, Precedence]) -> Self:
        """The tombstones of articles that the delta has anew, and of articles that are gone, by what did it."""
        rows = [(pmid, by.year, by.number, False) for pmid, by in replaced.items()]
        rows += [(pmid, by.year, by.number, True) for pmid, by in deleted.items()]
        return cls(np.array(sorted(rows), _DTYPE))

    @classmethod
    def between(cls, base: VectorFile, delta: Catalogue) -> Self:
        """The tombstones that the articles and deletions of a delta make in a base."""
        replaced: dict[int, Precedence] = {}
        for rows in delta.row_windows(_WINDOW):
            there = base.has(np.array([row.pmid for row in rows], np.int64)).tolist()
            replaced.update((row.pmid, row.precedence) for row, known in zip(rows, there, strict=True) if known)
        deleted: dict[int, Precedence] = {}
        for deletions in delta.deletion_windows(_WINDOW):
            there = base.has(np.array(list(deletions), np.int64)).tolist()
            deleted.update(one for one, known in zip(deletions.items(), there, strict=True) if known)
        return cls.of(replaced, deleted)

    @property
    def pmids(self) -> Pmids:
        """The dead articles of the base, ascending: (n,) int64."""
        pmids: Pmids = self.rows["pmid"]
        return pmids

    @property
    def deleted(self) -> Pmids:
        """Those of them that are not in the delta either, ascending: (m,) int64."""
        deleted: Pmids = self.rows["pmid"][self.rows["deleted"]]
        return deleted

    def write(self, path: Path) -> None:
        """Write the file. Raises StorageFull."""
        with full_disk_is_said(path.parent), path.open("wb") as stream:
            np.save(stream, self.rows)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file. Raises BrokenIndex."""
        try:
            rows = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BrokenIndex(f"{path} cannot be read ({error}). Run `pubmed-index repair`, or build again.") from error
        if rows.dtype != _DTYPE or (np.diff(rows["pmid"]) <= 0).any():
            raise BrokenIndex(f"{path} holds no tombstones in order of PMID. Run `pubmed-index repair`, or build again.")
        return cls(rows)

"""Filter columns: what a filter asks of every article, as arrays, and the bitmap of the PMIDs that pass."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from search.article import Flag
from search.catalogue import FilterValues
from search.errors import BrokenIndex, QueryError
from search.filters import LIST_FILTERS, Filters
from search.storage import full_disk_is_said

Bitmap = npt.NDArray[np.uint8]

_FILES = ("pmids", "years", "flags")


@dataclass(frozen=True, slots=True)
class Selection:
    """A set of PMIDs: `bitmap` has one bit a PMID, from 0 up, lowest bit first, as FAISS reads it; `count` are set."""

    bitmap: Bitmap
    count: int

    def without(self, pmids: Iterable[int]) -> "Selection":
        """The same set, less some PMIDs; this one stays as it is."""
        bitmap = self.bitmap.copy()
        for pmid in pmids:
            if pmid // 8 < len(bitmap):
                bitmap[pmid // 8] &= ~np.uint8(1 << pmid % 8)
        return Selection(bitmap, int(np.bitwise_count(bitmap).sum()))


@dataclass(frozen=True, slots=True)
class Selections:
    """The articles that pass some filters, and those that would but for being retracted."""

    passing: Selection
    hidden: Selection


class Columns:
    """Reads and writes `columns/`: one array a value, in order of PMID."""

    def __init__(self, values: FilterValues) -> None:
        self._values = values
        self._size = int(values.pmids[-1]) + 1 if len(values.pmids) else 0

    @classmethod
    def write(cls, folder: Path, values: FilterValues) -> None:
        """Write the columns of a part."""
        with full_disk_is_said(folder):
            folder.mkdir()
            for name in _FILES:
                np.save(folder / f"{name}.npy", getattr(values, name))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map the columns of a part. Raises BrokenIndex."""
        try:
            values = FilterValues(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in _FILES))
        except (OSError, ValueError, EOFError) as error:
            raise BrokenIndex(f"The columns in {folder} cannot be read ({error}). Build the index again.") from error
        return cls(values)

    @property
    def pmids(self) -> npt.NDArray[np.int64]:
        """All PMIDs, ascending: (n,) int64."""
        return self._values.pmids

    def title_only_and_retracted(self) -> tuple[int, int]:
        """How many articles have no abstract, and how many are retracted."""
        flags = self._values.flags
        return int((flags & Flag.TITLE_ONLY > 0).sum()), int((flags & Flag.RETRACTED > 0).sum())

    def selections(self, filters: Filters) -> Selections:
        """What filters let through and what they hide. Raises QueryError on a filter that is not supported."""
        passes = self._passes(filters)
        retracted = self._values.flags & Flag.RETRACTED > 0
        if filters.include_retracted:
            retracted = np.zeros_like(retracted)
        return Selections(self._selection(passes & ~retracted), self._selection(passes & retracted))

    def _passes(self, filters: Filters) -> npt.NDArray[np.bool_]:
        if asked := [name for name in LIST_FILTERS if getattr(filters, name)]:
            raise QueryError(f"This version filters by year, abstract and retraction, not by {asked[0].replace('_', ' ')}.")
        passes = np.ones(len(self._values.pmids), dtype=np.bool_)
        # Year 0 means unknown, which is inside no range.
        if filters.year_from is not None:
            passes &= self._values.years >= max(filters.year_from, 1)
        if filters.year_to is not None:
            passes &= (self._values.years <= filters.year_to) & (self._values.years > 0)
        if filters.has_abstract:
            passes &= self._values.flags & Flag.TITLE_ONLY == 0
        return passes

    def _selection(self, passes: npt.NDArray[np.bool_]) -> Selection:
        members = np.zeros(self._size, dtype=np.bool_)
        members[self._values.pmids[passes]] = True
        return Selection(np.packbits(members, bitorder="little"), int(passes.sum()))

"""The filter columns of a generation: those of its delta, and those of its base without the dead."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from search.article import Flag
from search.columns import Columns, PmidsOf, Selection, YearColumn
from search.condition import Condition, Term
from search.vectors import Pmids, is_among


class LiveColumns:
    """Reads the columns of both parts as one. Safe to share between threads."""

    def __init__(self, base: Columns, delta: Columns | None, dead: Pmids) -> None:
        self._base, self._delta, self._dead = base, delta, dead
        self._length = max(base.bitmap_bytes, 0 if delta is None else delta.bitmap_bytes)
        self._flagged: dict[Flag, Selection] = {}

    def __len__(self) -> int:
        return len(self._base.pmids) - len(self._dead) + (0 if self._delta is None else len(self._delta.pmids))

    @functools.cached_property
    def pmids(self) -> Pmids:
        """All PMIDs, ascending: (n,) int64."""
        return self._base.pmids if self._is_base_alone else np.sort(self._joined(lambda part: part.pmids))

    @functools.cached_property
    def years(self) -> YearColumn:
        """The years of publication in order of PMID, 0 for unknown: (n,) uint16."""
        if self._is_base_alone:
            return self._base.years
        order = np.argsort(self._joined(lambda part: part.pmids))
        years: YearColumn = self._joined(lambda part: part.years)[order]
        return years

    def years_of(self, pmids: Pmids) -> YearColumn:
        """The years of publication of some of the articles, 0 for unknown: (m,) uint16."""
        if self._delta is None:
            return self._base.years_of(pmids)
        newer = is_among(pmids, self._delta.pmids)
        years = np.empty(len(pmids), np.uint16)
        years[newer], years[~newer] = self._delta.years_of(pmids[newer]), self._base.years_of(pmids[~newer])
        return years

    def everything(self) -> Selection:
        """All articles."""
        return self._everything

    def having(self, flag: Flag) -> Selection:
        """The articles with a flag."""
        if flag not in self._flagged:
            self._flagged[flag] = self._selected(lambda part: part.having(flag))
        return self._flagged[flag]

    def retracted(self) -> Selection:
        """The retracted articles."""
        return self.having(Flag.RETRACTED)

    def count(self, value: Term) -> int:
        """How many articles have a value of one of the fields that many share, the few dead ones of the base among them.

        To leave these out takes reading the PMIDs of the value, which may be more than a million, instead of where they end.
        """
        return self._base.count(value) + (0 if self._delta is None else self._delta.count(value))

    def select(self, condition: Condition, pmids_of: PmidsOf) -> Selection:
        """The articles that meet a condition.

        `pmids_of` gives the PMIDs (m,) int64, in any order, of what stands in no column: words, authors, DOIs.
        """
        asked_once = functools.cache(pmids_of)
        return self._selected(lambda part: part.select(condition, asked_once))

    def in_base(self, passing: Selection | None) -> Selection | None:
        """What of a selection, None for everything, is to be looked for in the base; None for all of it."""
        if passing is None:
            return self._in_base if len(self._dead) else None
        return passing if self._delta is None else passing & self._in_base

    def in_delta(self, passing: Selection | None) -> Selection | None:
        """What of a selection, None for everything, is to be looked for in the delta; None for all of it."""
        return None if passing is None else passing & self._in_delta

    @property
    def _is_base_alone(self) -> bool:
        return self._delta is None and not len(self._dead)

    def _joined(self, column: Callable[[Columns], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """A column of the base without the dead, then of the delta."""
        alive = ~is_among(self._base.pmids, self._dead)
        newer = [] if self._delta is None else [column(self._delta)]
        return np.concatenate([column(self._base)[alive], *newer])

    @functools.cached_property
    def _everything(self) -> Selection:
        return self._in_base if self._delta is None else self._in_base | self._in_delta

    @functools.cached_property
    def _in_base(self) -> Selection:
        return self._base.everything().widened(self._length).without(self._dead)

    @functools.cached_property
    def _in_delta(self) -> Selection:
        if self._delta is None:
            return Selection(np.zeros(self._length, np.uint8), 0)
        return self._delta.everything().widened(self._length)

    def _selected(self, select: Callable[[Columns], Selection]) -> Selection:
        in_base = select(self._base).widened(self._length)
        if len(self._dead):
            in_base &= self._in_base
        return in_base if self._delta is None else in_base | select(self._delta).widened(self._length)

"""Scored articles: what each leg of a search hands to the next step."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from search.columns import Selection
from search.vectors import Pmids


@dataclass(frozen=True, slots=True)
class Scored:
    """PMIDs (n,) int64 and their scores (n,) float32, best first; equal scores stand newest PMID first."""

    pmids: Pmids
    scores: npt.NDArray[np.float32]

    @classmethod
    def none(cls) -> Self:
        """Nothing found."""
        return cls(np.empty(0, np.int64), np.empty(0, np.float32))

    @classmethod
    def ranked(cls, pmids: Pmids, scores: npt.NDArray[np.float32]) -> Self:
        """Order by score, then by PMID, so that a ranking does not depend on the order of the search."""
        order = np.lexsort((-pmids, -scores))
        return cls(pmids[order], scores[order])

    def first(self, count: int) -> "Scored":
        """The best `count` of these."""
        return Scored(self.pmids[:count], self.scores[:count])

    def behind(self, count: int) -> "Scored":
        """All but the best `count` of these."""
        return Scored(self.pmids[count:], self.scores[count:])

    def merged(self, others: "Scored") -> "Scored":
        """These and others in one order, each PMID once, with its higher score."""
        both = Scored.ranked(np.concatenate([self.pmids, others.pmids]), np.concatenate([self.scores, others.scores]))
        _, first = np.unique(both.pmids, return_index=True)
        return both.where(np.isin(np.arange(len(both.pmids)), first))

    def with_score(self, pmid: int, score: float) -> "Scored":
        """The same ranking with another score for one PMID, left out where it would not have come this far."""
        others = self.where(self.pmids != pmid)
        if len(others.pmids) and len(others.pmids) == len(self.pmids) and score < others.scores[-1]:
            return others
        return others.merged(Scored(np.array([pmid], np.int64), np.array([score], np.float32)))

    def led_by(self, leader: "Scored") -> "Scored":
        """The same ranking with one article, or none, put first; it has at least the score of what it was put before."""
        if not len(leader.pmids) or not len(self.pmids) or self.pmids[0] == leader.pmids[0]:
            return self
        others = self.where(self.pmids != leader.pmids[0])
        best = np.maximum(leader.scores, self.scores[:1])
        return Scored(np.concatenate([leader.pmids, others.pmids]), np.concatenate([best, others.scores]))

    def where(self, kept: npt.NDArray[np.bool_]) -> "Scored":
        """Those that are kept: (n,) bool."""
        return Scored(self.pmids[kept], self.scores[kept])

    def inside(self, selection: Selection) -> "Scored":
        """Those that are selected."""
        return self.where(selection.contains(self.pmids))

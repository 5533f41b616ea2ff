"""Fusion: one ranking of two legs' candidates."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from search.scored import Scored
from search.vectors import Pmids

# Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", 2009.
_RANK_CONSTANT = 60


class Fusion(StrEnum):
    """How the scores of two legs become one."""

    RECIPROCAL_RANK = "reciprocal rank"
    MIN_MAX = "min-max"


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg's candidates, its share of the sum, and the least score that it could give: None where there is no such score."""

    found: Scored
    weight: float
    floor: float | None


def fuse(legs: Sequence[Leg], method: Fusion) -> Scored:
    """Rank the candidates of all legs together by the weighted sum of their scores, made comparable.

    By reciprocal rank a leg gives 1 / (60 + rank). By min-max it gives (score - floor) / (best - floor): with the least
    possible score instead of the least one found, a score means the same however many candidates there are and however large
    the corpus is (Bruch, Gai and Ingber, "An analysis of fusion functions for hybrid retrieval", 2023). What a leg did not
    find has 0 there.
    """
    pmids = np.unique(np.concatenate([np.empty(0, np.int64), *(leg.found.pmids for leg in legs)]))
    scores = np.zeros(len(pmids), np.float64)
    for leg in legs:
        scores[np.searchsorted(pmids, leg.found.pmids)] += leg.weight * _comparable(leg, method)
    return Scored.ranked(pmids, scores.astype(np.float32))


def _comparable(leg: Leg, method: Fusion) -> npt.NDArray[np.float64]:
    if method is Fusion.RECIPROCAL_RANK:
        return 1 / (_RANK_CONSTANT + np.arange(1, len(leg.found.pmids) + 1, dtype=np.float64))
    scores = leg.found.scores.astype(np.float64)
    if not len(scores):
        return scores
    low, high = scores.min() if leg.floor is None else leg.floor, scores.max()
    # One candidate, or equal ones, are as good as the leg knows.
    return (scores - low) / (high - low) if high > low else np.ones_like(scores)


def ranks_of(pmids: Pmids, leg: Scored) -> npt.NDArray[np.int64]:
    """The ranks, from 1, that a leg gives to some PMIDs; 0 for those that it did not find: (m,) int64."""
    order = np.argsort(leg.pmids)
    at = np.searchsorted(leg.pmids, pmids, sorter=order)
    inside = at < len(order)
    found = np.zeros(len(pmids), np.int64)
    rows = order[at[inside]]
    found[inside] = np.where(leg.pmids[rows] == pmids[inside], rows + 1, 0)
    return found

"""Fusion: one ranking of two legs' candidates."""

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


def fuse(lexical: Scored, dense: Scored, method: Fusion, dense_weight: float) -> Scored:
    """Rank the candidates of both legs together; `dense_weight`, from 0 to 1, is the dense leg's share.

    Scores are `w d + (1 - w) l`, where d and l are 1 / (60 + rank), or the leg's score scaled to 0..1 over its candidates;
    a candidate that a leg did not find has 0 there.
    """
    pmids = np.union1d(lexical.pmids, dense.pmids)
    scores = np.zeros(len(pmids), np.float64)
    for leg, weight in ((dense, dense_weight), (lexical, 1 - dense_weight)):
        scores[np.searchsorted(pmids, leg.pmids)] += weight * _comparable(leg, method)
    return Scored.ranked(pmids, scores.astype(np.float32))


def _comparable(leg: Scored, method: Fusion) -> npt.NDArray[np.float64]:
    if method is Fusion.RECIPROCAL_RANK:
        return 1 / (_RANK_CONSTANT + np.arange(1, len(leg.pmids) + 1, dtype=np.float64))
    scores = leg.scores.astype(np.float64)
    if not len(scores):
        return scores
    low, high = scores.min(), scores.max()
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

"""Fusion of two legs: the formulas by hand, and what neither method may do."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.fusion import Fusion, Leg, fuse, ranks_of
from search.scored import Scored

METHODS = list(Fusion)


def scored(*pairs: tuple[int, float]) -> Scored:
    """A ranking of (PMID, score)."""
    return Scored.ranked(np.array([pmid for pmid, _ in pairs], np.int64), np.array([score for _, score in pairs], np.float32))


def scores_of(ranking: Scored) -> dict[int, float]:
    return dict(zip(ranking.pmids.tolist(), ranking.scores.tolist(), strict=True))


LEXICAL = scored((1, 12.0), (2, 9.0), (3, 4.0))
DENSE = scored((3, 0.9), (4, 0.7), (1, 0.4))


def hybrid(lexical: Scored, dense: Scored, method: Fusion, weight: float, floor: float | None = -1.0) -> Scored:
    return fuse([Leg(dense, weight, floor), Leg(lexical, 1 - weight, 0.0)], method)


def test_reciprocal_ranks() -> None:
    fused = hybrid(LEXICAL, DENSE, Fusion.RECIPROCAL_RANK, 0.25)
    expected = {
        1: 0.75 / (60 + 1) + 0.25 / (60 + 3),
        2: 0.75 / (60 + 2),
        3: 0.75 / (60 + 3) + 0.25 / (60 + 1),
        4: 0.25 / (60 + 2),
    }
    assert scores_of(fused) == pytest.approx(expected)
    assert fused.pmids.tolist() == [1, 3, 2, 4]


def test_min_max_from_the_least_possible_score() -> None:
    fused = hybrid(LEXICAL, DENSE, Fusion.MIN_MAX, 0.25)
    expected = {
        1: 0.75 * 12 / 12 + 0.25 * (0.4 + 1) / (0.9 + 1),
        2: 0.75 * 9 / 12,
        3: 0.75 * 4 / 12 + 0.25 * (0.9 + 1) / (0.9 + 1),
        4: 0.25 * (0.7 + 1) / (0.9 + 1),
    }
    assert scores_of(fused) == pytest.approx(expected)
    assert fused.pmids.tolist() == [1, 2, 3, 4]


def test_min_max_from_the_least_score_found() -> None:
    fused = hybrid(LEXICAL, DENSE, Fusion.MIN_MAX, 0.25, floor=None)
    expected = {1: 0.75 + 0.25 * 0.0, 2: 0.75 * 9 / 12, 3: 0.75 * 4 / 12 + 0.25, 4: 0.25 * (0.7 - 0.4) / (0.9 - 0.4)}
    assert scores_of(fused) == pytest.approx(expected)


def test_min_max_does_not_depend_on_how_many_there_are() -> None:
    fewer = hybrid(LEXICAL.first(2), DENSE.first(2), Fusion.MIN_MAX, 0.5)
    whole = scores_of(hybrid(LEXICAL, DENSE, Fusion.MIN_MAX, 0.5))
    assert scores_of(fewer)[2] == whole[2]
    assert scores_of(fewer)[4] == whole[4]


@pytest.mark.parametrize("method", METHODS)
def test_one_leg_found_nothing(method: Fusion) -> None:
    assert hybrid(LEXICAL, Scored.none(), method, 0.5).pmids.tolist() == [1, 2, 3]
    assert hybrid(Scored.none(), DENSE, method, 0.5).pmids.tolist() == [3, 4, 1]
    assert hybrid(Scored.none(), Scored.none(), method, 0.5).pmids.tolist() == []
    assert fuse([], method).pmids.tolist() == []


@pytest.mark.parametrize("method", METHODS)
def test_all_the_weight_in_one_leg(method: Fusion) -> None:
    assert hybrid(LEXICAL, DENSE, method, 0.0).pmids.tolist()[:2] == [1, 2]
    only = hybrid(LEXICAL, DENSE, method, 1.0)
    assert only.pmids.tolist()[:2] == [3, 4]
    assert scores_of(only)[2] == 0


def test_equal_scores_of_a_leg_are_as_good_as_it_knows() -> None:
    same = scored((5, 2.0), (6, 2.0))
    for floor in (None, 2.0, 0.0):
        assert scores_of(fuse([Leg(same, 0.5, floor)], Fusion.MIN_MAX)) == {5: 0.5, 6: 0.5}


@pytest.mark.parametrize("method", METHODS)
def test_equal_fused_scores_stand_newest_first(method: Fusion) -> None:
    assert hybrid(scored((1, 3.0)), scored((2, 0.5)), method, 0.5).pmids.tolist() == [2, 1]


def test_the_ranks_of_some() -> None:
    wanted = np.array([4, 1, 99, 3, 0, 4], np.int64)
    assert ranks_of(wanted, DENSE).tolist() == [2, 3, 0, 1, 0, 2]
    assert ranks_of(wanted, Scored.none()).tolist() == [0] * 6
    assert ranks_of(np.empty(0, np.int64), DENSE).tolist() == []


RANKINGS = st.dictionaries(st.integers(1, 40), st.floats(0, 20, width=16), max_size=25).map(lambda some: scored(*some.items()))


@given(RANKINGS, RANKINGS, st.sampled_from(METHODS), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.sampled_from([-1.0, 0.0, None]))
def test_fused_rankings(lexical: Scored, dense: Scored, method: Fusion, weight: float, floor: float | None) -> None:
    fused = hybrid(lexical, dense, method, weight, floor)
    assert sorted(fused.pmids.tolist()) == sorted({*lexical.pmids.tolist(), *dense.pmids.tolist()})
    assert fused.scores.dtype == np.float32
    assert fused.scores.min(initial=0) >= 0
    assert fused.scores.max(initial=0) <= 1 + 1e-6
    swapped = fuse([Leg(lexical, 1 - weight, 0.0), Leg(dense, weight, floor)], method)
    assert scores_of(swapped) == pytest.approx(scores_of(fused))


@given(RANKINGS, st.sampled_from(METHODS), st.sampled_from([-1.0, 0.0, None]))
def test_a_leg_alone_keeps_its_order(leg: Scored, method: Fusion, floor: float | None) -> None:
    fused = scores_of(fuse([Leg(leg, 0.5, floor)], method))
    assert all(fused[better] >= fused[worse] for better, worse in itertools.pairwise(leg.pmids.tolist()))


@given(RANKINGS, st.lists(st.integers(1, 45)))
def test_ranks_equal_the_slow_reference(leg: Scored, wanted: list[int]) -> None:
    order = leg.pmids.tolist()
    expected = [order.index(pmid) + 1 if pmid in order else 0 for pmid in wanted]
    assert ranks_of(np.array(wanted, np.int64), leg).tolist() == expected

"""Scored articles: the order of a ranking, and what is done with rankings."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from search.columns import Selection
from search.scored import Scored


def scored(*pairs: tuple[int, float]) -> Scored:
    """A ranking of (PMID, score)."""
    return Scored.ranked(np.array([pmid for pmid, _ in pairs], np.int64), np.array([score for _, score in pairs], np.float32))


def pairs_of(ranking: Scored) -> list[tuple[int, float]]:
    return list(zip(ranking.pmids.tolist(), ranking.scores.tolist(), strict=True))


def test_best_first_and_newest_first_where_equal() -> None:
    assert pairs_of(scored((1, 0.5), (9, 0.25), (3, 0.5), (2, -1.0), (7, 0.25))) == [
        (3, 0.5),
        (1, 0.5),
        (9, 0.25),
        (7, 0.25),
        (2, -1.0),
    ]


def test_nothing() -> None:
    nothing = Scored.none()
    assert pairs_of(nothing) == pairs_of(nothing.first(10)) == pairs_of(nothing.merged(nothing)) == []
    assert pairs_of(nothing.merged(scored((1, 0.5)))) == pairs_of(scored((1, 0.5)).merged(nothing)) == [(1, 0.5)]
    assert (nothing.pmids.dtype, nothing.scores.dtype) == (np.int64, np.float32)


def test_the_first() -> None:
    ranking = scored((1, 3), (2, 2), (3, 1))
    assert pairs_of(ranking.first(2)) == [(1, 3), (2, 2)]
    assert pairs_of(ranking.first(0)) == []
    assert pairs_of(ranking.first(100)) == pairs_of(ranking)


def test_merged_keeps_the_higher_score() -> None:
    left, right = scored((1, 3), (2, 2), (3, 1)), scored((3, 5), (2, 1), (4, 2))
    assert pairs_of(left.merged(right)) == pairs_of(right.merged(left)) == [(3, 5), (1, 3), (4, 2), (2, 2)]


def test_those_inside_a_selection() -> None:
    chosen = Selection.of(np.packbits(np.isin(np.arange(64), [2, 3, 60]), bitorder="little"))
    assert pairs_of(scored((1, 3), (2, 2), (3, 1), (500, 9)).inside(chosen)) == [(2, 2), (3, 1)]


def test_another_score() -> None:
    ranking = scored((1, 4), (2, 3), (3, 1))
    assert pairs_of(ranking.with_score(2, 5)) == [(2, 5), (1, 4), (3, 1)]
    assert pairs_of(ranking.with_score(2, 0.5)) == [(1, 4), (3, 1), (2, 0.5)]
    assert pairs_of(ranking.with_score(2, -0.5)) == [(1, 4), (3, 1), (2, -0.5)]
    # Among the candidates it comes only with a score that has reached them.
    assert pairs_of(ranking.with_score(9, 0.5)) == pairs_of(ranking)
    assert pairs_of(ranking.with_score(9, 1)) == [(1, 4), (2, 3), (9, 1), (3, 1)]
    assert pairs_of(scored((2, 3)).with_score(2, 1)) == [(2, 1)]


def test_led_by_one() -> None:
    ranking = scored((1, 4), (2, 3), (3, 1))
    assert pairs_of(ranking.led_by(scored((3, 2)))) == [(3, 4), (1, 4), (2, 3)]
    assert pairs_of(ranking.led_by(scored((3, 9)))) == [(3, 9), (1, 4), (2, 3)]
    assert ranking.led_by(scored((1, 2))) is ranking
    assert ranking.led_by(Scored.none()) is ranking


RANKINGS = st.dictionaries(st.integers(1, 30), st.sampled_from([-0.5, 0.0, 0.25, 0.5, 1.0]), max_size=20).map(
    lambda scores: scored(*scores.items())
)


def slow(pairs: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    return sorted(pairs, key=lambda pair: (-pair[1], -pair[0]))


@given(RANKINGS, RANKINGS)
def test_merging_equals_the_slow_reference(left: Scored, right: Scored) -> None:
    best: dict[int, float] = {}
    for pmid, score in pairs_of(left) + pairs_of(right):
        best[pmid] = max(score, best.get(pmid, score))
    merged = left.merged(right)
    assert pairs_of(merged) == slow(list(best.items()))
    assert pairs_of(merged.merged(right)) == pairs_of(merged)
    assert (merged.pmids.dtype, merged.scores.dtype) == (np.int64, np.float32)


@given(RANKINGS, st.integers(1, 30), st.sampled_from([-0.5, 0.0, 0.25, 0.75]))
def test_another_score_equals_the_slow_reference(ranking: Scored, pmid: int, score: float) -> None:
    others = [pair for pair in pairs_of(ranking) if pair[0] != pmid]
    reached = len(others) < len(ranking.pmids) or not others or score >= others[-1][1]
    assert pairs_of(ranking.with_score(pmid, score)) == (slow([*others, (pmid, score)]) if reached else others)


@given(RANKINGS, st.integers(0, 25))
def test_order_is_kept(ranking: Scored, count: int) -> None:
    pairs = pairs_of(ranking)
    assert pairs == slow(pairs)
    assert pairs_of(ranking.first(count)) == pairs[:count]
    assert pairs_of(ranking.where(ranking.scores > 0)) == [pair for pair in pairs if pair[1] > 0]

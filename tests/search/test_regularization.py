"""Score regularization, by hand and by its invariants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.regularization import regularized
from search.scored import Scored


def scored(*scores: float) -> Scored:
    return Scored(np.arange(len(scores), 0, -1), np.array(scores, np.float32))


# Two directions: 5 and 3 stand for one thing, 4 and 2 for another; lengths differ, and do not count.
VECTORS = np.array([[1, 0], [0, 1], [3, 0.1], [0.1, 2]], np.float32)


def test_half_of_a_score_is_its_nearest_ones() -> None:
    found = regularized(scored(1.0, 0.6, 0.5, 0.4, 0.3), VECTORS, neighbours=1, weight=0.5)
    assert found.pmids.tolist() == [5, 3, 4, 2, 1]  # equal scores: the newest PMID first
    assert found.scores.tolist() == pytest.approx([0.75, 0.75, 0.5, 0.5, 0.3])


def test_a_mean_of_several() -> None:
    found = regularized(scored(1.0, 0.6, 0.5, 0.4), VECTORS, neighbours=3, weight=1.0)
    assert dict(zip(found.pmids.tolist(), found.scores.tolist(), strict=True)) == pytest.approx(
        {4: 0.5, 3: 1.9 / 3, 2: 2 / 3, 1: 0.7}
    )


@pytest.mark.parametrize("count", [0, 1])
def test_what_has_no_neighbours_stays(count: int) -> None:
    one = scored(*[1.0] * count)
    assert regularized(one, VECTORS[:count], neighbours=5, weight=0.5) is one


def test_fewer_hits_than_neighbours() -> None:
    found = regularized(scored(1.0, 0.0), VECTORS[:2], neighbours=5, weight=0.25)
    assert found.scores.tolist() == [0.75, 0.25]


@given(
    st.lists(st.floats(0, 1, width=32), min_size=2, max_size=30),
    st.integers(1, 6),
    st.floats(0, 1),
    st.integers(0, 30),
    st.integers(0, 99),
)
def test_what_lies_behind_the_first_ones_stays_behind(
    scores: list[float], neighbours: int, weight: float, count: int, seed: int
) -> None:
    before = scored(*sorted(scores, reverse=True))
    count = min(count, len(scores))
    vectors = np.random.default_rng(seed).standard_normal((count, 4)).astype(np.float32)
    after = regularized(before, vectors, neighbours, weight)
    assert sorted(after.pmids.tolist()) == sorted(before.pmids.tolist())
    assert np.all(np.diff(after.scores) <= 0)
    assert after.scores.max() <= before.scores.max() + 1e-6
    if count and before.scores[count - 1] > before.scores[count:].max(initial=0) + 1e-6:
        assert set(after.pmids[:count].tolist()) == set(before.pmids[:count].tolist())

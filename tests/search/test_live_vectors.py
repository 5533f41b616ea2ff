"""Vectors of a base and a delta against a dictionary of the final state."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_parts import PARTS, Parts, pmids_of

from search.live_vectors import LiveVectors
from search.vectors import Pmids, VectorFile

BASE = VectorFile(np.array([2, 5, 9]), np.array([[2, 0], [5, 0], [9, 0]], np.float32), np.array([True, False, False]))
DELTA = VectorFile(np.array([1, 5]), np.array([[1, 1], [5, 1]], np.float32), np.array([False, True]))


def vectors_of(pmids: Pmids, axis: int) -> VectorFile:
    """The vector of an article says which it is, and of which part; every third text was too long."""
    return VectorFile(pmids, np.column_stack([pmids, np.full(len(pmids), axis)]).astype(np.float32), pmids % 3 == axis)


@given(parts=PARTS, order=st.randoms())
def test_both_parts_equal_the_final_state(parts: Parts, order: random.Random) -> None:
    newer = pmids_of(parts.delta)
    live = LiveVectors(vectors_of(pmids_of(parts.base), 0), vectors_of(newer, 1) if parts.delta else None, parts.dead)
    axes = {one.pmid: int(one.pmid in set(newer.tolist())) for one in parts.live}
    wanted = [*axes, *list(axes)[:3]]
    order.shuffle(wanted)
    assert len(live) == len(axes)
    assert live.get(wanted).tolist() == [[pmid, axes[pmid]] for pmid in wanted]
    assert live.truncated_of(np.array(wanted, np.int64)).tolist() == [pmid % 3 == axes[pmid] for pmid in wanted]


@pytest.mark.parametrize("delta", [None, DELTA])
@pytest.mark.parametrize("pmid", [9, 3, -1, 10**9])
def test_one_that_is_dead_or_unknown(delta: VectorFile | None, pmid: int) -> None:
    live = LiveVectors(BASE, delta, np.array([5, 9]))
    with pytest.raises(KeyError, match=str(pmid)):
        live.get([2, pmid])
    with pytest.raises(KeyError, match=str(pmid)):
        live.truncated_of(np.array([pmid, 2]))


def test_one_that_was_replaced_is_read_from_the_delta() -> None:
    live = LiveVectors(BASE, DELTA, np.array([5]))
    assert live.get([9, 5, 2, 1]).tolist() == [[9, 0], [5, 1], [2, 0], [1, 1]]
    assert live.truncated_of(np.array([2, 5, 9])).tolist() == [True, True, False]
    assert (len(live), live.dimension) == (4, 2)


def test_none_are_asked_for() -> None:
    for delta in (None, DELTA):
        assert LiveVectors(BASE, delta, np.array([5])).get([]).shape == (0, 2)

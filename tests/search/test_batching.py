"""Batches of like length."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from search.batching import CPU_TOKENS, batches_by_tokens

LENGTHS = st.lists(st.integers(1, 600), max_size=200)
BUDGETS = st.integers(1, 5000)


@given(LENGTHS, BUDGETS)
def test_every_position_comes_once(lengths: list[int], budget: int) -> None:
    batches = batches_by_tokens(lengths, budget)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    assert all(batches)


@given(LENGTHS, BUDGETS)
def test_a_batch_keeps_to_the_budget_unless_it_is_one_document(lengths: list[int], budget: int) -> None:
    for batch in batches_by_tokens(lengths, budget):
        assert len(batch) == 1 or len(batch) * max(lengths[position] for position in batch) <= budget


@given(LENGTHS, BUDGETS)
def test_the_longest_come_first(lengths: list[int], budget: int) -> None:
    in_order = [lengths[position] for batch in batches_by_tokens(lengths, budget) for position in batch]
    assert in_order == sorted(lengths, reverse=True)


@given(LENGTHS, BUDGETS)
def test_a_batch_ends_where_the_next_document_would_break_the_budget(lengths: list[int], budget: int) -> None:
    for batch, following in pairwise(batches_by_tokens(lengths, budget)):
        assert following
        assert (len(batch) + 1) * lengths[batch[0]] > budget


def test_documents_of_one_length_keep_their_order() -> None:
    assert batches_by_tokens([7, 9, 7, 7], 14) == [[1], [0, 2], [3]]


def test_nothing_makes_no_batch() -> None:
    assert batches_by_tokens([], CPU_TOKENS) == []


def test_nearly_all_tokens_are_real() -> None:
    """As PubMed is: three records in ten have a title only, the rest abstracts around 250 tokens, cut at 512."""
    random = np.random.default_rng(7)
    titles, abstracts = random.normal(25, 8, 900), random.lognormal(np.log(250), 0.45, 2100)
    lengths = np.concatenate([titles, abstracts]).clip(5, 512).astype(int).tolist()
    batches = batches_by_tokens(lengths, CPU_TOKENS)
    computed = sum(len(batch) * max(lengths[position] for position in batch) for batch in batches)
    assert sum(lengths) / computed >= 0.97


def test_batches_in_the_order_of_the_file_would_waste_much() -> None:
    """What sorting saves: the same documents, eight at a time as they come."""
    lengths = np.random.default_rng(7).lognormal(np.log(250), 0.45, 2000).clip(5, 512).astype(int).tolist()
    unsorted = sum(8 * max(lengths[start : start + 8]) for start in range(0, 2000, 8))
    batches = batches_by_tokens(lengths, CPU_TOKENS)
    assert sum(len(batch) * lengths[batch[0]] for batch in batches) < 0.75 * unsorted

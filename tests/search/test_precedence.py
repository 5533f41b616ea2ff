"""Which of two statements about a PMID counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.precedence import Precedence

KEYS = st.tuples(st.sampled_from([0, 2025, 2026]), st.integers(1, 2_000), st.integers(1, 9), st.integers(0, 30_000))


@given(one=KEYS, other=KEYS)
def test_year_number_version_and_place_decide_in_this_order(
    one: tuple[int, int, int, int], other: tuple[int, int, int, int]
) -> None:
    assert (Precedence(*one) < Precedence(*other)) == (one < other)
    assert (Precedence(*one) == Precedence(*other)) == (one == other)


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        (Precedence(2025, 1_300, 9, 29_999), Precedence(2026, 1, 1, 0)),
        (Precedence(2026, 3, 2, 29_999), Precedence(2026, 4, 1, 0)),
        (Precedence(2026, 3, 1, 29_999), Precedence(2026, 3, 2, 0)),
        (Precedence(2026, 3, 1, 7), Precedence(2026, 3, 1, 8)),
        (Precedence(0, 40_000, 1, 0), Precedence(2001, 1, 1, 0)),
    ],
)
def test_the_higher_counts(lower: Precedence, higher: Precedence) -> None:
    assert lower < higher
    assert max(lower, higher) is higher


@given(key=KEYS)
def test_a_deletion_beats_its_own_file_and_a_later_file_beats_it(key: tuple[int, int, int, int]) -> None:
    year, number, *_ = key
    deletion = Precedence.of_deletion(year, number)
    assert Precedence(*key) < deletion < Precedence(year, number + 1, 1, 0)
    assert deletion == Precedence.of_deletion(year, number)

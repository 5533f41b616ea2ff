"""Comparisons: which mode is held against which, and what a difference is."""

import numpy as np
import pytest

from indexer.comparison import gain, summarise
from indexer.metrics import Measure, Scores, estimate, p_value
from search.errors import QueryError
from search.results import Mode

DENSE, LEXICAL, HYBRID = [0.2, 0.4, 0.6, 0.4], [0.5, 0.5, 0.5, 0.3], [0.7, 0.5, 0.7, 0.5]


def scores(values: list[float]) -> Scores:
    return Scores(tuple("abcd"), {Measure.MRR: np.array(values)})


ALL = {Mode.DENSE: scores(DENSE), Mode.LEXICAL: scores(LEXICAL), Mode.HYBRID: scores(HYBRID)}


@pytest.mark.parametrize(
    ("modes", "baseline", "expected"),
    [
        (tuple(Mode), None, {Mode.DENSE: Mode.LEXICAL, Mode.HYBRID: Mode.LEXICAL}),
        (tuple(Mode), Mode.DENSE, {Mode.LEXICAL: Mode.DENSE, Mode.HYBRID: Mode.DENSE}),
        ((Mode.DENSE, Mode.HYBRID), None, {Mode.HYBRID: Mode.DENSE}),
        ((Mode.DENSE,), None, {}),
        ((Mode.DENSE,), Mode.DENSE, {}),
    ],
)
def test_baselines(modes: tuple[Mode, ...], baseline: Mode | None, expected: dict[Mode, Mode]) -> None:
    summary = summarise([{mode: ALL[mode] for mode in modes}], Measure.MRR, baseline)
    assert {one.mode: one.baseline for one in summary.comparisons} == expected
    assert set(summary.estimates) == set(modes)


def test_a_difference_is_question_by_question() -> None:
    summary = summarise([ALL], Measure.MRR)
    hybrid = summary.comparisons[1].differences[Measure.MRR]
    differences = np.array(HYBRID) - np.array(LEXICAL)
    assert (hybrid.estimate, hybrid.p) == (estimate(differences), p_value(differences))
    assert hybrid.estimate.mean == pytest.approx((0.2 + 0.0 + 0.2 + 0.2) / 4)


def test_several_sets_are_compared_in_the_modes_that_all_of_them_have() -> None:
    summary = summarise([ALL, {Mode.DENSE: scores(HYBRID), Mode.HYBRID: scores(HYBRID)}], Measure.MRR)
    assert list(summary.estimates) == [Mode.DENSE, Mode.HYBRID]
    assert summary.estimates[Mode.DENSE][Measure.MRR].mean == pytest.approx((1.6 / 4 + 2.4 / 4) / 2)
    assert summary.comparisons[0].differences[Measure.MRR].estimate.mean == pytest.approx((0.8 / 4 + 0) / 2)


def test_a_baseline_that_was_not_measured() -> None:
    with pytest.raises(QueryError, match="The baseline lexical was not measured; measured: dense"):
        summarise([{Mode.DENSE: scores(DENSE)}], Measure.MRR, Mode.LEXICAL)


def test_what_an_encoder_gains_over_another() -> None:
    other = {Mode.DENSE: scores(LEXICAL), Mode.LEXICAL: scores(LEXICAL), Mode.HYBRID: scores(DENSE)}
    gained = gain([ALL], [other])
    # By words alone no encoder is asked.
    assert list(gained.estimates) == list(gained.differences) == [Mode.DENSE, Mode.HYBRID]
    assert gained.estimates[Mode.DENSE][Measure.MRR] == estimate(np.array(LEXICAL))
    differences = np.array(HYBRID) - np.array(DENSE)
    hybrid = gained.differences[Mode.HYBRID][Measure.MRR]
    assert (hybrid.estimate, hybrid.p) == (estimate(differences), p_value(differences))

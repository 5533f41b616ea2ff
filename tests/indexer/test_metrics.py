"""The measures against their formulas, the intervals and the test against what statistics says of them."""

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.metrics import RESAMPLES, Measure, Scores, Values, estimate, p_value, ratio, score, score_ranks


def ranking(*documents: str) -> dict[str, float]:
    return {document: float(-place) for place, document in enumerate(documents)}


def only(scores: Scores) -> dict[Measure, float]:
    (values,) = zip(*scores.values.values(), strict=True)
    return dict(zip(scores.values, values, strict=True))


def test_measures_of_a_ranking_made_by_hand() -> None:
    found = only(score({"q": ranking("x", "a", "b", "y")}, {"q": {"a": 2, "b": 1, "c": 1, "y": 0}}))
    best = 2 / log2(2) + 1 / log2(3) + 1 / log2(4)
    assert found == pytest.approx(
        {
            Measure.NDCG_10: (2 / log2(3) + 1 / log2(4)) / best,
            Measure.RECALL_10: 2 / 3,
            Measure.RECALL_100: 2 / 3,
            Measure.MRR: 1 / 2,
        }
    )


def test_a_document_below_the_cut() -> None:
    found = only(score({"q": ranking(*(f"x{place}" for place in range(10)), "a")}, {"q": {"a": 1}}))
    assert found == pytest.approx({Measure.NDCG_10: 0, Measure.RECALL_10: 0, Measure.RECALL_100: 1, Measure.MRR: 1 / 11})


def test_questions_are_those_of_the_judgements() -> None:
    run = {"q1": ranking("a"), "unjudged": ranking("a"), "q3": {}}
    scores = score(run, {"q3": {"a": 1}, "q2": {"a": 1}, "q1": {"a": 1}})
    assert scores.questions == ("q1", "q2", "q3")
    assert [values.tolist() for values in scores.values.values()] == 4 * [[1, 0, 0]]
    assert scores.mean(Measure.MRR) == 1 / 3


def slow_ndcg(order: list[str], judged: dict[str, int]) -> float:
    gains = [judged.get(document, 0) for document in order[:10]]
    best = sorted(judged.values(), reverse=True)[:10]
    return sum(gain / log2(place + 2) for place, gain in enumerate(gains)) / sum(
        gain / log2(place + 2) for place, gain in enumerate(best)
    )


@given(
    st.permutations([str(number) for number in range(14)]),
    st.dictionaries(st.sampled_from("0123456789"), st.integers(1, 3), min_size=1),
)
def test_measures_against_their_definitions(order: list[str], judged: dict[str, int]) -> None:
    found = only(score({"q": ranking(*order)}, {"q": judged}))
    assert found[Measure.NDCG_10] == pytest.approx(slow_ndcg(order, judged))
    assert found[Measure.RECALL_10] == pytest.approx(len(judged.keys() & set(order[:10])) / len(judged))
    assert found[Measure.MRR] == pytest.approx(1 / (1 + min(order.index(document) for document in judged)))


def test_measures_of_known_items() -> None:
    scores = score_ranks({"1": 1, "2": None, "3": 4, "4": 100, "5": 101})
    expected = {
        Measure.MRR: (1 + 0 + 1 / 4 + 1 / 100 + 1 / 101) / 5,
        Measure.RECALL_1: 1 / 5,
        Measure.RECALL_10: 2 / 5,
        Measure.RECALL_100: 3 / 5,
    }
    assert {measure: scores.mean(measure) for measure in scores.values} == pytest.approx(expected)


def normal(count: int, mean: float = 0.0, seed: int = 1) -> Values:
    return np.random.default_rng(seed).normal(mean, 1, count)


def test_an_interval_is_as_wide_as_the_normal_one() -> None:
    sample = normal(400, mean=0.3)
    found = estimate(sample)
    half = 1.96 * sample.std() / np.sqrt(len(sample))
    assert found.mean == sample.mean()
    assert (found.low, found.high) == pytest.approx((sample.mean() - half, sample.mean() + half), abs=half / 20)


def test_an_interval_is_the_same_every_time_and_has_no_width_where_nothing_varies() -> None:
    assert estimate(normal(50)) == estimate(normal(50))
    constant = estimate(np.full(7, 0.25))
    assert (constant.mean, constant.low, constant.high) == (0.25, 0.25, 0.25)


def test_sets_count_alike_and_are_resampled_apart() -> None:
    one, many = normal(100), normal(1_000, mean=5)
    assert estimate(one, many).mean == pytest.approx((one.mean() + many.mean()) / 2)
    alone, twice = estimate(one), estimate(one, one)
    assert twice.high - twice.low == pytest.approx((alone.high - alone.low) / np.sqrt(2), rel=0.05)


def test_a_ratio_is_of_means() -> None:
    above, below = np.array([0.4, 0.8, 0.6]), np.array([0.1, 0.2, 0.3])
    found = ratio(above, below)
    assert found is not None
    assert found.mean == pytest.approx(1.8 / 0.6)
    assert 0.6 / 0.3 <= found.low <= found.mean <= found.high <= 0.4 / 0.1
    assert ratio(above, np.zeros(3)) is None


def test_p_of_a_few_differences_is_the_share_of_sign_patterns() -> None:
    assert p_value(np.full(4, 0.5)) == pytest.approx(2 / 2**4, abs=0.01)
    assert p_value(np.array([0.5, 0.0, 0.0])) == 1  # either sign of the one difference is as large
    assert p_value(np.zeros(30)) == 1


def test_p_of_a_clear_difference_is_the_least_there_is_whichever_side_it_is_on() -> None:
    differences = np.abs(normal(40))
    assert p_value(differences) == p_value(-differences) == 1 / (1 + RESAMPLES)


def test_p_of_chance_is_below_a_twentieth_in_about_one_of_twenty() -> None:
    below = sum(p_value(normal(20, seed=seed)) < 0.05 for seed in range(200))
    assert abs(below - 200 * 0.05) <= 9  # three standard deviations of a binomial


def test_p_over_sets_sees_what_they_have_in_common() -> None:
    one, other = normal(60, mean=0.2), normal(60, mean=0.2, seed=2)
    assert p_value(one, other) < min(p_value(one), p_value(other))

"""What a ranking is worth: measures per question, their means with intervals, and paired tests between rankings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

# Question to its documents with their scores; higher is better. Documents of equal score are ordered by their ids.
Run = Mapping[str, Mapping[str, float]]
# One number for each question: (n,) float64.
Values = npt.NDArray[np.float64]

RESAMPLES = 10_000
CONFIDENCE = 0.95
SEED = 0
# Memory for random numbers, however many questions there are: 8 MB.
_DRAWN_AT_ONCE = 1_000_000


class Measure(StrEnum):
    """Measures between 0 and 1. nDCG takes a judgement as its gain (linear) and discounts by log2(rank + 1).

    Recall is the share of the relevant documents among the first so many; MRR is 1 / rank of the first relevant document,
    0 where the ranking, as deep as it was asked for, holds none.
    """

    NDCG_10 = "nDCG@10"
    RECALL_1 = "recall@1"
    RECALL_10 = "recall@10"
    RECALL_100 = "recall@100"
    MRR = "MRR"


RANKED = (Measure.NDCG_10, Measure.RECALL_10, Measure.RECALL_100, Measure.MRR)
_TREC_NAMES = {
    Measure.NDCG_10: "ndcg_cut_10",
    Measure.RECALL_10: "recall_10",
    Measure.RECALL_100: "recall_100",
    Measure.MRR: "recip_rank",
}
_DEPTHS = {Measure.RECALL_1: 1, Measure.RECALL_10: 10, Measure.RECALL_100: 100}


@dataclass(frozen=True, slots=True)
class Scores:
    """Every question's measures: `values[measure][i]` belongs to `questions[i]`."""

    questions: tuple[str, ...]
    values: dict[Measure, Values]

    def mean(self, measure: Measure) -> float:
        """The mean over the questions."""
        return float(self.values[measure].mean())


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and the two ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def score(run: Run, judgements: Mapping[str, Mapping[str, int]]) -> Scores:
    """Score a run as trec_eval does. A judged question that the run lacks scores 0; one without judgements is left out."""
    import pytrec_eval

    questions = tuple(sorted(judgements))
    evaluator = pytrec_eval.RelevanceEvaluator(
        {question: dict(judgements[question]) for question in questions}, {"ndcg_cut.10", "recall.10,100", "recip_rank"}
    )
    found = evaluator.evaluate({question: dict(run.get(question, {})) for question in questions})
    values = {
        measure: np.array([found[question][_TREC_NAMES[measure]] for question in questions], np.float64) for measure in RANKED
    }
    return Scores(questions, values)


def score_ranks(ranks: Mapping[str, int | None]) -> Scores:
    """Score rankings with one relevant document each, by its rank from 1, or None where it was not found."""
    found = np.array([rank or np.inf for rank in ranks.values()], np.float64)
    values = {measure: (found <= depth).astype(np.float64) for measure, depth in _DEPTHS.items()}
    return Scores(tuple(ranks), {Measure.MRR: 1 / found, **values})


def estimate(*samples: Values) -> Estimate:
    """The mean over the questions, with its percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13).

    Of several samples, one for each data set: the mean of their means, every set counting alike; each is resampled by itself.
    """
    means = np.mean([_resampled(sample, _drawn_with_replacement, stream) for stream, sample in enumerate(samples)], axis=0)
    return _interval(float(np.mean([sample.mean() for sample in samples])), means)


def ratio(above: Values, below: Values) -> Estimate | None:
    """The ratio of two means over the same questions, with its bootstrap interval; None where `below` is all zeros."""
    if not below.any():
        return None
    both = [_resampled(sample, _drawn_with_replacement) for sample in (above, below)]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = both[0] / both[1]
    return _interval(float(above.mean() / below.mean()), ratios[np.isfinite(ratios)])


def p_value(*differences: Values) -> float:
    """The two-sided p of a paired randomisation test: how often signs by chance make so large a mean difference.

    p = (1 + resamples at least as large) / (1 + resamples), never 0 (Phipson and Smyth 2010, doi:10.2202/1544-6115.1585).
    Of several samples, one for each data set: that of the mean of their mean differences.
    """
    observed = abs(float(np.mean([sample.mean() for sample in differences])))
    means = [_resampled(sample, _signs_flipped, stream) for stream, sample in enumerate(differences)]
    by_chance = np.abs(np.mean(means, axis=0))
    # Equal sums in another order differ in their last bits.
    as_large = int(np.count_nonzero(by_chance >= observed - 1e-12))
    return (1 + as_large) / (1 + RESAMPLES)


def _interval(mean: float, resampled: Values) -> Estimate:
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return Estimate(mean, float(low), float(high))


def _resampled(sample: Values, draw: Callable[[Values, int, np.random.Generator], Values], stream: int = 0) -> Values:
    """The means of RESAMPLES samples drawn from this one, the same every time; two sets need two streams of chance."""
    generator = np.random.default_rng([SEED, stream])
    rows = max(1, _DRAWN_AT_ONCE // len(sample))
    starts = range(0, RESAMPLES, rows)
    return np.concatenate([draw(sample, min(rows, RESAMPLES - start), generator) for start in starts])


def _drawn_with_replacement(sample: Values, rows: int, generator: np.random.Generator) -> Values:
    means: Values = sample[generator.integers(len(sample), size=(rows, len(sample)))].mean(axis=1)
    return means


def _signs_flipped(sample: Values, rows: int, generator: np.random.Generator) -> Values:
    means: Values = generator.choice((-1.0, 1.0), size=(rows, len(sample))) @ sample / len(sample)
    return means

"""Compares the modes of a search, or two encoders in each: every measure with its interval, and paired tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.metrics import Estimate, Measure, Scores, estimate, p_value
from search.errors import QueryError
from search.results import Mode


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more a mode scores than its baseline on the same questions, and the two-sided p of that."""

    estimate: Estimate
    p: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One mode beside its baseline, measure by measure."""

    mode: Mode
    baseline: Mode
    differences: dict[Measure, Difference]


@dataclass(frozen=True, slots=True)
class Summary:
    """What was measured of each mode, and how they differ."""

    estimates: dict[Mode, dict[Measure, Estimate]]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Gain:
    """What another encoder finds in each mode that asks one, and how much more the measured encoder does."""

    estimates: dict[Mode, dict[Measure, Estimate]]
    differences: dict[Mode, dict[Measure, Difference]]


def gain(sets: Sequence[Mapping[Mode, Scores]], others: Sequence[Mapping[Mode, Scores]]) -> Gain:
    """Compare an encoder to another, mode by mode, on the same questions of several sets, each of which counts alike."""
    modes = [mode for mode in Mode if mode is not Mode.LEXICAL and all(mode in scores for scores in (*sets, *others))]
    before = {mode: [scores[mode] for scores in others] for mode in modes}
    after = {mode: [scores[mode] for scores in sets] for mode in modes}
    return Gain(
        {mode: _estimates(before[mode]) for mode in modes},
        {mode: _differences(after[mode], before[mode]) for mode in modes},
    )


def summarise(sets: Sequence[Mapping[Mode, Scores]], leading: Measure, baseline: Mode | None = None) -> Summary:
    """Sum up the modes that were measured on every one of `sets`, each of which counts alike.

    Without a `baseline`, dense is compared to lexical, and hybrid to whichever of the two has the higher mean of `leading`.
    Raises QueryError where the baseline was not measured.
    """
    modes = [mode for mode in Mode if all(mode in scores for scores in sets)]
    if baseline and baseline not in modes:
        raise QueryError(f"The baseline {baseline} was not measured; measured: {', '.join(modes)}. Give one of these.")
    samples = {mode: [scores[mode] for scores in sets] for mode in modes}
    estimates = {mode: _estimates(samples[mode]) for mode in modes}
    pairs = _pairs(modes, baseline, {mode: estimates[mode][leading].mean for mode in modes})
    compared = tuple(
        Comparison(mode, other, _differences(samples[mode], samples[other])) for mode, other in pairs.items() if mode != other
    )
    return Summary(estimates, compared)


def _pairs(modes: Sequence[Mode], baseline: Mode | None, means: Mapping[Mode, float]) -> dict[Mode, Mode]:
    """Every mode's baseline."""
    if baseline:
        return dict.fromkeys(modes, baseline)
    pairs = {Mode.DENSE: Mode.LEXICAL} if {Mode.DENSE, Mode.LEXICAL} <= means.keys() else {}
    alone = [mode for mode in modes if mode is not Mode.HYBRID]
    if Mode.HYBRID in modes and alone:
        pairs[Mode.HYBRID] = max(alone, key=lambda mode: means[mode])
    return pairs


def _estimates(samples: Sequence[Scores]) -> dict[Measure, Estimate]:
    return {measure: estimate(*(scores.values[measure] for scores in samples)) for measure in samples[0].values}


def _differences(mode: Sequence[Scores], baseline: Sequence[Scores]) -> dict[Measure, Difference]:
    """Question by question: the two rankings are of the same questions in the same order."""
    differences = {
        measure: [one.values[measure] - other.values[measure] for one, other in zip(mode, baseline, strict=True)]
        for measure in mode[0].values
    }
    return {measure: Difference(estimate(*samples), p_value(*samples)) for measure, samples in differences.items()}

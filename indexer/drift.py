"""How far the articles of the updates lie from those that the transform and the inverted lists were fitted to."""

import math
from dataclasses import dataclass

from search.candidates import Candidates
from search.encoder import Vectors
from search.generation import Generation
from search.manifest import Manifest
from search.vectors import VectorFile

# A mean of so many vectors is known to within a hundredth of their spread.
_SAMPLED = 5_000
# The mean of fewer lies anywhere: that of one article is a whole spread away.
_FEWEST = 30
# Titles of 2020 and later are 0.1 from those before 2000.
_FAR = 0.3
_MUCH_LESS = 0.9


@dataclass(frozen=True, slots=True)
class Drift:
    """The delta beside the base, from a sample of each; `sampled` are the delta's.

    `shift` is the distance between their mean vectors, less what chance makes of two samples of one corpus, in units of the
    base's spread: the root mean square distance of its vectors from their mean. `base_similarity` and `delta_similarity` are
    the mean inner products of vectors with the centroid of their list; None where there are no lists.
    """

    sampled: int
    delta_share: float
    shift: float
    base_similarity: float | None
    delta_similarity: float | None

    @property
    def is_far(self) -> bool:
        """Whether a new build, which fits everything anew, would pay."""
        if self.sampled < _FEWEST:
            return False
        if self.base_similarity is None or self.delta_similarity is None:
            return self.shift > _FAR
        return self.shift > _FAR or self.delta_similarity < _MUCH_LESS * self.base_similarity


def measure_drift(generation: Generation, manifest: Manifest) -> Drift | None:
    """The drift of a generation; None where it has no delta. Raises BrokenIndex."""
    if not manifest.parts.delta:
        return None
    base, delta = (VectorFile.open(part.folder) for part in (generation.base, generation.delta))
    before, newer = base.sample(_SAMPLED), delta.sample(_SAMPLED)
    candidates = Candidates.open(generation.base.candidates, base)
    similarities = [candidates.centroid_similarities(sample) for sample in (before, newer)]
    means = [None if found is None else round(float(found.mean()), 3) for found in similarities]
    return Drift(len(newer), round(len(delta) / len(base), 4), round(_shift(before, newer), 3), *means)


def _shift(before: Vectors, newer: Vectors) -> float:
    """How far apart the means of two samples (n, d), (m, d) are, in units of the first one's spread s.

    The means of samples of one corpus are s^2 (1/n + 1/m) apart, squared and on average; that is taken off.
    """
    variance = float(((before - before.mean(axis=0)) ** 2).sum(axis=1).mean())
    apart = float(((newer.mean(axis=0) - before.mean(axis=0)) ** 2).sum())
    by_chance = variance * (1 / len(before) + 1 / len(newer))
    return math.sqrt(max(apart - by_chance, 0.0) / max(variance, 1e-30))

"""How far the articles of the updates lie from those that the transform and the inverted lists were fitted to."""

from dataclasses import dataclass

import numpy as np

from search.candidates import Candidates
from search.index_folder import Generation, Part
from search.manifest import Manifest
from search.vectors import VectorFile

# A mean of so many vectors is known to within a hundredth of their spread.
_SAMPLED = 5_000
# Halves of one corpus, drawn at random, are 0.02 apart; titles of 2020 and later 0.1 from those before 2000.
_FAR = 0.3
_MUCH_LESS = 0.9


@dataclass(frozen=True, slots=True)
class Drift:
    """The delta beside the base, from a sample of each.

    `shift` is the distance between their mean vectors, in units of the base's spread: the root mean square distance of its
    vectors from their mean. `base_similarity` and `delta_similarity` are the mean inner products of vectors with the centroid
    of their list; None where there are no lists.
    """

    delta_share: float
    shift: float
    base_similarity: float | None
    delta_similarity: float | None

    @property
    def is_far(self) -> bool:
        """Whether a new build, which fits everything anew, would pay."""
        lists = self.base_similarity is not None and self.delta_similarity is not None
        return self.shift > _FAR or (lists and self.delta_similarity < _MUCH_LESS * self.base_similarity)  # type: ignore[operator]


def measure_drift(generation: Generation, manifest: Manifest) -> Drift | None:
    """The drift of a generation; None where it has no delta. Raises BrokenIndex."""
    if not manifest.parts.delta:
        return None
    base, delta = (VectorFile.open(part.folder) for part in (generation.base, generation.delta))
    before, newer = base.sample(_SAMPLED), delta.sample(_SAMPLED)
    spread = float(np.sqrt(((before - before.mean(axis=0)) ** 2).sum(axis=1).mean()))
    shift = float(np.linalg.norm(newer.mean(axis=0) - before.mean(axis=0))) / max(spread, 1e-30)
    candidates = _candidates(generation.base, base)
    similarities = [candidates.centroid_similarities(sample) for sample in (before, newer)]
    means = [None if found is None else round(float(found.mean()), 3) for found in similarities]
    return Drift(round(manifest.parts.delta / manifest.parts.base, 4), round(shift, 3), *means)


def _candidates(part: Part, vectors: VectorFile) -> Candidates:
    return Candidates.open(part.candidates, vectors)

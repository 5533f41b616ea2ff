"""Centring and whitening: a linear map that makes the vectors of an encoder without similarity training comparable.

Vectors of a masked language model share a large mean and a few directions of large variance, so that all cosines are near 1.
`transform.npz` holds the map that was fitted on a generation's own articles: its vectors went through it, and every question's
vector goes through it, too.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from search.encoder import Metric, Vectors
from search.errors import BrokenIndex
from search.storage import full_disk_is_said

# Su et al. keep 256 of 768 dimensions: nothing is lost, and the vectors take a third of the room.
WHITENED_DIMENSION = 256
# A share of the mean variance, added to every direction's: without it the directions of least variance, which are noise, weigh
# as much as any. nDCG@10 on NFCorpus, first two layers of MiniLM: 7.4 with it, 7.0 without; of all 384 axes 7.5 and 5.4.
_REGULARISATION = 0.05
_CHUNK = 10_000


class TransformKind(StrEnum):
    """What is done to an encoder's vectors, the simplest first."""

    NONE = "none"
    CENTRE = "centre"
    WHITEN = "whiten"


_IN_WORDS = {TransformKind.NONE: "none", TransformKind.CENTRE: "centred", TransformKind.WHITEN: "whitened"}


@dataclass(frozen=True, slots=True)
class TransformRecord:
    """Which transform a generation has, and why.

    `dimension` is that of the stored vectors, 0 where they are the encoder's own. `known_titles` is the mean reciprocal rank
    at which `questions` titles found their own abstracts among `articles` articles' vectors, by kind; empty where the kind was
    not chosen by that, and `reason` says how it was.
    """

    kind: TransformKind = TransformKind.NONE
    dimension: int = 0
    reason: str = ""
    known_titles: dict[TransformKind, float] = field(default_factory=dict)
    questions: int = 0
    articles: int = 0

    def __str__(self) -> str:
        what = _IN_WORDS[self.kind] + (f" to {self.dimension} dimensions" if self.kind is TransformKind.WHITEN else "")
        figures = ", ".join(f"{_IN_WORDS[kind]} {mean:.2f}" for kind, mean in self.known_titles.items())
        reasons = [self.reason] if self.reason else []
        reasons += [f"known titles found, MRR: {figures}"] if figures else []
        return f"{what} ({'; '.join(reasons)})" if reasons else what


@dataclass(frozen=True, slots=True, eq=False)
class VectorTransform:
    """x -> (x - mean) matrix, then to length 1 where `normalised`. `mean` (d,) float32, `matrix` (d, m) float32."""

    mean: Vectors
    matrix: Vectors
    normalised: bool

    @classmethod
    def centring(cls, sample: Vectors, metric: Metric) -> Self:
        """Subtract the mean of `sample` (n, d)."""
        mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
        return cls(mean, np.eye(len(mean), dtype=np.float32), metric is Metric.COSINE)

    @classmethod
    def whitening(cls, sample: Vectors, metric: Metric, dimension: int = WHITENED_DIMENSION) -> Self:
        """Make the first `dimension` principal axes of `sample` (n, d) uncorrelated and of like variance.

        W = U (L + r)^(-1/2), where U L U' is the covariance of the sample (Su et al. 2021, "Whitening Sentence
        Representations", https://arxiv.org/abs/2103.15316, with r = 0) and r is a share of the mean variance. Fewer dimensions
        come out where the sample has fewer, or not more rows than that.
        """
        mean = sample.mean(axis=0, dtype=np.float64)
        covariance = sum(chunk.T @ chunk for chunk in _centred(sample, mean)) / len(sample)
        variances, axes = np.linalg.eigh(covariance)
        kept = max(1, min(dimension, len(mean), len(sample) - 1))
        largest = np.argsort(variances)[::-1][:kept]
        floor = max(_REGULARISATION * variances.mean(), np.finfo(np.float32).tiny)
        matrix = axes[:, largest] / np.sqrt(np.maximum(variances[largest], 0) + floor)
        return cls(mean.astype(np.float32), matrix.astype(np.float32), metric is Metric.COSINE)

    @classmethod
    def fitted(cls, kind: TransformKind, sample: Vectors, metric: Metric) -> Self | None:
        """The transform of a kind for vectors like those of `sample`; None for TransformKind.NONE."""
        if kind is TransformKind.NONE:
            return None
        return cls.centring(sample, metric) if kind is TransformKind.CENTRE else cls.whitening(sample, metric)

    @property
    def dimension(self) -> int:
        """The length m of a transformed vector."""
        return int(self.matrix.shape[1])

    def apply(self, vectors: Vectors) -> Vectors:
        """Transform vectors (n, d) to (n, m) float32, or one vector (d,) to (m,)."""
        mapped: Vectors = np.matmul(vectors - self.mean, self.matrix)
        return _to_length_1(mapped) if self.normalised else mapped

    def write(self, path: Path) -> None:
        """Write `transform.npz`."""
        with full_disk_is_said(path.parent):
            np.savez(path, mean=self.mean, matrix=self.matrix, normalised=np.array(self.normalised))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read `transform.npz`. Raises BrokenIndex."""
        try:
            # Opened here: NumPy leaves a file that is no archive open.
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                transform = cls(arrays["mean"], arrays["matrix"], bool(arrays["normalised"]))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise BrokenIndex(f"{path} cannot be read as a vector transform ({error}). Build the index again.") from error
        if transform.mean.ndim != 1 or transform.matrix.shape[:-1] != transform.mean.shape:
            found = f"a mean of {transform.mean.shape} and a matrix of {transform.matrix.shape}"
            raise BrokenIndex(f"{path} holds {found}, which do not fit together. Build the index again.")
        return transform


def _centred(sample: Vectors, mean: npt.NDArray[np.float64]) -> Iterator[npt.NDArray[np.float64]]:
    """The sample without its mean in float64, a part at a time."""
    for start in range(0, len(sample), _CHUNK):
        yield sample[start : start + _CHUNK] - mean


def _to_length_1(vectors: Vectors) -> Vectors:
    """Vectors of length 1; one that equals the mean has no direction and gets the one that all axes share."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Vectors = np.where(norms > 0, vectors / np.where(norms > 0, norms, 1), vectors.shape[-1] ** -0.5)
    return unit.astype(np.float32, copy=False)

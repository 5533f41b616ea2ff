"""How a figure grows with the corpus: the law that fits the sizes measured so far, and what it says of all of PubMed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec
import numpy as np

from search.errors import SourceError
from search.storage import write_atomically

PUBMED = 40_000_000
_LEAST_GROWTH = 1e-12


class Form(StrEnum):
    """The forms that a law may have; N is the number of records."""

    LINEAR = "a + b*N"
    ROOT = "a + b*sqrt(N)"


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one corpus, by name; `source` says which index, encoder and machine they are of."""

    records: int
    source: str
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Law:
    """A figure as a function of the number of records; `error` is the largest deviation from a measured value, as a share.

    With two sizes both forms fit: the linear one is taken, which is the worse to expect. With one there is no law.
    """

    figure: str
    form: Form
    a: float
    b: float
    sizes: int
    error: float

    @property
    def formula(self) -> str:
        """The law with its numbers: ``12.5 + 3e-06*N``."""
        return f"{self.a:.4g} + {self.b:.3g}{self.form.value.removeprefix('a + b')}"

    def at(self, records: int) -> float:
        """The figure for a corpus of so many records."""
        return self.a + self.b * _grown(self.form, records)


@dataclass(frozen=True, slots=True)
class Target:
    """The most that figures whose names end in `ends` may be at `records`, and what would mend one that is more."""

    starts: str
    ends: str
    records: int
    most: float
    mend: str


@dataclass(frozen=True, slots=True)
class Miss:
    """A figure that is beyond its target at some size, measured or by its law."""

    figure: str
    records: int
    expected: float
    most: float
    mend: str


TARGETS = (
    Target(
        "dense, warm",
        "p99 ms",
        PUBMED,
        300.0,
        "Probe a smaller share of the lists, or code vectors in fewer bytes: search/candidates.py.",
    ),
    Target(
        "lexical, warm",
        "p99 ms",
        PUBMED,
        300.0,
        "Rank fewer words of a long question, and none that most records have: search/lexical.py.",
    ),
    Target(
        "hybrid, warm",
        "p99 ms",
        PUBMED,
        300.0,
        "See which of the two legs takes it: without feedback the dense leg is asked once, not twice.",
    ),
    Target(
        "hybrid, just opened",
        "p99 ms",
        PUBMED,
        300.0,
        "Read the vectors and the lexical index into the page cache beforehand, or lay them on a faster disk.",
    ),
    Target(
        "hybrid, 50 % kept, warm",
        "p99 ms",
        PUBMED,
        300.0,
        "Widen the probing less for a filter that keeps many: search/candidates.py.",
    ),
    Target(
        "hybrid, 0.5 % kept, warm",
        "p99 ms",
        PUBMED,
        300.0,
        "Compare more vectors one by one before going through the lists: search/candidates.py.",
    ),
    Target(
        "memory, answering",
        "anonymous MB",
        5_000_000,
        6_000.0,
        "Code vectors in fewer bytes, or hold fewer bitmaps of filters.",
    ),
)


def read_measured(path: Path) -> list[Measured]:
    """What earlier runs measured; nothing where the file is not there yet. Raises SourceError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Measured])
    except FileNotFoundError:
        return []
    except msgspec.MsgspecError as error:
        raise SourceError(f"{path} cannot be read as the figures of earlier runs ({error}). Name another --out.") from error


def write_measured(path: Path, measured: Sequence[Measured]) -> None:
    """Write the figures of all runs."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(measured), indent=1) + b"\n")


def with_new(earlier: Sequence[Measured], new: Measured) -> list[Measured]:
    """The runs in order of size; a new one takes the place of an earlier one of the same size and source."""
    others = [one for one in earlier if (one.records, one.source) != (new.records, new.source)]
    return sorted([*others, new], key=lambda one: one.records)


def laws(measured: Sequence[Measured], source: str) -> list[Law]:
    """The law of every figure that runs of one source have for two sizes or more, in the order of the newest run's figures."""
    runs = [one for one in measured if one.source == source]
    names = dict.fromkeys(name for run in runs for name in run.figures)
    found = []
    for name in names:
        points = {run.records: run.figures[name] for run in runs if name in run.figures}
        if len(points) > 1:
            found.append(_law(name, points))
    return found


def misses(run: Measured, found: Sequence[Law]) -> list[Miss]:
    """The figures of a run that are, or by their laws will be, beyond a target."""
    by_name = {law.figure: law for law in found}
    missed = []
    for name, value in run.figures.items():
        for target in TARGETS:
            if name.startswith(target.starts) and name.endswith(target.ends):
                records = max(run.records, target.records) if name in by_name else run.records
                expected = by_name[name].at(records) if records > run.records else value
                if records >= run.records and expected > target.most:
                    missed.append(Miss(name, records, expected, target.most, target.mend))
    return missed


def _law(figure: str, points: Mapping[int, float]) -> Law:
    forms = (Form.LINEAR,) if len(points) == 2 else tuple(Form)  # noqa: PLR2004  (through two points goes every form)
    return min((_fitted(figure, form, points) for form in forms), key=lambda law: law.error)


def _fitted(figure: str, form: Form, points: Mapping[int, float]) -> Law:
    """The least sum of squared relative deviations, so that small corpora count as much as large ones."""
    values = np.array(list(points.values()))
    weights = 1 / np.maximum(np.abs(values), 1e-9)
    columns = np.array([[1.0, _grown(form, records)] for records in points])
    (a, b), *_ = np.linalg.lstsq(columns * weights[:, None], values * weights, rcond=None)
    if b < _LEAST_GROWTH:  # what fell from one run to the next is noise, no law
        a, b = float(values.mean()), 0.0
    elif a < 0:  # nothing takes less than nothing, however few the records
        (b,), *_ = np.linalg.lstsq(columns[:, 1:] * weights[:, None], values * weights, rcond=None)
        a = 0.0
    deviations = np.abs(columns @ [a, b] - values) * weights
    return Law(figure, form, float(a), float(b), len(points), float(deviations.max()))


def _grown(form: Form, records: int) -> float:
    return float(records) if form is Form.LINEAR else math.sqrt(records)

"""Predicts what an index will take on this machine, for each encoder: disk, memory and hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from indexer.encode_bench import EncodeBench
from indexer.encoder_shape import PRESET_SHAPES, EncoderShape
from indexer.index_size import IndexSize
from indexer.kept_speeds import KeptSpeed, find_kept, keep, speeds_of
from indexer.machine import machine_name
from indexer.progress import Progress
from indexer.provenance import Provenance
from search.article import Article
from search.encoder import NumericPath
from search.encoder_files import EMBEDDED, PRESETS, content_hash, find_encoder
from search.errors import EncoderUnavailable
from search.projection import Projection
from search.transformer_encoder import fastest_numeric_path

# Tokens read of a title with abstract, the mean of 29,457, by the number that an encoder reads at most; counted with MiniLM's
# vocabulary, of which biomedical ones need fewer. A title alone has 23 (the mean of 5,000).
_READS = (0, 64, 128, 256, 384, 512)
_TOKENS_READ = (0.0, 64.0, 127.6, 247.6, 332.8, 367.7)
_TITLE_TOKENS = 23
# What a build takes beside embedding, on two cores: the law of README's "How it grows", 0.4 to 5 million records. Smaller ones
# have no such start: the 400,000 took 1 ms each.
_BUILD_START_S, _BUILD_RECORD_S, _SMALL_BUILD_RECORD_S = 119, 0.74e-3, 1e-3
# Own memory of a process that answers, the lists and the weights of the embedded encoder aside: 340 - 90 MB, by the same laws.
_ANSWERING_BYTES = 250e6
_WEIGHT_BYTES = 4  # of fp32, which is what is loaded whatever is computed with
# The cards' dense bf16 rate in FLOP a second by NVIDIA's data sheets (A100 80GB, H100 SXM), and the share that encoders reach.
GPU_RATES = {"A100": 312e12, "H100 SXM": 989e12}
GPU_SHARE = 0.4
_BRIEFLY = 64
_MB = 1 << 20  # as the system counts a process's memory


class Basis(StrEnum):
    """Where the hours come from."""

    MEASURED = "measured"
    ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True)
class Corpus:
    """How many articles, and which share of them has an abstract."""

    articles: int
    with_abstract: float

    def tokens(self, max_length: int) -> float:
        """The mean number of tokens that is read of an article."""
        of_abstract = float(np.interp(max_length, _READS, _TOKENS_READ))
        return self.with_abstract * of_abstract + (1 - self.with_abstract) * min(max_length, _TITLE_TOKENS)


@dataclass(frozen=True, slots=True)
class Planned:
    """An encoder to plan for, of one tower or two, whose vectors have `dimension` numbers.

    `kept` is None where it was not measured on this machine.
    """

    name: str
    shape: EncoderShape
    dimension: int
    max_length: int
    towers: int = 1
    kept: KeptSpeed | None = None


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """What an index with one encoder takes; `tokens` and `flop` are the mean of an article.

    `building_mb` and `answering_mb` are a process's own memory, mapped files aside. `embedding_hours` are this machine's;
    `gpu_hours` those of a graphics card, by name.
    """

    encoder: str
    basis: Basis
    dimension: int
    max_length: int
    tokens: float
    flop: float
    candidates: str
    lists: int
    disk_mb: dict[str, float]
    building_mb: float
    answering_mb: float
    embedding_hours: float
    gpu_hours: dict[str, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned, on which machine; estimates go by `reference`, and `other_hours` are a build's beside embedding."""

    corpus: Corpus
    machine: str
    numeric_path: NumericPath
    other_hours: float
    reference: KeptSpeed
    encoders: tuple[EncoderPlan, ...]


def make_plan(corpus: Corpus, names: Sequence[str], reference: KeptSpeed) -> Plan:
    """Plan an index for each encoder. Nothing is loaded or downloaded.

    Raises EncoderUnavailable for an encoder of which nothing is known here.
    """
    path, machine = NumericPath(reference.speed.name), reference.speed.machine
    encoders = tuple(_encoder_plan(corpus, _planned(name, path, machine), reference) for name in names)
    return Plan(corpus, machine, path, _other_hours(corpus.articles), reference, encoders)


def reference_speed(articles: Sequence[Article], progress: Progress, command: str) -> KeptSpeed:
    """How fast the embedded encoder is on the numeric path that a build takes: what is kept, or else measured briefly."""
    path = fastest_numeric_path()
    kept = find_kept(EMBEDDED, path, machine_name(path))
    if kept is not None:
        return kept
    progress.say(
        "Nothing was measured here yet: the embedded encoder is timed on a few texts (`bench --encode` does it better)."
    )
    encoding = EncodeBench(EMBEDDED, [path], rounds=1, with_reference=False).run(articles[:_BRIEFLY], progress)
    (measured,) = speeds_of(encoding, Provenance.of(command))
    keep([measured])
    return measured


def _planned(name: str, path: NumericPath, machine: str) -> Planned:
    """What is known of an encoder here, the hub unasked."""
    if Path(name).expanduser().is_dir():
        return _planned_folder(name, path, machine)
    towers = len(PRESETS[name].hub_names) if name in PRESETS else 1
    kept = find_kept(name, path, machine)
    if kept is not None:
        return Planned(name, kept.shape, kept.dimension, kept.max_length, towers, kept)
    if name not in PRESET_SHAPES:
        raise EncoderUnavailable(
            f"Nothing is known of the encoder {name!r} here. Give a folder or a preset ({', '.join([EMBEDDED, *PRESETS])}), or "
            f"measure it first: `pubmed-index bench --encode --encoder {name}`."
        )
    shape = PRESET_SHAPES[name]
    return Planned(name, shape, shape.hidden, PRESETS[name].document_max_length or shape.positions, towers)


def _planned_folder(name: str, path: NumericPath, machine: str) -> Planned:
    """An encoder in a folder, which is known by its content: a name may stand for another one today."""
    spec = find_encoder(name)
    shape, towers = EncoderShape.read(spec.document_folder), len({spec.document_folder, spec.query_folder})
    length = min(spec.document_max_length or shape.positions, shape.positions)
    dimension = Projection.load(spec.projection, "cpu").dimension if spec.projection else shape.hidden
    return Planned(name, shape, dimension, length, towers, find_kept(content_hash(spec), path, machine))


def _encoder_plan(corpus: Corpus, planned: Planned, reference: KeptSpeed) -> EncoderPlan:
    size = IndexSize(corpus.articles, planned.dimension, corpus.with_abstract)
    tokens = corpus.tokens(planned.max_length)
    flop = planned.shape.flop(tokens)
    total, rate = corpus.articles * flop, (planned.kept or reference).speed.flop_per_second
    weights = _WEIGHT_BYTES * planned.towers * planned.shape.parameters
    return EncoderPlan(
        encoder=planned.name,
        basis=Basis.MEASURED if planned.kept else Basis.ESTIMATED,
        dimension=size.dimension,
        max_length=planned.max_length,
        tokens=tokens,
        flop=flop,
        candidates=size.candidates,
        lists=size.lists,
        disk_mb={part: count / 1e6 for part, count in size.disk.items()},
        building_mb=(_peak(planned, reference) + size.building) / 1e6,
        answering_mb=(_ANSWERING_BYTES + weights + size.answering) / 1e6,
        embedding_hours=total / rate / 3600,
        gpu_hours={card: total / (GPU_SHARE * of_card) / 3600 for card, of_card in GPU_RATES.items()},
    )


def _peak(planned: Planned, reference: KeptSpeed) -> float:
    """The bytes of memory of a process that embeds: measured, or the reference's with other weights."""
    if planned.kept:
        return planned.kept.speed.peak_memory_mb * _MB
    more = planned.towers * planned.shape.parameters - reference.shape.parameters
    return reference.speed.peak_memory_mb * _MB + _WEIGHT_BYTES * more


def _other_hours(articles: int) -> float:
    return min(_BUILD_START_S + _BUILD_RECORD_S * articles, _SMALL_BUILD_RECORD_S * articles) / 3600

"""The pairs of a training run on disk: collected by kind, filtered, split, and drawn in the proportions that are wanted."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Self

import msgspec
import numpy as np

from indexer.leak_filter import LeakFilter
from indexer.training_pair import PairKind, TrainingPair
from search.storage import sync_file, write_atomically

# Not measured yet: citing sentences are put most like questions. What a corpus lacks is made up for by the others.
DEFAULT_MIX: Mapping[PairKind, float] = {
    PairKind.TITLE: 1.0,
    PairKind.SENTENCE: 0.5,
    PairKind.CONCLUSION: 1.0,
    PairKind.CITATION: 2.0,
    PairKind.LINK: 0.5,
    PairKind.MESH: 0.5,
}
_LEAKING, _DROPPED = "leaking", "dropped"
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(TrainingPair)


class Side(StrEnum):
    """What a pair is for: training, choosing among checkpoints, or the gate that the chosen one must pass."""

    TRAIN = "train"
    CHOOSE = "choose"
    GATE = "gate"


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Of one kind: pairs to train with, and held-out ones.

    `leaking` ones hold a part of a protected text; `dropped` ones would show a held-out article to the training.
    """

    kind: PairKind
    train: int
    held_out: int
    leaking: int
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """The folder of a run's pairs. What asks, an article or a citing sentence, is on one side only, with all its pairs."""

    folder: Path
    held_out_share: float = 0.1
    seed: int = 0

    def pairs(self, side: Side, kind: PairKind) -> Path:
        """The pairs of one kind and one side, one JSON object a line."""
        return self.folder / f"{side}-{kind}.jsonl"

    def collect(
        self, source: str, pairs: Iterable[TrainingPair], leaks: LeakFilter, advance: Callable[[int], None]
    ) -> list[PairCounts]:
        """Write the pairs of one source to their kinds and sides, those left out that hold a part of a protected text.

        No two sources give pairs of the same kind. What was collected before is not collected again.
        """
        done = self.folder / f"{source}.json"
        if done.exists():
            return msgspec.json.decode(done.read_bytes(), type=list[PairCounts])
        self.folder.mkdir(parents=True, exist_ok=True)
        counted = {kind: Counter[str]() for kind in PairKind}
        with _Files(self) as files:
            for pair in pairs:
                advance(1)
                side = self.side_of(pair)
                if leaks.leaks(pair.query, pair.document):
                    counted[pair.kind][_LEAKING] += 1
                    continue
                counted[pair.kind][side or _DROPPED] += 1
                if side is not None:
                    files.write(side, pair)
        counts = [
            PairCounts(kind, of[Side.TRAIN], of[Side.CHOOSE] + of[Side.GATE], of[_LEAKING], of[_DROPPED])
            for kind, of in counted.items()
            if of
        ]
        write_atomically(done, msgspec.json.encode(counts))
        return counts

    def side_of(self, pair: TrainingPair) -> Side | None:
        """The side of what asks; None where that is for training, and what is asked is held out."""
        side = self._side(pair.asked_by)
        if side is Side.TRAIN and self._side(str(pair.pmid or pair.document)) is not side:
            return None
        return side

    def is_for_training(self, pmid: int) -> bool:
        """Whether an article may be seen in training, as an answer or as none."""
        return self._side(str(pmid)) is Side.TRAIN

    def _side(self, key: str) -> Side:
        place = _share(f"{self.seed} {key}")
        if place >= self.held_out_share:
            return Side.TRAIN
        return Side.CHOOSE if place < self.held_out_share / 2 else Side.GATE

    def draw(self, side: Side, kind: PairKind, wanted: int) -> Iterator[TrainingPair]:
        """Draw pairs without repetition, the same ones every time, in the order of the file.

        What asks decides what is drawn: of two kinds, the same articles' pairs.
        """
        path = self.pairs(side, kind)
        with path.open("rb") as stream:
            places = np.fromiter((_place(self.seed, _decoder.decode(line)) for line in stream), np.float64)
        chosen = np.zeros(len(places), np.bool_)
        chosen[np.argsort(places, kind="stable")[:wanted]] = True
        with path.open("rb") as stream:
            yield from (_decoder.decode(line) for line, taken in zip(stream, chosen.tolist(), strict=True) if taken)


def quotas(counts: Iterable[PairCounts], mix: Mapping[PairKind, float], total: int) -> dict[PairKind, int]:
    """How many pairs of each kind make `total` in the proportions of `mix`; a kind that has fewer gives what it has."""
    left = {one.kind: one.train for one in counts if one.train and mix.get(one.kind, 0) > 0}
    given: dict[PairKind, int] = {}
    while left:
        weight = sum(mix[kind] for kind in left)
        room = total - sum(given.values())
        scarce = {kind: count for kind, count in left.items() if count <= room * mix[kind] / weight}
        given.update(scarce or {kind: round(room * mix[kind] / weight) for kind in left})
        left = {kind: count for kind, count in left.items() if kind not in given}
    return given


def _place(seed: int, pair: TrainingPair) -> float:
    return _share(f"{seed} drawn {pair.asked_by} {pair.document}")


def _share(key: str) -> float:
    """A number from 0 to 1 that a text decides, and nothing foretells."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") / 2**64


class _Files:
    """The files of kinds and sides, opened as the first pair comes."""

    def __init__(self, pairs: TrainingSet) -> None:
        self._pairs = pairs
        self._opened: dict[Path, IO[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_how: object) -> None:
        for stream in self._opened.values():
            stream.close()
        for path in self._opened:
            sync_file(path)

    def write(self, side: Side, pair: TrainingPair) -> None:
        """Add a pair."""
        path = self._pairs.pairs(side, pair.kind)
        if path not in self._opened:
            self._opened[path] = path.open("wb")
        self._opened[path].write(_encoder.encode(pair) + b"\n")

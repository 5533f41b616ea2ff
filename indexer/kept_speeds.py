"""How fast encoders were on this machine when they were measured last, kept where `plan` finds it."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from indexer.encode_bench import Encoding, Speed
from indexer.encoder_shape import EncoderShape
from indexer.provenance import Provenance
from search.cache_folder import cache_folder
from search.encoder import NumericPath
from search.storage import write_atomically


@dataclass(frozen=True, slots=True)
class KeptSpeed:
    """How fast an encoder was in one way, over how many texts, and what measured it."""

    encoder: str
    content_hash: str
    dimension: int
    max_length: int
    shape: EncoderShape
    texts: int
    speed: Speed
    produced_by: Provenance

    @property
    def key(self) -> tuple[str, str, str]:
        """What a newer measurement has in common with the one that it replaces."""
        return self.content_hash, self.speed.name, self.speed.machine


def speeds_of(encoding: Encoding, produced_by: Provenance) -> Iterator[KeptSpeed]:
    """What is kept of a measurement: the numeric paths, one by one; not what they were compared to."""
    encoder = encoding.encoder
    for speed in encoding.speeds:
        if speed.numeric_path is not None:
            yield KeptSpeed(
                encoder.name,
                encoder.content_hash,
                encoder.dimension,
                encoder.max_length,
                encoding.shape,
                encoding.texts,
                speed,
                produced_by,
            )


def keep(new: Sequence[KeptSpeed]) -> None:
    """Keep speeds; each takes the place of an earlier one of the same encoder, path and machine."""
    replaced = {one.key for one in new}
    kept = [*(one for one in read_kept() if one.key not in replaced), *new]
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a second measurement, no more
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_file(), msgspec.json.format(msgspec.json.encode(kept), indent=1))


def read_kept() -> list[KeptSpeed]:
    """What is kept; nothing where nothing was measured yet, or by a version that wrote it otherwise."""
    try:
        return msgspec.json.decode(_file().read_bytes(), type=list[KeptSpeed])
    except (OSError, msgspec.MsgspecError):
        return []


def find_kept(encoder: str, path: NumericPath, machine: str) -> KeptSpeed | None:
    """The latest speed of an encoder, named as when it was measured or by its content hash, on a numeric path of a machine.

    Under one name there may be several: what ships changes, and so does what a folder holds.
    """
    fitting = (one for one in reversed(read_kept()) if (one.speed.numeric_path, one.speed.machine) == (path, machine))
    return next((one for one in fitting if encoder in {one.encoder, one.content_hash}), None)


def _file() -> Path:
    return cache_folder("bench") / "encoding.json"

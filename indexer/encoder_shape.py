"""The shape of an encoder: what decides how many operations a text takes, and how large its vectors and weights are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from search.errors import EncoderError

_NAMES = {
    "layers": ("num_hidden_layers", "n_layers", "num_layers"),
    "hidden": ("hidden_size", "dim", "d_model"),
    "vocabulary": ("vocab_size",),
    "positions": ("max_position_embeddings", "n_positions"),
}


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """One tower: `layers` of vectors of `hidden` numbers, over a `vocabulary` of tokens and so many `positions`."""

    layers: int
    hidden: int
    vocabulary: int
    positions: int = 512

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the shape from an encoder's `config.json`. Raises EncoderError where it is not said there."""
        path = folder / "config.json"
        try:
            said = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
            return cls(**{name: _first(said, spellings) for name, spellings in _NAMES.items()})
        except (OSError, msgspec.MsgspecError, KeyError) as error:
            raise EncoderError(
                f"{path} does not say how many layers the encoder has and how large they are ({error}), so what it computes "
                "for a text is not known."
            ) from error

    def flop(self, tokens: float) -> float:
        """The operations of a text of S tokens: L(24 S H^2 + 4 S^2 H), a multiplication and an addition counted as two.

        A layer has four products of (S, H) by (H, H), two by (H, 4H) and (4H, H), and two with the S x S attention.
        """
        return self.layers * (24 * tokens * self.hidden**2 + 4 * tokens**2 * self.hidden)

    @property
    def parameters(self) -> int:
        """The weights: 12 H^2 a layer, and a vector for each token and position."""
        return 12 * self.layers * self.hidden**2 + (self.vocabulary + self.positions) * self.hidden


_BASE = EncoderShape(layers=12, hidden=768, vocabulary=28_895)
_LARGE = EncoderShape(layers=24, hidden=1024, vocabulary=28_895)
# BERT's two sizes, so that a plan needs no files of theirs; the vocabularies matter for the size of the weights alone.
PRESET_SHAPES = {
    "biolinkbert-base": _BASE,
    "biolinkbert-large": _LARGE,
    "biolinkbert-large-feat": _LARGE,
    "medcpt": EncoderShape(layers=12, hidden=768, vocabulary=30_522),
}


def _first(said: dict[str, Any], spellings: Sequence[str]) -> int:
    found = [said[name] for name in spellings if isinstance(said.get(name), int)]
    if not found:
        raise KeyError(spellings[0])
    return int(found[0])

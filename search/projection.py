"""The linear layer that some encoders put behind their pooling (`Dense` of sentence-transformers)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from search.errors import EncoderError

WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Projection:
    """Maps pooled vectors (n, d) to (n, m): `weight` (m, d), `bias` (m,) or None."""

    weight: torch.Tensor
    bias: torch.Tensor | None

    @classmethod
    def load(cls, folder: Path, device: torch.device | str) -> Self:
        """Read the layer of a folder. Raises EncoderError."""
        try:
            tensors = load_file(folder / WEIGHTS, device=str(device))
            bias = tensors.get("linear.bias")
            return cls(tensors["linear.weight"].float(), None if bias is None else bias.float())
        except (OSError, SafetensorError, KeyError) as error:
            raise EncoderError(
                f"{folder} holds no linear layer that can be read ({error}). Copy the encoder's folder again."
            ) from error

    @property
    def dimension(self) -> int:
        """How many numbers come out."""
        return int(self.weight.shape[0])

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """The mapped vectors: (n, m)."""
        return torch.nn.functional.linear(vectors, self.weight, self.bias)

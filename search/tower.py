"""One tower of an encoder: a tokenizer, and a model that turns tokens into vectors."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import torch
from transformers import AutoModel

from search.checkpoint import CORES, Checkpoint, best_device, load_checkpoint, load_tokenizer
from search.encoder import NumericPath
from search.errors import EncoderError
from search.int8_model import Facts, Int8Model, quantise, quantised_by

_TEXTS_AT_ONCE = 128
_CPU = torch.device("cpu")
# OpenVINO makes and keeps code for every shape that it meets. With 200 small batches of any length a process grew by 880 MB
# and took 103 ms for the slowest twentieth; padded to multiples of 16 by 50 MB and 36 ms.
_INT8_MULTIPLE = 16

Inputs = Mapping[str, torch.Tensor]
# Texts, and their partners where the tokenizer is given pairs.
Texts = tuple[Sequence[str], Sequence[str] | None]


class TokenModel(Protocol):
    """Runs a transformer."""

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """Token vectors (n, length, d) of `input_ids`, `attention_mask` and perhaps `token_type_ids`, (n, length) each."""
        ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text's tokens: `ids` and `types` (n,) int64; `truncated` where the text had more."""

    ids: torch.Tensor
    types: torch.Tensor
    truncated: bool


class Tokenizer:
    """A tokenizer of transformers that reads at most `max_length` tokens of a text. Safe to share between threads."""

    def __init__(self, tokenizer: Any, max_length: int, device: torch.device) -> None:  # noqa: ANN401
        self.max_length = max_length
        self._tokenizer = tokenizer
        self._device = device
        # Fast tokenizers keep truncation as state and fail with "Already borrowed" when two threads set it.
        self._tokenizing = threading.Lock()

    def tokenize(self, first: Sequence[str], second: Sequence[str] | None) -> list[Tokens]:
        """Tokenize texts, or pairs of texts.

        A few at a time: a tokenizer's own record of a text, with its offsets and what was cut off, takes 50 times the tokens.
        """
        tokens: list[Tokens] = []
        for start in range(0, len(first), _TEXTS_AT_ONCE):
            texts, partners = list(first[start : start + _TEXTS_AT_ONCE]), None
            if second is not None:
                partners = list(second[start : start + _TEXTS_AT_ONCE])
            with self._tokenizing:
                batch = self._tokenizer(texts, partners, truncation=True, max_length=self.max_length)
            tokens += [
                Tokens(torch.tensor(one.ids), torch.tensor(one.type_ids), bool(one.overflowing)) for one in batch.encodings
            ]
        return tokens

    def padded(self, texts: Sequence[Tokens], length: int) -> dict[str, torch.Tensor]:
        """What the model takes of some texts: (n, length) each, padded on the right."""
        shape = (len(texts), length)
        ids = torch.full(shape, self._tokenizer.pad_token_id, dtype=torch.long)
        types, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
        for row, text in enumerate(texts):
            ids[row, : len(text.ids)] = text.ids
            types[row, : len(text.ids)] = text.types
            mask[row, : len(text.ids)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        return {name: tensor.to(self._device) for name, tensor in inputs.items() if name in self._tokenizer.model_input_names}


@dataclass(frozen=True, slots=True)
class Tower:
    """One tokenizer and one model, whose vectors have `dimension` numbers; `quantised_by` says what made it into bytes.

    Texts are padded to a multiple of so many tokens.
    """

    tokenizer: Tokenizer
    model: TokenModel
    dimension: int
    quantised_by: str = ""
    multiple: int = 1

    @classmethod
    def load(cls, folder: Path, max_length: int | None, numeric_path: NumericPath) -> Self:
        """Load a tower that torch runs. Raises EncoderError."""
        device = best_device()
        checkpoint = load_transformer(folder, numeric_path, device)
        tokenizer = Tokenizer(checkpoint.tokenizer, _shorter(max_length, checkpoint.positions()), device)
        return cls(tokenizer, _TorchModel(checkpoint.model), checkpoint.dimension)

    @classmethod
    def load_int8(cls, folder: Path, max_length: int | None, fingerprint: str, examples: Texts) -> Self:
        """Load a tower in bytes from the cache; only where that lacks it, its weights are read and quantised.

        `fingerprint` tells its weights from all others; `examples` are texts such as it is to read. Raises EncoderError.
        """
        first, second = examples
        made_by = quantised_by([*first, *(second or ())])

        def make(into: Path) -> None:
            checkpoint = load_transformer(folder, NumericPath.FP32, _CPU)
            facts = Facts(checkpoint.dimension, checkpoint.positions())
            reader = Tokenizer(checkpoint.tokenizer, _shorter(max_length, facts.positions), _CPU)
            inputs = [reader.padded([one], len(one.ids)) for one in reader.tokenize(first, second)]
            quantise(checkpoint.model, inputs, facts, into)

        model = Int8Model.of(f"{fingerprint} {max_length} {made_by}", make, CORES)
        tokenizer = _fast(load_tokenizer(folder, "encoder"), folder)
        length = _shorter(max_length, model.facts.positions)
        return cls(Tokenizer(tokenizer, length, _CPU), model, model.facts.dimension, made_by, _INT8_MULTIPLE)

    @property
    def max_length(self) -> int:
        """How many tokens of a text are read."""
        return self.tokenizer.max_length

    def padded_length(self, longest: int) -> int:
        """How many tokens all texts of a batch have with their padding, the longest of them so many without."""
        return max(longest, min(self.max_length, -(-longest // self.multiple) * self.multiple))

    def tokenize(self, first: Sequence[str], second: Sequence[str] | None) -> list[Tokens]:
        """Tokenize texts, or pairs of texts."""
        return self.tokenizer.tokenize(first, second)

    def run(self, texts: Sequence[Tokens]) -> tuple[torch.Tensor, torch.Tensor]:
        """Run the model: token vectors (n, length, d) and mask (n, length)."""
        inputs = self.tokenizer.padded(texts, self.padded_length(max(len(text.ids) for text in texts)))
        with torch.inference_mode():
            return self.model(inputs), inputs["attention_mask"]


class _TorchModel:
    """Runs a model of transformers."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        self._model = model

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """Token vectors (n, length, d)."""
        vectors: torch.Tensor = self._model(**inputs).last_hidden_state
        return vectors


def load_transformer(folder: Path, numeric_path: NumericPath, device: torch.device | None = None) -> Checkpoint:
    """Load tokenizer and model; every weight but the unused pooler's must be there. Raises EncoderError."""
    checkpoint = load_checkpoint(folder, AutoModel, "encoder", numeric_path, device)
    if missing := [name for name in checkpoint.missing if "pooler" not in name]:
        raise EncoderError(f"The weights in {folder} lack {len(missing)} tensors of the model, {missing[0]} among them.")
    _fast(checkpoint.tokenizer, folder)
    return checkpoint


def _fast(tokenizer: Any, folder: Path) -> Any:  # noqa: ANN401
    if not tokenizer.is_fast:
        raise EncoderError(f"{folder} has no fast tokenizer (tokenizer.json), which truncation counts need.")
    return tokenizer


def _shorter(max_length: int | None, positions: int) -> int:
    return min(max_length or positions, positions)

"""One tower of an encoder: a tokenizer, and a model that turns tokens into vectors."""

import functools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import AutoModel

from search.checkpoint import CORES, Checkpoint, best_device, load_checkpoint
from search.encoder import NumericPath
from search.errors import EncoderError
from search.shipped import sample_texts

_TEXTS_AT_ONCE = 128
_ARTICLES_PER_EXAMPLE = 2

Inputs = Mapping[str, torch.Tensor]


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


class Tower:
    """One tokenizer and one model."""

    def __init__(self, folder: Path, max_length: int | None, numeric_path: NumericPath, fingerprint: str) -> None:
        """Load a tower; `fingerprint` tells its weights from all others."""
        is_int8 = numeric_path is NumericPath.INT8
        self._device = torch.device("cpu") if is_int8 else best_device()
        checkpoint = load_transformer(folder, NumericPath.FP32 if is_int8 else numeric_path, self._device)
        self._tokenizer = checkpoint.tokenizer
        self.dimension = int(checkpoint.model.config.hidden_size)
        positions = checkpoint.positions()
        self.max_length = min(max_length or positions, positions)
        # Fast tokenizers keep truncation as state and fail with "Already borrowed" when two threads set it.
        self._tokenizing = threading.Lock()
        self._model = self._quantised(checkpoint, fingerprint) if is_int8 else _TorchModel(checkpoint.model)

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

    def run(self, texts: Sequence[Tokens]) -> tuple[torch.Tensor, torch.Tensor]:
        """Run the model: token vectors (n, length, d) and mask (n, length)."""
        inputs = self._padded(texts)
        with torch.inference_mode():
            return self._model(inputs), inputs["attention_mask"]

    def _padded(self, texts: Sequence[Tokens]) -> dict[str, torch.Tensor]:
        """What the model takes of some texts: (n, length) each, padded on the right."""
        shape = (len(texts), max(len(text.ids) for text in texts))
        ids = torch.full(shape, self._tokenizer.pad_token_id, dtype=torch.long)
        types, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
        for row, text in enumerate(texts):
            ids[row, : len(text.ids)] = text.ids
            types[row, : len(text.ids)] = text.types
            mask[row, : len(text.ids)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        return {name: tensor.to(self._device) for name, tensor in inputs.items() if name in self._tokenizer.model_input_names}

    def _quantised(self, checkpoint: Checkpoint, fingerprint: str) -> TokenModel:
        from search.int8_model import Int8Model, quantise, quantised_by

        def make(folder: Path) -> None:
            quantise(checkpoint.model, [self._padded([one]) for one in self.tokenize(int8_examples(), None)], folder)

        return Int8Model.of(fingerprint, quantised_by(int8_examples()), make, CORES)


class _TorchModel:
    """Runs a model of transformers."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        self._model = model

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """Token vectors (n, length, d)."""
        vectors: torch.Tensor = self._model(**inputs).last_hidden_state
        return vectors


@functools.cache
def int8_examples() -> tuple[str, ...]:
    """What activations are measured on: the sample's articles, some in a row, so that they are as long as abstracts are."""
    texts = sample_texts()
    starts = range(0, len(texts), _ARTICLES_PER_EXAMPLE)
    return tuple(" ".join(texts[start : start + _ARTICLES_PER_EXAMPLE]) for start in starts)


def load_transformer(folder: Path, numeric_path: NumericPath, device: torch.device | None = None) -> Checkpoint:
    """Load tokenizer and model; every weight but the unused pooler's must be there. Raises EncoderError."""
    checkpoint = load_checkpoint(folder, AutoModel, "encoder", numeric_path, device)
    if missing := [name for name in checkpoint.missing if "pooler" not in name]:
        raise EncoderError(f"The weights in {folder} lack {len(missing)} tensors of the model, {missing[0]} among them.")
    if not checkpoint.tokenizer.is_fast:
        raise EncoderError(f"{folder} has no fast tokenizer (tokenizer.json), which truncation counts need.")
    return checkpoint

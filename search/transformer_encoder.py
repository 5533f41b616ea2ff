"""The encoder that runs: torch and transformers over the files that `encoder_files` found."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel

from search.article import Article
from search.batching import CPU_TOKENS, GPU_TOKENS, batches_by_tokens
from search.checkpoint import CORES, Checkpoint, best_device, load_checkpoint, workers
from search.encoder import EmbeddedBatch, EncoderIdentity, Metric, NumericPath, Vectors, embedded_text, in_order
from search.encoder_files import EncoderSpec, content_hash, find_encoder
from search.errors import EncoderError
from search.memory import trim_memory
from search.pooling import pool

_TEXTS_AT_ONCE = 128


def load_encoder(name: str, numeric_path: NumericPath | None = None) -> "TransformerEncoder":
    """Load the encoder that `--encoder` names, on the GPU where there is one.

    `numeric_path` None takes bf16 where the processor computes it natively, fp32 elsewhere. Raises EncoderError.
    """
    return TransformerEncoder(find_encoder(name), numeric_path or native_numeric_path())


def native_numeric_path() -> NumericPath:
    """bf16 where it is native: emulated on a CPU it is a hundred times slower than fp32."""
    device = best_device()
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        native = device.type == "cpu" and bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return NumericPath.BF16 if native else NumericPath.FP32


class TransformerEncoder:
    """An `Encoder` over a transformer with one or two towers. Safe to share between threads."""

    def __init__(self, spec: EncoderSpec, numeric_path: NumericPath) -> None:
        self._spec = spec
        self._device = best_device()
        self._workers = workers(self._device)
        self._documents = _Tower(spec.document_folder, spec.document_max_length, numeric_path)
        same = spec.query_folder == spec.document_folder and spec.query_max_length == spec.document_max_length
        self._queries = self._documents if same else _Tower(spec.query_folder, spec.query_max_length, numeric_path)
        self._identity = EncoderIdentity(
            name=spec.name,
            content_hash=content_hash(spec),
            dimension=self._documents.dimension,
            pooling=spec.pooling,
            metric=spec.metric,
            max_length=self._documents.max_length,
            numeric_path=numeric_path,
            revision=spec.revision,
            query_prompt=spec.query_prompt,
            document_prompt=spec.document_prompt,
        )

    @property
    def identity(self) -> EncoderIdentity:
        """What decides this encoder's vectors."""
        return self._identity

    def embed(self, articles: Sequence[Article]) -> Iterator[EmbeddedBatch]:
        """Embed documents in batches of like length; what runs over the maximal length is cut and marked."""
        tokens = self._documents.tokenize(*self._document_texts(articles))
        pmids = np.array([article.pmid for article in articles], dtype=np.int64)
        lengths = [len(one.ids) for one in tokens]
        budget = min(CPU_TOKENS, sum(lengths) // CORES + 1) if self._device.type == "cpu" else GPU_TOKENS
        batches = batches_by_tokens(lengths, budget)
        running = [self._workers.submit(self._vectors, self._documents, [tokens[row] for row in batch]) for batch in batches]
        try:
            for batch, vectors in zip(batches, running, strict=True):
                truncated = np.array([tokens[row].truncated for row in batch], dtype=np.bool_)
                yield EmbeddedBatch(pmids[batch], vectors.result(), truncated)
        finally:
            for vectors in running:
                vectors.cancel()
            trim_memory()

    def encode_documents(self, articles: Sequence[Article]) -> Vectors:
        """The (n, d) float32 vectors of documents, in their order."""
        return in_order(articles, self.embed(articles), self._identity.dimension)

    def encode_query(self, text: str) -> Vectors:
        """The (d,) float32 vector of a question."""
        tokens = self._queries.tokenize([self._cased(self._spec.query_prompt + text)], None)
        vector: Vectors = self._workers.submit(self._vectors, self._queries, tokens).result()[0]
        return vector

    def _document_texts(self, articles: Sequence[Article]) -> tuple[list[str], list[str] | None]:
        """The first and second texts that the tokenizer is given; the second only for pair input."""
        pairs = [embedded_text(article) for article in articles]
        if self._spec.pair_input:
            return [self._cased(title) for title, _ in pairs], [self._cased(abstract) for _, abstract in pairs]
        prompt = self._spec.document_prompt
        return [self._cased(prompt + " ".join(part for part in pair if part)) for pair in pairs], None

    def _cased(self, text: str) -> str:
        """The text in the case that the model was trained on, its prompt included."""
        return text.lower() if self._spec.lower_case else text

    def _vectors(self, tower: "_Tower", texts: Sequence["_Tokens"]) -> Vectors:
        vectors = pool(*tower.run(texts), self._spec.pooling)
        if self._spec.metric is Metric.COSINE:
            vectors = torch.nn.functional.normalize(vectors, dim=1)
        array: Vectors = vectors.cpu().numpy()
        return array


@dataclass(frozen=True, slots=True)
class _Tokens:
    """A text's tokens: `ids` and `types` (n,) int64; `truncated` where the text had more."""

    ids: torch.Tensor
    types: torch.Tensor
    truncated: bool


class _Tower:
    """One tokenizer and one model."""

    def __init__(self, folder: Path, max_length: int | None, numeric_path: NumericPath) -> None:
        checkpoint = _load(folder, numeric_path)
        self._device = best_device()
        self._tokenizer, self._model = checkpoint.tokenizer, checkpoint.model
        self.dimension = int(self._model.config.hidden_size)
        positions = checkpoint.positions()
        self.max_length = min(max_length or positions, positions)
        # Fast tokenizers keep truncation as state and fail with "Already borrowed" when two threads set it.
        self._tokenizing = threading.Lock()

    def tokenize(self, first: Sequence[str], second: Sequence[str] | None) -> list[_Tokens]:
        """Tokenize texts, or pairs of texts.

        A few at a time: a tokenizer's own record of a text, with its offsets and what was cut off, takes 50 times the tokens.
        """
        tokens: list[_Tokens] = []
        for start in range(0, len(first), _TEXTS_AT_ONCE):
            texts, partners = list(first[start : start + _TEXTS_AT_ONCE]), None
            if second is not None:
                partners = list(second[start : start + _TEXTS_AT_ONCE])
            with self._tokenizing:
                batch = self._tokenizer(texts, partners, truncation=True, max_length=self.max_length)
            tokens += [
                _Tokens(torch.tensor(one.ids), torch.tensor(one.type_ids), bool(one.overflowing)) for one in batch.encodings
            ]
        return tokens

    def run(self, texts: Sequence[_Tokens]) -> tuple[torch.Tensor, torch.Tensor]:
        """Run the model: token vectors (n, length, d) and mask (n, length), padded on the right."""
        shape = (len(texts), max(len(text.ids) for text in texts))
        ids = torch.full(shape, self._tokenizer.pad_token_id, dtype=torch.long)
        types, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
        for row, text in enumerate(texts):
            ids[row, : len(text.ids)] = text.ids
            types[row, : len(text.ids)] = text.types
            mask[row, : len(text.ids)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        accepted = {
            name: tensor.to(self._device) for name, tensor in inputs.items() if name in self._tokenizer.model_input_names
        }
        with torch.inference_mode():
            return self._model(**accepted).last_hidden_state, accepted["attention_mask"]


def _load(folder: Path, numeric_path: NumericPath) -> Checkpoint:
    """Load tokenizer and model; every weight but the unused pooler's must be there."""
    checkpoint = load_checkpoint(folder, AutoModel, "encoder", numeric_path)
    if missing := [name for name in checkpoint.missing if "pooler" not in name]:
        raise EncoderError(f"The weights in {folder} lack {len(missing)} tensors of the model, {missing[0]} among them.")
    if not checkpoint.tokenizer.is_fast:
        raise EncoderError(f"{folder} has no fast tokenizer (tokenizer.json), which truncation counts need.")
    return checkpoint

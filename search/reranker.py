"""Re-ranking: a model that reads question and article together orders the first hits anew.

It sees what two separate vectors cannot, and costs an encoding of every article for every question.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForSequenceClassification, BatchEncoding

from search.article import Article
from search.batching import CPU_TOKENS, GPU_TOKENS, batches_by_tokens
from search.checkpoint import Checkpoint, best_device, load_checkpoint, workers
from search.encoder import NumericPath, embedded_text
from search.encoder_files import find_encoder
from search.errors import EncoderError, EncoderUnavailable
from search.memory import trim_memory
from search.transformer_encoder import native_numeric_path

# Length and form of the input as its model card gives them: https://huggingface.co/ncbi/MedCPT-Cross-Encoder
PRESETS = {"medcpt": "ncbi/MedCPT-Cross-Encoder"}
_MAX_LENGTH = 512
# One output is a score; two are those of "does not answer" and "answers".
_MOST_LABELS = 2

Scores = npt.NDArray[np.float32]


class CrossEncoder(Protocol):
    """Judges how well articles answer a question."""

    @property
    def depth(self) -> int:
        """How many of the first hits it is given; the others keep their places behind these."""
        ...

    def scores(self, query: str, articles: Sequence[Article]) -> Scores:
        """The score of every article, (n,) float32; higher is better, and only the order means something."""
        ...


class Reranker:
    """A `CrossEncoder` over a transformer that classifies pairs of texts. Safe to share between threads."""

    # Fixed, so that the ten best of a thousand are the ten best of ten. A BERT-base on two cores encodes 2 abstracts a second
    # in fp32 and 6 in bf16: more than 50 would take longer than people wait.
    depth: ClassVar[int] = 50

    def __init__(self, name: str, checkpoint: Checkpoint) -> None:
        self.name = name
        self._model, self._tokenizer = checkpoint.model, checkpoint.tokenizer
        self._max_length = min(_MAX_LENGTH, checkpoint.positions())
        self._device = best_device()
        self._workers = workers(self._device)
        # Fast tokenizers keep truncation as state and fail with "Already borrowed" when two threads set it.
        self._tokenizing = threading.Lock()

    @classmethod
    def load(cls, name: str, numeric_path: NumericPath | None = None) -> Self:
        """Load the cross-encoder that `--rerank` names: `medcpt`, a folder, or a name on the Hugging Face hub.

        Raises EncoderUnavailable where its files cannot be had, and EncoderError where they are of no cross-encoder:
        weights without a trained classification head would order the hits by chance.
        """
        folder = _find(PRESETS.get(name, name))
        checkpoint = load_checkpoint(
            folder, AutoModelForSequenceClassification, "re-ranking model", numeric_path or native_numeric_path()
        )
        _check(folder, checkpoint)
        return cls(name, checkpoint)

    def scores(self, query: str, articles: Sequence[Article]) -> Scores:
        """The score of every article, (n,) float32; higher is better, and only the order means something."""
        scores = np.empty(len(articles), np.float32)
        if not articles:
            return scores
        texts = [" ".join(part for part in embedded_text(article) if part) for article in articles]
        with self._tokenizing:
            tokens = self._tokenizer([query] * len(texts), texts, truncation=True, max_length=self._max_length)
        budget = CPU_TOKENS if self._device.type == "cpu" else GPU_TOKENS
        batches = batches_by_tokens([len(ids) for ids in tokens["input_ids"]], budget)
        running = [self._workers.submit(self._run, tokens, batch) for batch in batches]
        try:
            for batch, judged in zip(batches, running, strict=True):
                scores[batch] = judged.result()
        finally:
            for judged in running:
                judged.cancel()
            trim_memory()
        return scores

    def _run(self, tokens: BatchEncoding, batch: Sequence[int]) -> Scores:
        """Run the model over some of the pairs, padded on the right: (n,) float32."""
        padding = {"input_ids": self._tokenizer.pad_token_id}
        inputs = {
            name: torch.nn.utils.rnn.pad_sequence(
                [torch.tensor(rows[row]) for row in batch], batch_first=True, padding_value=padding.get(name, 0)
            ).to(self._device)
            for name, rows in tokens.items()
        }
        with torch.inference_mode():
            logits = self._model(**inputs).logits.float()
        judged: Scores = (logits[:, -1] - logits[:, 0] if logits.shape[1] == _MOST_LABELS else logits[:, 0]).cpu().numpy()
        return judged


def _find(name: str) -> Path:
    try:
        return find_encoder(name).document_folder
    except EncoderUnavailable as error:
        if error.__cause__ is None:
            said = f"There is no folder {name} for --rerank. Give it the folder of a cross-encoder, or a name."
            raise EncoderUnavailable(said) from None
        folder = name.rpartition("/")[2]
        reason = str(error.__cause__).partition("\n")[0].rstrip(".")
        raise EncoderUnavailable(
            f"The re-ranking model {name!r} cannot be had: {reason}. On a machine with network run `hf download {name} "
            f"--local-dir {folder}`, copy the folder here and give --rerank its path; or leave --rerank out."
        ) from error


def _check(folder: Path, checkpoint: Checkpoint) -> None:
    labels = int(checkpoint.model.config.num_labels)
    if checkpoint.missing:
        raise EncoderError(
            f"{folder} holds no cross-encoder: its weights lack {checkpoint.missing[0]}, so nothing taught it to judge pairs "
            f"of question and article. Give --rerank one that was, such as {', '.join(PRESETS)}; an encoder is no such model."
        )
    if labels > _MOST_LABELS:
        raise EncoderError(
            f"{folder} sorts pairs into {labels} classes. Expected one score, or two classes of which the second is "
            f"that the article answers: give --rerank such a model, for example {', '.join(PRESETS)}."
        )

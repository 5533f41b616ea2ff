"""The training itself: sentence-transformers' loop and losses over pairs on disk, with checkpoints and a time limit."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss, MatryoshkaLoss
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from sentence_transformers.training_args import BatchSamplers, MultiDatasetBatchSamplers
from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from indexer.held_out import HeldOut
from indexer.progress import Progress
from search.encoder import NumericPath, Vectors
from search.encoder_files import EncoderSpec

Weights = Mapping[str, torch.Tensor]

_SCALE = 20.0
_METRIC = "held_out"
_CHECKPOINTS_KEPT = 2
_TEXTS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How an encoder is trained; `rate` is the learning rate's peak, `length` counts the tokens that are read of a text.

    A batch's other documents are every query's negatives, so `batch` is as large as patience allows; `at_once` texts are in
    memory with their gradients. Of a vector, its first numbers are a vector, too, for each of `dimensions`.
    """

    batch: int = 256
    at_once: int = 32
    rate: float = 2e-5
    warm_up: float = 0.1
    epochs: float = 1.0
    steps: int = -1
    length: int = 256
    dimensions: tuple[int, ...] = ()
    every: int = 50
    patience: int = 3
    hours: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run came to; `held_out` has the mean nDCG@10 at each evaluation, by step."""

    steps: int
    seconds: float
    losses: tuple[float, ...]
    held_out: dict[int, float]


def open_model(spec: EncoderSpec, length: int) -> SentenceTransformer:
    """An encoder as sentence-transformers trains it: its own pooling, and as many tokens as are to be read."""
    local = {"local_files_only": True}
    transformer = Transformer(
        str(spec.document_folder),
        model_kwargs=local,
        processor_kwargs=local,
        config_kwargs=local,
        max_seq_length=length,
        do_lower_case=spec.lower_case,
    )
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode=spec.pooling.value)
    return SentenceTransformer(modules=[transformer, pooling, Normalize()])


def encode(model: SentenceTransformer, texts: Sequence[str]) -> Vectors:
    """The vectors of texts: (n, d) float32, of length 1."""
    vectors: Vectors = model.encode(list(texts), batch_size=_TEXTS_AT_ONCE, show_progress_bar=False, convert_to_numpy=True)
    return vectors


def train(
    model: SentenceTransformer,
    files: Mapping[str, Path],
    choose: HeldOut,
    folder: Path,
    settings: TrainingSettings,
    numeric_path: NumericPath,
    progress: Progress,
) -> Trained:
    """Train on files of JSON lines, each with a query, its document and negatives; goes on from the last checkpoint in `folder`.

    Every batch is drawn from one file. The model is left as it was when it found the held-out documents best.
    """
    data = {name: Dataset.from_json(str(path), cache_dir=str(folder / "cache")) for name, path in files.items()}
    watching = _Watching(progress, settings)
    trainer = SentenceTransformerTrainer(
        model=model,
        args=_arguments(folder, settings, numeric_path),
        train_dataset=data,
        loss=_loss(model, settings),
        evaluator=_Finding(choose, progress),
        callbacks=[watching, EarlyStoppingCallback(settings.patience)],
    )
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    started = time.perf_counter()
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(folder)))
    history = trainer.state.log_history
    return Trained(
        steps=trainer.state.global_step,
        seconds=time.perf_counter() - started,
        losses=tuple(one["loss"] for one in history if "loss" in one),
        held_out={one["step"]: one[f"eval_{_METRIC}"] for one in history if f"eval_{_METRIC}" in one},
    )


def averaged(base: Weights, trained: Weights, share: float) -> Weights:
    """The weights between two of one shape: `share` of the trained ones, the rest of their base's.

    What fine-tuning forgets comes back so, and little of what it learnt goes: https://arxiv.org/abs/2109.01903.
    """
    return {
        name: torch.lerp(base[name], tensor, share) if tensor.is_floating_point() else tensor
        for name, tensor in trained.items()
    }


def _arguments(folder: Path, settings: TrainingSettings, numeric_path: NumericPath) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=settings.batch,
        learning_rate=settings.rate,
        warmup_ratio=settings.warm_up,
        num_train_epochs=settings.epochs,
        max_steps=settings.steps,
        seed=settings.seed,
        bf16=numeric_path is NumericPath.BF16,
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        multi_dataset_batch_sampler=MultiDatasetBatchSamplers.PROPORTIONAL,
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=settings.every,
        save_steps=settings.every,
        save_total_limit=_CHECKPOINTS_KEPT,
        load_best_model_at_end=True,
        metric_for_best_model=f"eval_{_METRIC}",
        greater_is_better=True,
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
    )


def _loss(model: SentenceTransformer, settings: TrainingSettings) -> torch.nn.Module:
    """A batch's other documents are wrong answers; gradients are cached, so that a batch need not fit into memory."""
    loss = CachedMultipleNegativesRankingLoss(model, scale=_SCALE, mini_batch_size=settings.at_once)
    if not settings.dimensions:
        return loss
    return MatryoshkaLoss(model, loss, matryoshka_dims=list(settings.dimensions))


class _Finding(BaseEvaluator):  # type: ignore[misc]  (it has no types)
    """What finding the held-out documents scores."""

    def __init__(self, held_out: HeldOut, progress: Progress) -> None:
        super().__init__()
        self._held_out = held_out
        self._progress = progress

    def __call__(self, model: SentenceTransformer, *_where: object, **_when: object) -> dict[str, float]:
        found = self._held_out.mean(self._held_out.score(lambda texts: encode(model, texts)))
        self._progress.say(f"held-out nDCG@10 {100 * found:.2f}")
        return {_METRIC: found}


class _Watching(TrainerCallback):  # type: ignore[misc]
    """Tells of every step, and ends a run whose time is up."""

    def __init__(self, progress: Progress, settings: TrainingSettings) -> None:
        self._progress = progress
        self._settings = settings
        self._ends = time.monotonic() + 3600 * settings.hours if settings.hours else None

    def on_train_begin(self, _arguments: Any, state: Any, _control: Any, **_others: Any) -> None:  # noqa: ANN401
        """Say how many queries there are."""
        self._progress.start("Training", state.max_steps * self._settings.batch, "queries")
        self._progress.advance(state.global_step * self._settings.batch)

    def on_step_end(self, _arguments: Any, _state: Any, control: Any, **_others: Any) -> None:  # noqa: ANN401
        """Count the queries of a batch."""
        self._progress.advance(self._settings.batch)
        if self._ends and time.monotonic() > self._ends:
            control.should_evaluate = control.should_save = control.should_training_stop = True

    def on_log(self, _arguments: Any, state: Any, _control: Any, logs: dict[str, Any], **_others: Any) -> None:  # noqa: ANN401
        """Tell the loss now and then."""
        if "loss" in logs and state.global_step % self._settings.every == 0:
            self._progress.say(f"step {state.global_step:,} of {state.max_steps:,}, loss {logs['loss']:.3f}")

"""The training itself: sentence-transformers' loop over lessons on disk, with checkpoints and a time limit."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from datasets import Dataset, disable_progress_bars
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.evaluation import BaseEvaluator
from sentence_transformers.base.modules import Dense
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from sentence_transformers.sentence_transformer.training_args import MultiDatasetBatchSamplers
from torch.utils.data import SequentialSampler
from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback, TrainerCallback

from indexer.held_out import HeldOut
from indexer.lessons import DOCUMENT, QUESTION, read_lessons
from indexer.progress import Progress
from indexer.teaching_loss import TeachingLoss
from search.checkpoint import best_device, quiet_transformers
from search.encoder import Metric, NumericPath, Vectors
from search.encoder_files import EncoderSpec
from search.errors import EncoderError
from search.tower import load_transformer

Weights = Mapping[str, torch.Tensor]

_METRIC = "held_out"
_SECONDS = "seconds"
_CHECKPOINTS_KEPT = 2
_TEXTS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How an encoder is trained; `rate` is the learning rate's peak, `length` the tokens of a text that it learns from.

    A step has `batch` texts. Of a vector, its first numbers are to be a vector, too, for each of `dimensions`.
    """

    batch: int = 64
    rate: float = 1e-4
    warm_up: float = 0.1
    epochs: float = 1.0
    steps: int = -1
    length: int = 128
    dimensions: tuple[int, ...] = ()
    every: int = 250
    patience: int = 3
    hours: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run came to; `held_out` has the mean nDCG@10 at each evaluation, by step, and `best` is the step that was kept."""

    steps: int
    best: int
    seconds: float
    losses: tuple[float, ...]
    held_out: dict[int, float]


def open_model(spec: EncoderSpec, length: int | None = None, dimension: int | None = None) -> SentenceTransformer:
    """An encoder as sentence-transformers trains it, in fp32, with its own pooling and prompts.

    It reads `length` tokens of a text; None is as many as its owner says. Where its vectors are not of the `dimension` that is
    taught, a linear layer makes them so. Raises EncoderError for one of a kind that cannot be trained so.
    """
    if spec.query_folder != spec.document_folder or spec.pair_input or spec.metric is not Metric.COSINE:
        raise EncoderError(
            f"{spec.name} has two towers, reads pairs of texts, or is compared by inner product; what can be trained has one "
            "tower, and cosines. Give --base another encoder."
        )
    positions = load_transformer(spec.document_folder, NumericPath.FP32).positions()
    if length is not None and length > positions:
        raise EncoderError(f"{spec.name} reads {positions} tokens at most; found {length}.")
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    # On a CPU, torch's own attention spends more than half of a step on its way back; spelt out, a step takes less than half.
    attention = {"attn_implementation": "eager"} if best_device().type == "cpu" else {}
    with quiet_transformers():
        transformer = Transformer(
            str(spec.document_folder),
            model_kwargs={**local, **attention, "dtype": torch.float32},
            processor_kwargs=local,
            config_kwargs=local,
            max_seq_length=length or min(positions, spec.document_max_length or positions),
            do_lower_case=spec.lower_case,
        )
    width = int(transformer.get_embedding_dimension())
    modules: list[torch.nn.Module] = [transformer, Pooling(width, pooling_mode=spec.pooling.value)]
    if dimension not in {None, width}:
        modules.append(Dense(width, int(dimension or 0), bias=False, activation_function=torch.nn.Identity()))
    prompts = {"query": spec.query_prompt, "document": spec.document_prompt}
    model = SentenceTransformer(modules=[*modules, Normalize()], prompts=prompts)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # a ranking is to be followed closely, and no text is seen often
    model.model_card_data.widget = [{}]  # else examples are computed for a card that is not kept
    return model


@dataclass(frozen=True, slots=True)
class HeldOutEncoder:
    """Encodes held-out questions and documents, each with its prompt: (n, d) float32, of length 1."""

    model: SentenceTransformer
    bf16: bool = False

    def questions(self, texts: Sequence[str]) -> Vectors:
        """The vectors of questions."""
        return self._encode(texts, "query")

    def documents(self, texts: Sequence[str]) -> Vectors:
        """The vectors of documents."""
        return self._encode(texts, "document")

    def _encode(self, texts: Sequence[str], prompt: str) -> Vectors:
        with torch.autocast(best_device().type, torch.bfloat16, enabled=self.bf16):
            vectors: torch.Tensor = self.model.encode(
                list(texts), prompt_name=prompt, batch_size=_TEXTS_AT_ONCE, show_progress_bar=False, convert_to_tensor=True
            )
        array: Vectors = vectors.float().cpu().numpy()
        return array


@dataclass(frozen=True, slots=True)
class Training:
    """A training in `folder`, where its checkpoints lie; `processes` share a batch.

    `documents` (m, d) are the vectors that every text ranks; `bf16` where the device gains from it.
    """

    folder: Path
    documents: Vectors
    settings: TrainingSettings
    bf16: bool
    progress: Progress
    processes: int = 1

    def run(self, model: SentenceTransformer, lessons: Sequence[Path], choose: HeldOut) -> Trained:
        """Train on files of lessons, every batch of one; goes on from the last checkpoint.

        The model is left as it was when it found the held-out documents best.
        """
        disable_progress_bars()
        data = {path.stem: read_lessons(path) for path in lessons}
        trainer = SentenceTransformerTrainer(
            model=model,
            args=self._arguments(_prompts(model, data)),
            train_dataset=data,
            loss=TeachingLoss(model, self.documents, self._cut_to, bf16=self.bf16),
            evaluator=_Finding(choose, self.bf16, self.progress),
            callbacks=[_Watching(self.progress, self.settings), EarlyStoppingCallback(self.settings.patience)],
        )
        for callback in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(callback)
        with quiet_transformers():
            trainer.train(resume_from_checkpoint=_last_whole(self.folder))
        history = trainer.state.log_history
        return Trained(
            steps=trainer.state.global_step,
            best=_step_of(trainer.state.best_model_checkpoint or "checkpoint-0"),
            seconds=_seconds(history),
            losses=tuple(one["loss"] for one in history if "loss" in one),
            held_out={int(one["step"]): one[f"eval_{_METRIC}"] for one in history if f"eval_{_METRIC}" in one},
        )

    @property
    def _cut_to(self) -> list[int]:
        return [one for one in self.settings.dimensions if one < self.documents.shape[1]]

    def _arguments(self, prompts: dict[str, str]) -> SentenceTransformerTrainingArguments:
        # One process trains on all GPUs of its machine; several have one each.
        devices = self.processes if self.processes > 1 else max(1, torch.cuda.device_count())
        return SentenceTransformerTrainingArguments(
            output_dir=str(self.folder),
            prompts=prompts or None,
            per_device_train_batch_size=max(1, self.settings.batch // devices),
            learning_rate=self.settings.rate,
            warmup_steps=self.settings.warm_up,  # below 1: a share of all steps
            num_train_epochs=self.settings.epochs,
            max_steps=self.settings.steps,
            seed=self.settings.seed,
            bf16=self.bf16,
            use_cpu=best_device().type == "cpu",  # without it, processes that have no GPU do not find each other
            batch_sampler=_in_order,
            multi_dataset_batch_sampler=MultiDatasetBatchSamplers.PROPORTIONAL,
            eval_strategy="steps",
            save_strategy="steps",
            eval_steps=self.settings.every,
            save_steps=self.settings.every,
            save_total_limit=_CHECKPOINTS_KEPT,
            load_best_model_at_end=True,
            restore_callback_states_from_checkpoint=True,
            metric_for_best_model=f"eval_{_METRIC}",
            greater_is_better=True,
            logging_steps=1,
            report_to="none",
            dataloader_drop_last=self.processes > 1,  # each must have as many batches as the others
            dataloader_pin_memory=best_device().type == "cuda",
            disable_tqdm=True,
        )


def _last_whole(folder: Path) -> str | None:
    """The newest checkpoint that was written to its end; a later one, which was not, is removed."""
    checkpoints = sorted(folder.glob("checkpoint-*"), key=lambda one: _step_of(one.name))
    for checkpoint in reversed(checkpoints):
        try:
            msgspec.json.decode((checkpoint / "trainer_state.json").read_bytes())
        except (OSError, msgspec.DecodeError):  # it is the last file of a checkpoint
            shutil.rmtree(checkpoint)
        else:
            return str(checkpoint)
    return None


def _seconds(history: Sequence[Mapping[str, float]]) -> float:
    """How long a run has been trained, as its last entry says, stops left out."""
    return max((one[_SECONDS] for one in history if _SECONDS in one), default=0.0)


def _step_of(checkpoint: str) -> int:
    return int(checkpoint.rpartition("-")[2])


def averaged(base: Weights, trained: Weights, share: float) -> Weights:
    """The weights between two of one shape: `share` of the trained ones, the rest of their base's.

    What fine-tuning forgets comes back so, and little of what it learnt goes: https://arxiv.org/abs/2109.01903.
    """
    return {
        name: torch.lerp(base[name], tensor, share) if tensor.is_floating_point() else tensor
        for name, tensor in trained.items()
    }


def _prompts(model: SentenceTransformer, data: Mapping[str, Dataset]) -> dict[str, str]:
    """The prompt of each column that has one."""
    prompts = {QUESTION: model.prompts["query"] or "", DOCUMENT: model.prompts["document"] or ""}
    there = {name for one in data.values() for name in one.column_names}
    return {column: prompt for column, prompt in prompts.items() if prompt and column in there}


def _in_order(dataset: Dataset, **how: Any) -> DefaultBatchSampler:  # noqa: ANN401
    """Batches of lessons that stand side by side: they were written in batches of like length."""
    return DefaultBatchSampler(SequentialSampler(dataset), **how)


class _Finding(BaseEvaluator):
    """What finding the held-out documents scores."""

    def __init__(self, held_out: HeldOut, bf16: bool, progress: Progress) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._held_out = held_out
        self._bf16 = bf16
        self._progress = progress

    def __call__(self, model: Any, output_path: str | None = None, epoch: int = -1, steps: int = -1) -> dict[str, float]:  # noqa: ANN401, ARG002
        """The mean nDCG@10 of the model as it is now."""
        found = self._held_out.mean(self._held_out.score(self._held_out.embed(HeldOutEncoder(model, self._bf16))))
        self._progress.say(f"held-out nDCG@10 {100 * found:.2f}")
        return {_METRIC: found}


class _Watching(TrainerCallback):
    """Tells of every step, and ends a run whose time is up, what was trained before a stop counted in."""

    def __init__(self, progress: Progress, settings: TrainingSettings) -> None:
        self._progress = progress
        self._settings = settings
        self._started = time.monotonic()
        self._earlier = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Say how many texts there are."""
        self._progress.start("Training", state.max_steps * self._settings.batch, "texts")
        self._progress.advance(state.global_step * self._settings.batch)
        self._started, self._earlier = time.monotonic(), _seconds(state.log_history)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Count the texts of a batch."""
        self._progress.advance(self._settings.batch)
        if self._settings.hours and self._trained_for() > 3600 * self._settings.hours:
            control.should_evaluate = control.should_save = control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Tell the loss now and then; the history, which checkpoints keep, is where a run's time outlasts a stop."""
        state.log_history[-1][_SECONDS] = self._trained_for()
        loss = kwargs.get("logs", {}).get("loss")
        if loss is not None and state.global_step % self._settings.every == 0:
            self._progress.say(f"step {state.global_step:,} of {state.max_steps:,}, loss {loss:.3f}")

    def _trained_for(self) -> float:
        return self._earlier + time.monotonic() - self._started

"""Loading a tokenizer and a model from a folder, and running it on this machine: what encoders and re-rankers share.

Weights come from safetensors, or from `.bin` without anything but tensors in it; a checkpoint's own code is never run.
"""

import contextlib
import pickle
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer
from transformers.utils import logging as _untyped_logging

from search.encoder import NumericPath
from search.encoder_files import weight_files
from search.errors import EncoderError

transformers_logging: Any = _untyped_logging

_LOCAL = {"local_files_only": True, "trust_remote_code": False}
_DTYPES = {NumericPath.FP32: torch.float32, NumericPath.BF16: torch.bfloat16}
# A tokenizer without a limit of its own reports 10^30.
_NO_LIMIT = 1_000_000
# Asked before any worker is started: each worker sets its own number to 1, and new threads of the process inherit that.
CORES = torch.get_num_threads()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tokenizer and a model that is ready to run; `missing` names the model's tensors that the weights do not hold."""

    tokenizer: Any
    model: Any
    missing: tuple[str, ...]

    @property
    def dimension(self) -> int:
        """How many numbers a token's vector has."""
        return int(self.model.config.hidden_size)

    def positions(self) -> int:
        """How many tokens tokenizer and model allow; RoBERTa-like models keep the first positions for padding."""
        limit = int(getattr(self.model.config, "max_position_embeddings", None) or _NO_LIMIT)
        embeddings = getattr(self.model.base_model, "embeddings", None)
        padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
        allowed = limit - padding - 1 if padding is not None else limit
        return min(allowed, int(self.tokenizer.model_max_length or _NO_LIMIT))


def load_tokenizer(folder: Path, what: str) -> Any:  # noqa: ANN401  (transformers has no types)
    """Load a tokenizer alone. Raises EncoderError, which names `what` it belongs to."""
    with _loading(folder, what):
        return AutoTokenizer.from_pretrained(folder, **_LOCAL)


def load_checkpoint(
    folder: Path,
    kind: Any,  # noqa: ANN401
    what: str,
    numeric_path: NumericPath,
    device: torch.device | None = None,
) -> Checkpoint:
    """Load a model of one of transformers' Auto classes onto the best device. Raises EncoderError, which names `what` it is."""
    tokenizer = load_tokenizer(folder, what)
    with _loading(folder, what):
        model, report = kind.from_pretrained(
            folder, weights_only=True, dtype=_DTYPES[numeric_path], output_loading_info=True, **_LOCAL
        )
    return Checkpoint(tokenizer, model.to(device or best_device()).eval(), tuple(sorted(report["missing_keys"])))


@contextlib.contextmanager
def _loading(folder: Path, what: str) -> Iterator[None]:
    try:
        with quiet_transformers():
            yield
    except pickle.UnpicklingError as error:  # torch's own message advises to load it with code and all
        raise EncoderError(
            f"{weight_files(folder)[0]} was not loaded: it is damaged, or it is a pickle of more than tensors, which can carry "
            f"code. Copy the folder again, or get the weights as model.safetensors."
        ) from error
    except Exception as error:  # transformers raises whatever its parsers raise; each of them means the same to the user
        raise EncoderError(f"The {what} in {folder} cannot be loaded: {_first_line(error)}. Copy its folder again.") from error


def best_device() -> torch.device:
    """The GPU where there is one."""
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return accelerator or torch.device("cpu")


def workers(device: torch.device) -> ThreadPoolExecutor:
    """Threads that run a model, each on one core of its own.

    One batch a core was 1.25 to 1.4 times as fast as every batch over all cores, and on a busy machine a question of 16 tokens
    took 18 ms instead of 400: threads that share a matrix wait for the slowest one at every layer.
    """
    count = CORES if device.type == "cpu" else 1
    return ThreadPoolExecutor(count, thread_name_prefix="model", initializer=torch.set_num_threads, initargs=(1,))


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Loading prints bars and a report of unused weights; what matters of it is checked and raised."""
    level, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")

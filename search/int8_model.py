"""A transformer in bytes: OpenVINO runs it, several times as fast as fp32 on a CPU that multiplies bytes.

It is quantised once from the encoder's own weights, by NNCF, and kept in the cache, with what must be known of it to run it
without its weights. Weights and activations of the matrix products are bytes; the ranges of the activations are those of the
sample's articles, so that every machine finds the same ones.
"""

import contextlib
import hashlib
import importlib.util
import io
import logging
import shutil
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import torch

from search.cache_folder import cache_folder
from search.checkpoint import quiet_transformers
from search.errors import EncoderError
from search.storage import complete_folder

_MODEL, _FACTS = "model.xml", "facts.json"
_first_array = threading.Lock()
_RUNS, _MAKES = "openvino", "nncf"


def is_installed() -> bool:
    """Whether the extra `[fast]` is here."""
    return all(importlib.util.find_spec(package) for package in (_RUNS, _MAKES))


def quantised_by(examples: Sequence[str]) -> str:
    """What decides a quantised form beside the weights. Raises EncoderError where the extra is not installed."""
    if not is_installed():
        raise EncoderError(
            "Vectors in int8 need OpenVINO and NNCF, and this Python lacks one of them. "
            "Run `pip install 'pubmed-semantic-search[fast]'`, or build the index again with --numeric-path fp32."
        )
    texts = hashlib.sha256("\0".join(examples).encode()).hexdigest()[:8]
    return ", ".join([*(f"{package} {version(package)}" for package in (_RUNS, _MAKES)), f"ranges {texts}"])


class Facts(msgspec.Struct, frozen=True):
    """How many numbers a token's vector has, and how many tokens tokenizer and model allow."""

    dimension: int
    positions: int


class Int8Model:
    """Runs a quantised transformer. Safe to share between threads; each has a request of its own."""

    def __init__(self, compiled: Any, facts: Facts) -> None:  # noqa: ANN401  (openvino has no types)
        self.facts = facts
        self._compiled = compiled
        self._names = [port.any_name for port in compiled.inputs]
        self._threads = threading.local()

    @classmethod
    def of(cls, fingerprint: str, make: Callable[[Path], None], streams: int) -> Self:
        """The quantised form that `fingerprint` tells from all others, from the cache, or made there.

        `streams` threads run it at once. Raises EncoderError where it cannot be made.
        """
        folder = cache_folder("int8") / hashlib.sha256(fingerprint.encode()).hexdigest()[:16]
        if folder.is_dir():
            try:
                return cls.open(folder, streams)
            # A file that a power cut or a full disk left incomplete, or that an earlier version did not write.
            except (RuntimeError, FileNotFoundError, msgspec.MsgspecError):
                shutil.rmtree(folder)
        make(folder)
        return cls.open(folder, streams)

    @classmethod
    def open(cls, folder: Path, streams: int) -> Self:
        """Open a quantised model to be run by so many threads at once."""
        facts = msgspec.json.decode((folder / _FACTS).read_bytes(), type=Facts)
        core = _silent_openvino().Core()
        settings = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
            "INFERENCE_PRECISION_HINT": "f32",  # of what is not in bytes: the same on every processor
        }
        return cls(core.compile_model(core.read_model(folder / _MODEL), "CPU", settings), facts)

    def __call__(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Token vectors (n, length, d)."""
        if not hasattr(self._threads, "request"):
            self._threads.request = self._compiled.create_infer_request()
        arrays = {name: inputs[name].numpy() for name in self._names}
        return torch.from_numpy(self._threads.request.infer(arrays, share_inputs=True)[0])


def quantise(
    model: Any,  # noqa: ANN401
    examples: Sequence[Mapping[str, torch.Tensor]],
    facts: Facts,
    folder: Path,
) -> None:
    """Write the quantised form of a transformer, and the `facts` of it.

    `examples` are inputs that its activations are measured on. Raises EncoderError where the transformer is of a kind that
    cannot be quantised.
    """
    openvino = _silent_openvino()
    import nncf

    arrays = [{name: tensor.numpy() for name, tensor in one.items()} for one in examples]
    nncf.set_log_level(logging.ERROR)
    try:
        # They print how far they are, and torch warns of what it traces: of no use, and stdout belongs to the answer.
        with contextlib.redirect_stdout(io.StringIO()), quiet_transformers():
            converted = openvino.convert_model(model, example_input=dict(examples[0]))
            measured_on, kind = nncf.Dataset(arrays), nncf.ModelType.TRANSFORMER
            quantised = nncf.quantize(converted, measured_on, model_type=kind, subset_size=len(arrays))
    except Exception as error:  # whatever their tracers, converters and graph passes raise means the same to the user
        raise EncoderError(
            f"This encoder cannot be run in int8 ({str(error).strip().partition(chr(10))[0]}). Give --numeric-path fp32."
        ) from error
    with contextlib.suppress(FileExistsError), complete_folder(folder) as beside:  # another process was as quick
        openvino.save_model(quantised, beside / _MODEL, compress_to_fp16=False)
        (beside / _FACTS).write_bytes(msgspec.json.encode(facts))


def _silent_openvino() -> Any:  # noqa: ANN401
    """OpenVINO without its reports: it and NNCF tell a server of their use, also of being imported, through this package."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    # Its bindings find numpy when they first meet an array; two threads that do so at once wait for each other for ever.
    with _first_array:
        openvino.Tensor(np.zeros(1, np.int64), shared_memory=True)
    return openvino

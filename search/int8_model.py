"""A transformer in bytes: OpenVINO runs it, several times as fast as fp32 on a CPU that multiplies bytes.

It is quantised once from the encoder's own weights, by NNCF, and kept in the cache. Weights and activations of the matrix
products are bytes; the ranges of the activations are those of the sample's articles, so that every machine finds the same ones.
"""

import contextlib
import hashlib
import importlib.util
import io
import logging
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import torch

from search.cache_folder import cache_folder
from search.checkpoint import quiet_transformers
from search.errors import EncoderError
from search.storage import complete_folder

# Both report their use to a server through this package, also on being imported. Without it they are silent.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

_MODEL = "model.xml"
_PACKAGES = ("openvino", "nncf")


def is_installed() -> bool:
    """Whether the extra `[fast]` is here."""
    return all(importlib.util.find_spec(package) for package in _PACKAGES)


class Int8Model:
    """Runs a quantised transformer. Safe to share between threads; each has a request of its own."""

    def __init__(self, compiled: Any) -> None:  # noqa: ANN401  (openvino has no types)
        self._compiled = compiled
        self._names = [port.any_name for port in compiled.inputs]
        self._threads = threading.local()

    @classmethod
    def open(cls, folder: Path, streams: int) -> Self:
        """Open a quantised model to be run by so many threads at once."""
        import openvino

        core = openvino.Core()
        settings = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": streams}
        return cls(core.compile_model(core.read_model(folder / _MODEL), "CPU", settings))

    def __call__(self, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Token vectors (n, length, d); they are overwritten by the thread's next call."""
        if not hasattr(self._threads, "request"):
            self._threads.request = self._compiled.create_infer_request()
        arrays = {name: inputs[name].numpy() for name in self._names}
        outputs = self._threads.request.infer(arrays, share_inputs=True, share_outputs=True)
        return torch.from_numpy(outputs[0])


def quantised_folder(fingerprint: str) -> Path:
    """Where the quantised form of an encoder is kept; `fingerprint` says what its weights, and its tower, are.

    Raises EncoderError where OpenVINO is not installed.
    """
    if not is_installed():
        raise EncoderError(
            "Vectors in int8 need OpenVINO, which is not installed in this Python. "
            "Run `pip install 'pubmed-semantic-search[fast]'`, or build the index again without it."
        )
    made_by = [f"{package} {version(package)}" for package in _PACKAGES]
    key = hashlib.sha256("\0".join([fingerprint, *made_by]).encode()).hexdigest()[:16]
    return cache_folder("int8") / key


def quantise(model: Any, examples: Sequence[Mapping[str, torch.Tensor]], folder: Path) -> None:  # noqa: ANN401
    """Write the quantised form of a transformer; `examples` are inputs that its activations are measured on."""
    import nncf
    import openvino

    arrays = [{name: tensor.numpy() for name, tensor in one.items()} for one in examples]
    nncf.set_log_level(logging.ERROR)
    # They print how far they are, and torch warns of what it traces: of no use to anybody, and stdout belongs to the answer.
    with contextlib.redirect_stdout(io.StringIO()), quiet_transformers():
        converted = openvino.convert_model(model, example_input=dict(examples[0]))
        quantised = nncf.quantize(
            converted, nncf.Dataset(arrays), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(arrays)
        )
    with complete_folder(folder) as beside:
        openvino.save_model(quantised, beside / _MODEL, compress_to_fp16=False)

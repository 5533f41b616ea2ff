"""A transformer in bytes: OpenVINO runs it, several times as fast as fp32 on a CPU that multiplies bytes.

It is quantised once from the encoder's own weights, by NNCF, and kept in the cache. Weights and activations of the matrix
products are bytes; the ranges of the activations are those of the sample's articles, so that every machine finds the same ones.
"""

import hashlib
import importlib.util
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import torch

from search.cache_folder import cache_folder
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
        (vectors, *_) = self._threads.request.infer(arrays, share_inputs=True, share_outputs=True).values()
        return torch.from_numpy(vectors)


def quantised_folder(fingerprint: str) -> Path:
    """Where the quantised form of an encoder is kept; `fingerprint` says what its weights, and its tower, are."""
    made_by = [f"{package} {version(package)}" for package in _PACKAGES]
    key = hashlib.sha256("\0".join([fingerprint, *made_by]).encode()).hexdigest()[:16]
    return cache_folder("int8") / key


def quantise(model: Any, examples: Sequence[Mapping[str, torch.Tensor]], folder: Path) -> None:  # noqa: ANN401
    """Write the quantised form of a transformer; `examples` are inputs that its activations are measured on."""
    import nncf
    import openvino

    converted = openvino.convert_model(_Hidden(model), example_input=dict(examples[0]))
    arrays = [{name: tensor.numpy() for name, tensor in one.items()} for one in examples]
    quantised = nncf.quantize(converted, nncf.Dataset(arrays), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(arrays))
    with complete_folder(folder) as beside:
        openvino.save_model(quantised, beside / _MODEL, compress_to_fp16=False)


class _Hidden(torch.nn.Module):
    """A transformer that gives its token vectors and nothing else."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401
        super().__init__()
        self._model = model

    def forward(self, **inputs: torch.Tensor) -> torch.Tensor:
        """Token vectors."""
        vectors: torch.Tensor = self._model(**inputs).last_hidden_state
        return vectors

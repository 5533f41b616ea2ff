"""What this machine multiplies a second: the rate of a large matrix product, beside which an encoder's own is put."""

import functools
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from search.checkpoint import CORES, best_device, workers
from search.encoder import NumericPath

_CPU_INFO = Path("/proc/cpuinfo")
# On two cores, products of 1,024 were within 5 % of the rate of those of 2,048, and end in time on a slow machine, too.
_CPU_SIDE, _GPU_SIDE = 1_024, 8_192
_SECONDS = 0.5
_SMALL_SIDE, _SMALL_SECONDS = 256, 0.05

_Multiply = Callable[[], object]


@dataclass(frozen=True, slots=True)
class MatrixRate:
    """The FLOP a second of a large matrix product in the number type of `numeric_path`."""

    numeric_path: NumericPath
    flop_per_second: float


def device_of(path: NumericPath) -> torch.device:
    """Where an encoder runs on a numeric path."""
    return torch.device("cpu") if path is NumericPath.INT8 else best_device()


def machine_name(path: NumericPath) -> str:
    """The processor that a numeric path runs on, and how many threads of it: figures of one name can be compared."""
    device = device_of(path)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_cpu_name()}, {CORES} threads"


def matrix_rate(path: NumericPath) -> MatrixRate:
    """Measure the matrix product in the number type of a path, by as many threads as encode on it.

    Where torch does not multiply bytes faster than fp32, the rate is that of fp32.
    """
    measured = NumericPath.FP32 if path is NumericPath.INT8 and not _multiplies_bytes() else path
    device = device_of(path)
    side = _CPU_SIDE if device.type == "cpu" else _GPU_SIDE
    return MatrixRate(measured, _rate(measured, side, _SECONDS, device))


@functools.cache
def _multiplies_bytes() -> bool:
    """Whether torch has a product of bytes for this CPU that is worth its name: without one it takes a hundred times longer."""
    cpu = torch.device("cpu")
    try:
        of_bytes = _rate(NumericPath.INT8, _SMALL_SIDE, _SMALL_SECONDS, cpu)
    except (AttributeError, RuntimeError):
        return False
    return of_bytes > _rate(NumericPath.FP32, _SMALL_SIDE, _SMALL_SECONDS, cpu)


def _rate(path: NumericPath, side: int, seconds: float, device: torch.device) -> float:
    """Each thread multiplies matrices of its own, as each encodes a batch of its own."""
    threads = CORES if device.type == "cpu" else 1
    with workers(device) as pool:
        running = [pool.submit(_products_a_second, _product(path, side, device), seconds, device) for _ in range(threads)]
        return 2.0 * side**3 * sum(one.result() for one in running)


def _products_a_second(multiply: _Multiply, seconds: float, device: torch.device) -> float:
    for _ in range(2):  # the first ones choose a kernel and touch the memory
        multiply()
    _wait(device)
    count, started = 0, time.perf_counter()
    while (took := time.perf_counter() - started) < seconds:
        multiply()
        _wait(device)
        count += 1
    return count / took


def _product(path: NumericPath, side: int, device: torch.device) -> _Multiply:
    if path is NumericPath.INT8:
        numbers = torch.randint(-128, 128, (side, side), dtype=torch.int8, device=device)
        return functools.partial(torch._int_mm, numbers, numbers)  # noqa: SLF001  (torch has no other product of bytes)
    dtype = torch.bfloat16 if path is NumericPath.BF16 else torch.float32
    matrix = torch.randn(side, side, device=device).to(dtype)
    return functools.partial(torch.mm, matrix, matrix)


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _cpu_name() -> str:
    """As Linux names it; other systems name the kind at least."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

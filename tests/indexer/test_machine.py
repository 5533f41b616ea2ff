"""What the machine multiplies, and what stands in where torch does not multiply bytes."""

from collections.abc import Iterator

import pytest
import torch

import indexer.machine
from indexer.machine import machine_name, matrix_rate
from search.checkpoint import CORES
from search.encoder import NumericPath


@pytest.fixture
def _asked_anew() -> Iterator[None]:
    indexer.machine._multiplies_bytes.cache_clear()
    yield
    indexer.machine._multiplies_bytes.cache_clear()


def test_a_larger_matrix_takes_longer() -> None:
    rate = matrix_rate(NumericPath.FP32)
    assert rate.numeric_path is NumericPath.FP32
    # From a slow core in an emulator to all of a large server.
    assert 1e8 < rate.flop_per_second < 1e14


def refuse(*_matrices: object) -> None:
    raise NotImplementedError


def multiply_slowly(*_matrices: object) -> None:
    matrix = torch.zeros(512, 512)
    for _ in range(50):
        matrix @ matrix


@pytest.mark.parametrize("product", [refuse, multiply_slowly])
@pytest.mark.usefixtures("_asked_anew")
def test_where_bytes_are_no_faster_the_rate_is_that_of_fp32(product: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "_int_mm", product)
    assert matrix_rate(NumericPath.INT8).numeric_path is NumericPath.FP32


def multiply_at_once(*_matrices: object) -> None:
    """Faster than any product."""


@pytest.mark.usefixtures("_asked_anew")
def test_where_bytes_are_faster_they_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "_int_mm", multiply_at_once)
    assert matrix_rate(NumericPath.INT8).numeric_path is NumericPath.INT8


def test_figures_of_another_number_of_threads_are_of_another_machine() -> None:
    assert machine_name(NumericPath.INT8).endswith(f", {CORES} threads")

"""The predicted size of an index, beside what real ones take: exactly where the layout decides it, roughly where text does."""

from pathlib import Path

import numpy as np
import pytest
from conftest import BuildToy
from toy import DIMENSION, article

from indexer.index_size import IndexSize
from search.candidates import FLAT_LIMIT, Candidates
from search.index_folder import IndexFolder
from search.vectors import VectorFile

NPY_HEADER = 128
SHARD_HEADER = 128


def test_vectors_and_cache_take_what_the_layout_says(build_toy: BuildToy, tmp_path: Path) -> None:
    articles = [article(pmid, f"title {pmid}") for pmid in range(1, 301)]
    build_toy(articles)
    disk = IndexSize(300, DIMENSION, 0.0).disk
    base = IndexFolder(tmp_path / "index").published().base
    assert sum(path.stat().st_size - NPY_HEADER for path in VectorFile.paths(base.folder)) == disk["vectors"]
    shards = list((tmp_path / "index" / "embeddings").glob("*/*.shard"))
    assert sum(path.stat().st_size - SHARD_HEADER for path in shards) == disk["embedding cache"]
    assert base.candidates.stat().st_size == pytest.approx(disk["candidates"], rel=0.05)


def test_lists_take_what_the_layout_says(tmp_path: Path) -> None:
    vectors = VectorFile(np.arange(1, 20_001), np.random.default_rng(0).normal(size=(20_000, 64)).astype(np.float32))
    kind = Candidates.build(tmp_path / "candidates.faiss", vectors, flat_limit=1_000)
    size = IndexSize(20_000, 64, 0.0, flat_limit=1_000)
    assert (size.candidates, size.lists) == (kind, 512)
    assert size.disk["candidates"] == pytest.approx((tmp_path / "candidates.faiss").stat().st_size, rel=0.1)
    assert size.answering == size.disk["candidates"]


def test_a_small_index_compares_every_vector() -> None:
    size = IndexSize(FLAT_LIMIT, 384, 0.6)
    assert (size.candidates, size.lists, size.answering) == ("IDMap2,Flat", 0, 0.0)


# README, "How it grows": disk without the embedding cache; made-up records of 384 numbers, 60 % with an abstract.
@pytest.mark.parametrize(("records", "gigabytes"), [(400_000, 2.26), (1_600_000, 8.95), (5_000_000, 27.73)])
def test_the_scale_runs_took_as_much(records: int, gigabytes: float) -> None:
    disk = IndexSize(records, 384, 0.6).disk
    assert sum(disk.values()) - disk["embedding cache"] == pytest.approx(gigabytes * 1e9, rel=0.03)


# The parts of the run of 5 million, in MB.
def test_the_parts_of_a_scale_run() -> None:
    disk = IndexSize(5_000_000, 384, 0.6).disk
    measured = {"vectors": 7725.0, "candidates": 298.9, "catalogue": 16_887.8, "columns": 147.3}
    assert {part: disk[part] / 1e6 for part in measured} == pytest.approx(measured, rel=0.02)


def test_memory_to_build_grows_with_the_training_of_the_lists() -> None:
    # README, "What an update costs": a build of 409,269 titles took at most 430 MB, 305 of them Python, torch and the encoder.
    assert IndexSize(409_269, 384, 0.0).building / 1e6 == pytest.approx(430 - 305, rel=0.2)
    assert IndexSize(40_000_000, 384, 0.6).building > (1 << 30) + 40_000_000 * (384 / 8 + 8)

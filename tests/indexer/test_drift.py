"""How far a delta lies from its base."""

from pathlib import Path

import numpy as np
import pytest
from pubmed_files import write_pubmed_file
from toy import ToyEncoder, article

from indexer.build import Build
from indexer.drift import Drift, _shift, measure_drift
from indexer.progress import Silent
from indexer.sources import find_sources
from indexer.update import Update
from search.article import Article
from search.index_folder import IndexFolder

# The toy encoder sees the lengths of words: these titles have eight directions, the long words of the others one.
TITLES = [" ".join(["a", "bb", "ccc", "dddd", "eeeee", "ffffff"][pmid % 6 :]) for pmid in range(400)]
LIKE_THEM = [article(1_000 + pmid, TITLES[pmid]) for pmid in range(60)]
UNLIKE_THEM = [article(1_000 + pmid, "immunohistochemistry electrophysiology") for pmid in range(60)]


def drift_of(folder: Path, later: list[Article], flat_limit: int = 200_000) -> Drift | None:
    index = IndexFolder(folder / "index")
    base = write_pubmed_file(folder, 1, [article(1 + pmid, title) for pmid, title in enumerate(TITLES)])
    Build(index, ToyEncoder(), Silent(), flat_limit=flat_limit).run(find_sources([base]))
    update = Update(index, ToyEncoder, Silent(), flat_limit=flat_limit, merged_above=100.0)
    update.run(find_sources([write_pubmed_file(folder, 2, later)]))
    generation = index.published()
    return measure_drift(generation, generation.read_manifest())


def test_a_shift_is_the_distance_of_the_means_less_what_chance_makes() -> None:
    # Spread 1 about (0, 0); the mean of the newer ones is (3, 4).
    before, newer = np.array([[1, 0], [-1, 0]], np.float32), np.array([[3, 4]] * 4, np.float32)
    assert _shift(before, newer) == pytest.approx((5**2 - 1 / 2 - 1 / 4) ** 0.5)
    assert _shift(2 * before, 2 * newer) == pytest.approx(_shift(before, newer))
    assert _shift(before, before) == 0
    assert _shift(before[:1], before[:1]) == 0


@pytest.mark.parametrize("size", [30, 300, 3_000])
def test_samples_of_one_corpus_are_not_apart(size: int) -> None:
    drawn = np.random.default_rng(size).normal(size=(5_000 + size, 50)).astype(np.float32)
    assert _shift(drawn[:5_000], drawn[5_000:]) < 0.1


def test_without_a_delta_there_is_none(tmp_path: Path) -> None:
    assert drift_of(tmp_path, []) is None


def test_more_of_the_same_is_near(tmp_path: Path) -> None:
    drift = drift_of(tmp_path, LIKE_THEM)
    assert drift == Drift(60, 60 / 400, pytest.approx(0, abs=0.1), None, None)
    assert not drift.is_far


def test_something_else_is_far(tmp_path: Path) -> None:
    drift = drift_of(tmp_path, UNLIKE_THEM)
    assert drift is not None
    assert drift.shift > 1
    assert drift.is_far


def test_a_few_articles_say_nothing(tmp_path: Path) -> None:
    drift = drift_of(tmp_path, UNLIKE_THEM[:29])
    assert drift is not None
    assert not drift.is_far


def test_lists_that_do_not_suit_the_newer_ones(tmp_path: Path) -> None:
    drift = drift_of(tmp_path, UNLIKE_THEM, flat_limit=100)
    assert drift is not None
    assert drift.base_similarity is not None
    assert drift.delta_similarity is not None
    assert drift.delta_similarity < 0.9 * drift.base_similarity


@pytest.mark.parametrize(
    ("shift", "base", "delta", "far"),
    [(0.29, None, None, False), (0.31, None, None, True), (0, 0.8, 0.73, False), (0, 0.8, 0.71, True), (0.31, 0.8, 0.8, True)],
)
def test_when_a_new_build_pays(shift: float, base: float | None, delta: float | None, far: bool) -> None:
    assert Drift(5_000, 0.04, shift, base, delta).is_far is far

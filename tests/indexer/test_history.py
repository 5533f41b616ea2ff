"""Generations: going back, and removing those that nobody needs."""

import dataclasses
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import BuildToy
from toy import article, load_toy

from indexer.history import Keep, prune, roll_back
from search import Searcher
from search.errors import BrokenIndex, NoIndex
from search.index_folder import IndexFolder
from search.manifest import Manifest


@pytest.fixture
def folder(build_toy: BuildToy, tmp_path: Path) -> IndexFolder:
    """Three generations of one, two and three articles."""
    for count in (1, 2, 3):
        build_toy([article(pmid, "a bb ccc") for pmid in range(1, count + 1)])
    return IndexFolder(tmp_path / "index")


def names(folder: IndexFolder) -> list[str]:
    return [generation.name for generation in folder.all_generations()]


def answers(folder: IndexFolder) -> int:
    with Searcher.open(folder.root, load=load_toy) as searcher:
        return len(searcher.search("a bb ccc"))


def test_rolling_back_restores_the_earlier_answers_at_once(folder: IndexFolder) -> None:
    started = time.perf_counter()
    rolled_back = roll_back(folder)
    assert time.perf_counter() - started < 1
    assert (rolled_back.before, rolled_back.now, rolled_back.articles) == ("0003", "0002", 2)
    assert answers(folder) == 2
    assert roll_back(folder).now == "0001"
    assert answers(folder) == 1
    with pytest.raises(
        BrokenIndex, match=r"has no generation before 0001; it has 0001, 0002, 0003\. Name one of these with --to"
    ):
        roll_back(folder)
    assert roll_back(folder, "3").now == "0003"
    assert answers(folder) == 3
    with pytest.raises(BrokenIndex, match="has no generation 7"):
        roll_back(folder, "7")


def test_a_generation_that_is_not_whole_is_not_gone_back_to(folder: IndexFolder) -> None:
    (folder.generations / "0002" / "base" / "vectors.npy").unlink()
    with pytest.raises(BrokenIndex, match="is missing"):
        roll_back(folder)
    assert folder.published_name() == "0003"


def test_a_build_after_a_rollback_takes_a_new_number(folder: IndexFolder, build_toy: BuildToy) -> None:
    roll_back(folder)
    assert build_toy([article(1, "x")]).generation == "0004"


def test_pruning_keeps_the_newest(folder: IndexFolder) -> None:
    pruned = prune(folder, Keep())
    assert (pruned.removed, pruned.kept, pruned.held) == (("0001",), ("0002", "0003"), ())
    assert pruned.freed_bytes > 1_000
    assert names(folder) == ["0002", "0003"]
    assert prune(folder, Keep(1)).removed == ("0002",)
    assert answers(folder) == 3


def test_the_published_generation_is_never_pruned(folder: IndexFolder) -> None:
    roll_back(folder, "1")
    assert prune(folder, Keep(1)).kept == ("0001",)
    assert answers(folder) == 1


def test_a_generation_that_is_read_is_not_pruned(folder: IndexFolder, build_toy: BuildToy) -> None:
    with Searcher.open(folder.root, load=load_toy) as searcher:
        build_toy([article(1, "x")])
        build_toy([article(2, "x")])
        pruned = prune(folder, Keep(1))
        assert (pruned.removed, pruned.held) == (("0001", "0002", "0004"), ("0003",))
        assert len(searcher.search("a bb ccc")) == 3
    assert prune(folder, Keep(1)).removed == ("0003",)


def test_generations_are_kept_by_their_age(folder: IndexFolder) -> None:
    for name, days in (("0001", 9), ("0002", 6)):
        path = folder.generations / name / "manifest.json"
        created = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
        dataclasses.replace(Manifest.read(path), created=created).write(path)
    assert prune(folder, Keep.read("7d")).removed == ("0001",)


@pytest.mark.parametrize("text", ["0", "0d", "d", "x", "-1", "1.5", "3 weeks"])
def test_what_keep_does_not_take(text: str) -> None:
    with pytest.raises(ValueError, match="such as 7d; found"):
        Keep.read(text)


def test_there_must_be_an_index(tmp_path: Path) -> None:
    for refuse in (roll_back, lambda folder: prune(folder, Keep())):
        with pytest.raises(NoIndex):
            refuse(IndexFolder(tmp_path / "none"))

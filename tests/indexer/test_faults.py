"""Faults, a few of each kind; `make faults` injects many more, at more moments, into more commands."""

import dataclasses
import itertools
import os
import random
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from faults.campaign import Campaign, Plan
from faults.corpus import write_corpus
from faults.damage import damaged_cache, damaged_files
from faults.disks import full_disks, limited_files, small_disk
from faults.jobs import Stage
from faults.results import Row, Trial, as_markdown, rows_of
from faults.scenarios import Scenario, Setting
from faults.workers import Worker
from faults.writers import at_the_same_time, beside_a_build

FEW = Plan(kills=1, kills_at_renames=False, kills_of_upkeep=3, kills_in_a_row=2)
CHANCE = random.Random(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def worker(folder: Path) -> Iterator[Worker]:
    with Worker(folder) as worker:
        yield worker


@pytest.fixture(scope="module")
def setting(folder: Path, worker: Worker) -> Setting:
    return Setting(folder, write_corpus(folder / "files"), worker)


@pytest.fixture(scope="module")
def build(setting: Setting) -> Scenario:
    return setting.build()


@pytest.fixture(scope="module")
def update(setting: Setting) -> Scenario:
    return setting.update()


@pytest.fixture(scope="module")
def prune(setting: Setting) -> Scenario:
    return setting.prune()


def survived(trials: Iterable[Trial]) -> list[Trial]:
    """The trials, none of which did any harm."""
    trials = list(trials)
    assert [(one.fault, one.command, one.place, one.problems) for one in trials if one.problems] == []
    return trials


@pytest.mark.parametrize("name", ["build", "update"])
def test_kills_in_every_stage_while_a_reader_asks(
    name: str, folder: Path, worker: Worker, request: pytest.FixtureRequest
) -> None:
    campaign = Campaign(folder, FEW)
    campaign.kill_writing(request.getfixturevalue(name), worker)
    *kills, reader = survived(campaign.trials)
    assert {one.place for one in kills} >= {"read", "embed", "catalogue", "columns", "vectors", "lexical", "publish"}
    assert reader.times > 50


def test_kills_of_a_prune(folder: Path, worker: Worker, prune: Scenario) -> None:
    campaign = Campaign(folder, FEW)
    campaign.kill_upkeep(prune, Stage.PRUNE, worker)
    assert len(survived(campaign.trials)) == FEW.kills_of_upkeep


@pytest.mark.parametrize("name", ["build", "update"])
@pytest.mark.parametrize("polite", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_stop_embeds_nothing_twice(
    polite: signal.Signals, name: str, worker: Worker, request: pytest.FixtureRequest
) -> None:
    scenario: Scenario = request.getfixturevalue(name)
    scenario.begin()
    pid = worker.start(dataclasses.replace(scenario.job, seconds_per_batch=0.05))
    deadline = time.monotonic() + 30
    while not list(scenario.job.index.glob("embeddings/*/*.shard")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(pid, polite)
    stopped = worker.wait()
    assert (stopped.code, stopped.output, stopped.errors) == (1, "", "Stopped.\n")
    assert scenario.wrong(scenario.before) == []
    assert 16 <= scenario.cached() < scenario.needed
    assert scenario.completes(worker) == []


def test_files_that_may_not_grow(build: Scenario, update: Scenario, prune: Scenario, worker: Worker) -> None:
    survived(limited_files(build, worker, [0, 20_000]))
    survived(limited_files(update, worker, [4_000]))
    survived(limited_files(prune, worker, [0]))


def test_a_full_disk(build: Scenario, folder: Path, worker: Worker) -> None:
    with small_disk(folder / "disk") as disk:
        if disk is None:
            pytest.skip("mounting a small file system needs root, and a machine that allows it")
        survived(full_disks(build, disk, worker, [0, 200_000]))


def test_damaged_files_are_found(update: Scenario, worker: Worker) -> None:
    trials = survived(damaged_files(update, worker, 1, CHANCE))
    folders = {"base/", "delta/", "lexical/", "embeddings/"}
    files = {"manifest.json", "manifest.sha256", "tombstones.npy", "transform.npz", "skipped.jsonl"}
    assert {one.command for one in trials} == folders | files
    assert len(trials) > 100


def test_a_damaged_embedding_cache(build: Scenario, worker: Worker) -> None:
    survived(itertools.islice(damaged_cache(build, worker, CHANCE), 2))


def test_two_writers(build: Scenario, worker: Worker, folder: Path) -> None:
    with Worker(folder) as second:
        survived(itertools.islice(beside_a_build(build, worker, second), 2))
        survived(at_the_same_time(build, worker, second, 1))


def test_the_table() -> None:
    kill, again = Trial("SIGKILL", "read", "build", "went on"), Trial("SIGKILL", "read", "update", "went back")
    rows = rows_of([kill, Trial("a flipped bit", "", "base/", "found", ("it was not",)), kill, again])
    assert rows == [
        Row("SIGKILL", "read", 3, {"build": 2, "update": 1}, {"went on": 2, "went back": 1}, 0),
        Row("a flipped bit", "", 1, {"base/": 1}, {"found": 1}, 1),
    ]
    assert as_markdown(rows).splitlines()[2:] == [
        "| SIGKILL, read | 3 | build: 2; update: 1 | went on: 2; went back: 1 | 0 |",
        "| a flipped bit | 1 | base/ | found | 1 |",
    ]

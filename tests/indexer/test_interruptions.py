"""A build that is killed, stopped or out of disk: the published generation answers, and the next run completes."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, BuildToy, write_jsonl
from toy import article, load_toy

from indexer.progress import Silent
from indexer.verify import verify
from search import Searcher
from search.index_folder import IndexFolder

BEFORE = [article(pmid, "a bb ccc") for pmid in range(1, 20)]
AFTER = [article(pmid, "word " * (1 + pmid % 12), f"text {pmid}") for pmid in range(1, 401)]
SECONDS_PER_BATCH = 0.01


@pytest.fixture
def source(build_toy: BuildToy, tmp_path: Path) -> Path:
    """An index of BEFORE is published; the source of AFTER is what the interrupted builds read."""
    build_toy(BEFORE)
    return write_jsonl(tmp_path / "after.jsonl", AFTER)


def start(source: Path, index: Path, limit: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    """Start a build and wait until it has imported what it needs."""
    command = [sys.executable, str(ROOT / "tests" / "toy_build.py"), str(source), str(index), str(SECONDS_PER_BATCH)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=ROOT, preexec_fn=limit)  # noqa: PLW1509
    assert process.stderr
    assert process.stderr.readline() == "ready\n"
    return process


def finish(source: Path, index: Path) -> tuple[int, int]:
    """Run a build to its end; returns how many it embedded and how many it found in the cache."""
    with start(source, index) as process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    embedded, cached = output.split()
    return int(embedded), int(cached)


def assert_whole(index: Path, articles: int) -> None:
    assert verify(IndexFolder(index), Silent()).problems == ()
    with Searcher.open(index, load=load_toy) as searcher:
        assert searcher.summary.articles == articles
        assert len(searcher.search("a bb ccc")) == 10


def test_ten_kills_at_random_moments(source: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    # An undisturbed build of the same size, elsewhere, says how long there is to kill.
    started = time.monotonic()
    finish(source, tmp_path / "elsewhere")
    whole = time.monotonic() - started
    moments = random.Random(20261122)  # noqa: S311 - moments, not secrets
    for _ in range(10):
        with start(source, index) as process:
            time.sleep(moments.uniform(0, 0.6 * whole))
            process.send_signal(signal.SIGKILL)
        assert_whole(index, IndexFolder(index).published().read_manifest().counts.articles)
    embedded, cached = finish(source, index)
    assert embedded + cached == len(AFTER)
    assert_whole(index, len(AFTER))


@pytest.mark.parametrize("polite", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_build_embeds_nothing_twice(source: Path, tmp_path: Path, polite: signal.Signals) -> None:
    index = tmp_path / "index"
    with start(source, index) as process:
        time.sleep(0.5)
        process.send_signal(polite)
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (1, "", "Stopped.\n")
    assert_whole(index, len(BEFORE))
    cache = len(list((index / "embeddings").rglob("*.shard")))
    embedded, cached = finish(source, index)
    assert cache >= 2
    assert 0 < cached < len(AFTER)
    assert embedded + cached == len(AFTER)
    assert_whole(index, len(AFTER))


@pytest.mark.parametrize("kilobytes", [1, 20, 60, 120])
def test_a_file_that_may_not_grow_is_said_like_a_full_disk(source: Path, tmp_path: Path, kilobytes: int) -> None:
    index = tmp_path / "index"
    with start(source, index, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024,) * 2)) as process:
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert "is full or cannot be written, or a file-size limit was hit" in errors
    assert errors.count("\n") == 1
    assert_whole(index, len(BEFORE))
    assert sum(finish(source, index)) == len(AFTER)


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of its own, of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    if subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False, capture_output=True
    ).returncode:
        pytest.skip("this machine does not allow mounting")
    return folder


def test_a_full_disk(source: Path, small_disk: Path, tmp_path: Path) -> None:
    try:
        shutil.copytree(tmp_path / "index", small_disk / "index")
        free = shutil.disk_usage(small_disk).free
        (small_disk / "ballast").write_bytes(b"x" * (free - 100_000))
        with start(source, small_disk / "index") as process:
            _, errors = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "is full or cannot" in errors
        assert errors.count("\n") == 1
        assert_whole(small_disk / "index", len(BEFORE))
        (small_disk / "ballast").unlink()
        assert sum(finish(source, small_disk / "index")) == len(AFTER)
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)

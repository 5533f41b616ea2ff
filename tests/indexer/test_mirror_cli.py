"""``pubmed-index mirror`` as people and programs run it."""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from fake_nlm import FIRST, SECOND, THIRD, UPDATE, FakeNlm, Fault, is_mirrored, parts, serving
from running import Run, in_process

from indexer.mirror_cli import KEPT, add_mirror
from search.command import run

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def nlm(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNlm]:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving() as server:
        yield server


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "pubmed"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="pubmed-index mirror")
    add_mirror(parser)
    options = parser.parse_args(arguments)
    return run(lambda: options.command(options), interrupted=KEPT)


@pytest.fixture
def pubmed_index_mirror(capsys: pytest.CaptureFixture[str], nlm: FakeNlm, out: Path) -> Iterator[Run]:
    with in_process(main, capsys) as run_it:
        yield partial(run_it, "--base-url", nlm.url, "--out", out)


def test_the_command_says_what_came(pubmed_index_mirror: Run, out: Path) -> None:
    done = pubmed_index_mirror("--dry-run")
    assert done.out == f"4 files, 0.0 MB, to fetch into {out}; 0 already there. The last file is {UPDATE}.\n"
    done = pubmed_index_mirror()
    assert (done.code, done.out) == (0, f"4 files, 0.0 MB, fetched into {out}; 0 already there. The last file is {UPDATE}.\n")
    lines = [line for line in done.err.splitlines() if line.startswith("pubmed26n")]
    assert sorted(line.partition(",")[0] for line in lines) == [FIRST, SECOND, THIRD, UPDATE]
    assert re.search(r", 0\.0 MB; 4 of 4 files, \d+\.\d MB a second, 0:00:00 left$", lines[-1])


def test_the_command_prints_one_document(pubmed_index_mirror: Run, out: Path) -> None:
    expected = {"path": str(out), "year": 2026, "files": 4, "bytes": 20_000, "already_there": 0, "last_file": UPDATE}
    expected |= {"new_year": None, "dry_run": False, "notes": []}
    assert pubmed_index_mirror("--json").document == expected


def test_a_failure_of_the_command_is_one_sentence(pubmed_index_mirror: Run, nlm: FakeNlm) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(status=404)]
    done = pubmed_index_mirror("--json")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1].startswith(f"Expected {FIRST} of 5,000 bytes with the MD5 ")
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "wrong", [["--base-url", "ftp://nlm.example/"], ["--base-url", "pubmed"], ["--connections", "9"], ["--connections", "0"]]
)
def test_wrong_usage_is_said(pubmed_index_mirror: Run, wrong: list[str]) -> None:
    assert pubmed_index_mirror(*wrong).code == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_keeps_what_came_and_the_next_run_goes_on(
    pubmed_index_mirror: Run, nlm: FakeNlm, out: Path, number: signal.Signals
) -> None:
    nlm.faults = {f"baseline/{name}": [Fault(stall=2_000)] for name in (FIRST, SECOND, THIRD)}
    command = [sys.executable, __file__, "--base-url", nlm.url, "--out", str(out)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}, text=True
    ) as process:
        until = time.monotonic() + 20
        while [part.stat().st_size for part in parts(out)] != [2_000] * 3 and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(number)
        began = time.monotonic()
        assert process.wait(15) == 1
        assert time.monotonic() - began < 4
        assert process.stderr is not None
        assert process.stderr.read().splitlines()[-1] == KEPT
    assert [part.stat().st_size for part in parts(out)] == [2_000] * 3
    nlm.requests.clear()
    assert pubmed_index_mirror().code == 0
    asked = [
        one.headers.get("Range")
        for one in nlm.requests
        if one.method == "GET" and one.path.endswith(("1.xml.gz", "2.xml.gz", "3.xml.gz"))
    ]
    assert asked == ["bytes=2000-"] * 3
    assert is_mirrored(nlm, out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A disk that takes no more: one sentence, the published index untouched, and the next run completes."""

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from faults.jobs import Command, Ended
from faults.results import Trial
from faults.scenarios import Disturbed, Scenario
from faults.workers import Worker

_DISK_BYTES = 32_000_000
# The second is what Python says, and `search.command` passes on, where no temporary file can be written.
_SAID = ("is full or cannot be written, or a file-size limit was hit", "the space on its disk")


def limited_files(scenario: Disturbed, worker: Worker, sizes: Sequence[int]) -> Iterator[Trial]:
    """Run a command whose files may not grow above each of some sizes, in bytes."""
    for size in sizes:
        scenario.begin()
        ended = worker.run(dataclasses.replace(scenario.job, file_size=size))
        outcome, problems = _judged(ended, scenario, worker)
        yield Trial("a limit on the size of files", "", scenario.name, outcome, tuple(problems))


def full_disks(scenario: Scenario, disk: Path, worker: Worker, free: Sequence[int]) -> Iterator[Trial]:
    """Run a command on a disk of which so many bytes are free, then again when there is room."""
    index, ballast = disk / "index", disk / "ballast"
    moved = dataclasses.replace(scenario, job=dataclasses.replace(scenario.job, index=index), reset=lambda: None)
    for room in free:
        scenario.begin()
        shutil.copytree(scenario.job.index, index)
        ballast.write_bytes(bytes(max(shutil.disk_usage(disk).free - room, 0)))
        ended = worker.run(moved.job)
        ballast.unlink()
        outcome, problems = _judged(ended, moved, worker)
        yield Trial("a full disk", "", scenario.name, outcome, tuple(problems))
        shutil.rmtree(index)


def _judged(ended: Ended, scenario: Disturbed, worker: Worker) -> tuple[str, list[str]]:
    """What came of a command that ran out of room, and what is wrong."""
    if not ended.code:
        return "there was room enough", scenario.wrong(scenario.after)
    outcome = "said in one sentence; the earlier index untouched; run again, complete"
    if scenario.job.command is Command.PRUNE:
        return "failed", [f"a prune needs no room: {ended.errors.strip()}"]
    problems = scenario.wrong(scenario.before)
    if ended.code != 1 or ended.errors.count("\n") != 1 or not any(said in ended.errors for said in _SAID):
        problems.append(f"it ended with {ended.code} and said: {ended.errors.strip()}")
    return outcome, problems + scenario.completes(worker)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A small file system of its own; None where this machine does not let us mount one."""
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        yield None
        return
    command = [mount, "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)

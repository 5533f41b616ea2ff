"""Two writers at once: one works, the other is told who does; when a writer is killed, its lock is free at once."""

import dataclasses
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from faults.jobs import Command, Ended, Job
from faults.results import Trial
from faults.scenarios import Scenario
from faults.workers import Worker

# A build that lasts a second, and one that lasts until it is killed.
_SECONDS_PER_BATCH = 0.03
_UNTIL_KILLED = 1.0
_PATIENCE = 30.0
_REFUSED = "refused, and told who is writing"


def beside_a_build(build: Scenario, first: Worker, second: Worker) -> Iterator[Trial]:
    """Start every writing command beside a build, then kill the build and start another at once."""
    slow = dataclasses.replace(build.job, seconds_per_batch=_UNTIL_KILLED)
    for command in (Command.BUILD, Command.UPDATE, Command.PRUNE, Command.ROLLBACK, Command.REPAIR):
        build.begin()
        pid = first.start(slow)
        _wait_for(pid, build.job.index)
        problems = _not_refused(second.run(Job(command, build.job.index, build.job.sources)), pid)
        yield Trial("a second writer beside a build", "", command, _REFUSED, tuple(problems))
        os.kill(pid, signal.SIGKILL)
        killed = first.wait()
        problems = [] if killed.code == -signal.SIGKILL else [f"the first build ended by itself, with {killed.code}"]
        problems += build.completes(second)
        yield Trial("a killed writer, and another at once", "", "build", "its lock was free", tuple(problems))


def at_the_same_time(build: Scenario, first: Worker, second: Worker, times: int) -> Iterator[Trial]:
    """Start two builds at the same moment."""
    slow = dataclasses.replace(build.job, seconds_per_batch=_SECONDS_PER_BATCH)
    for _ in range(times):
        build.begin()
        for worker in (first, second):
            worker.start(slow)
        done, other = sorted((first.wait(), second.wait()), key=lambda one: one.code)
        problems = [f"both ended with {done.code}"] if done.code == other.code else _not_refused(other, done.pid)
        problems += build.wrong(build.after)
        yield Trial(
            "two writers started at once", "", "build", "one completed, the other was told who is writing", tuple(problems)
        )


def _wait_for(pid: int, index: Path) -> None:
    """Wait until a process holds the lock."""
    deadline = time.monotonic() + _PATIENCE
    while (index / "lock").read_text() != str(pid):
        assert time.monotonic() < deadline, "a build does not take the lock"
        time.sleep(0.005)


def _not_refused(ended: Ended, holder: int) -> list[str]:
    """What is wrong with a writer that should have been refused."""
    is_told = ended.errors.count("\n") == 1 and f"Process {holder} is writing to" in ended.errors
    return [] if ended.code == 1 and is_told else [f"it ended with {ended.code} and said: {ended.errors.strip()}"]

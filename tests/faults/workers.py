"""Starts workers, gives them jobs and waits for them."""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from faults.jobs import Ended, Job, Started

TESTS = Path(__file__).resolve().parent.parent
_ENVIRONMENT = {
    "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}",
    # A fork has only the thread that forked: libraries must not have started others.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


class Worker:
    """A worker process; it runs one job at a time. What killed jobs leave in the temporary folder goes below `folder`.

    A context manager.
    """

    def __init__(self, folder: Path) -> None:
        pipe, temporary = subprocess.PIPE, folder / "temporary"
        temporary.mkdir(exist_ok=True)
        environment = {**os.environ, **_ENVIRONMENT, "TMPDIR": str(temporary)}
        self._process = subprocess.Popen([sys.executable, "-m", "faults.worker"], stdin=pipe, stdout=pipe, env=environment)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(60)
        if self._process.stdout:
            self._process.stdout.close()

    def start(self, job: Job) -> int:
        """Start a job; returns the number of its process."""
        assert self._process.stdin
        self._process.stdin.write(msgspec.json.encode(job, enc_hook=str) + b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._line(), type=Started).pid

    def wait(self) -> Ended:
        """Wait for the job's end."""
        return msgspec.json.decode(self._line(), type=Ended)

    def run(self, job: Job) -> Ended:
        """Run a job to its end."""
        self.start(job)
        return self.wait()

    def _line(self) -> bytes:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("A worker has ended by itself; what it said stands above.")
        return line

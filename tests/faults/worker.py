"""A process that has everything imported and runs each job in a fork of itself, so that a kill costs no start of Python.

It reads jobs from its standard input, a line of JSON each, and answers with a `Started` and an `Ended`.
"""

import json
import mmap
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from faults.asking import ask_until_stopped
from faults.jobs import Command, Done, Ended, Event, Job, Moment, Recorded, Stage, Started
from faults.watching import Watch
from toy import ToyEncoder

from indexer.build import Build
from indexer.embedding_cache import EmbeddingCache
from indexer.history import Keep, prune, roll_back
from indexer.repair import Repair
from indexer.sources import find_sources
from indexer.update import Update
from search.article import Article
from search.command import run
from search.encoder import EmbeddedBatch
from search.index_folder import IndexFolder

_ROWS_PER_SHARD = 16  # so that a kill leaves some shards written, and others not
_STAGES = list(Stage)
_WHOLE = {Command.PRUNE: Stage.PRUNE, Command.ROLLBACK: Stage.ROLLBACK, Command.REPAIR: Stage.REPAIR}


class Progress:
    """Tells the watch how far the work is, and keeps what is said."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.said: list[str] = []

    def start(self, stage: str, _total: int | None, _unit: str) -> None:
        self._watch.began(stage)

    def advance(self, _done: int) -> None:
        self._watch.went_on()

    def say(self, line: str) -> None:
        self.said.append(line)


class SlowToyEncoder(ToyEncoder):
    """Takes a while over every batch."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def embed(self, articles: Sequence[Article]) -> Iterator[EmbeddedBatch]:
        for batch in super().embed(articles):
            time.sleep(self._seconds)
            yield batch


class Killer:
    """Counts the events of a run and ends it at its moment; `line` asks the process above to do so a while later."""

    def __init__(self, moment: Moment | None, line: int, last: mmap.mmap) -> None:
        self._moment, self._line, self._last = moment, line, last
        self.events: list[Event] = []

    def reached(self, event: Event) -> None:
        self.events.append(event)
        self._last[0] = _STAGES.index(event.stage)
        if self._moment is None or len(self.events) - 1 != self._moment.number:
            return
        if not self._moment.delay:
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(self._line, json.dumps(self._moment.delay).encode())


def perform(job: Job, progress: Progress) -> Done:
    """Run the job's command."""
    folder, encoder = IndexFolder(job.index), SlowToyEncoder(job.seconds_per_batch)
    embedded = cached = 0
    match job.command:
        case Command.BUILD:
            built = Build(folder, encoder, progress, transform=job.transform).run(find_sources(job.sources))
            embedded, cached = built.embedded, built.cached
        case Command.UPDATE:
            update = Update(folder, lambda: encoder, progress, merged_above=job.merged_above)
            updated = update.run(find_sources(job.sources))
            embedded, cached = updated.embedded, updated.cached
        case Command.PRUNE:
            prune(folder, Keep(job.keep))
        case Command.ROLLBACK:
            roll_back(folder)
        case Command.REPAIR:
            Repair(folder, lambda: encoder, progress).run()
        case Command.ASK:
            ask_until_stopped(job)
    return Done(embedded, cached, tuple(progress.said))


def be_the_job(job: Job, line: int, last: mmap.mmap) -> int:
    """Run a job in this process, watched; returns its exit code."""
    killer = Killer(job.kill, line, last)
    watch = Watch((job.index, *job.sources), _WHOLE.get(job.command), killer.reached)
    EmbeddingCache.rows_per_shard = _ROWS_PER_SHARD
    if job.file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_size, job.file_size))

    def command() -> None:
        if job.kill or job.record:
            watch.start()
        done = perform(job, Progress(watch))
        sys.setprofile(None)
        sys.stdout.write(msgspec.json.encode(done).decode() + "\n")

    code = run(command)
    if job.record:
        job.record.write_bytes(msgspec.json.encode(Recorded(killer.events)))
    return code


def fork(job: Job, answer: int) -> None:
    """Run a job in a fork of this process, kill it where it asks for that, and answer how it ended."""
    last = mmap.mmap(-1, 1)
    (out, its_out), (err, its_err), (line, its_line) = os.pipe(), os.pipe(), os.pipe()
    pid = os.fork()
    if not pid:
        for target, pipe in ((1, its_out), (2, its_err)):
            os.dup2(pipe, target)
        code = 70
        try:
            code = be_the_job(job, its_line, last)
            sys.stdout.flush()
        except BaseException as error:  # noqa: BLE001  (a traceback is a finding, and the fork must end here)
            os.write(its_err, f"{type(error).__name__}: {error}\nThis was not expected.\n".encode())
        os._exit(code)
    for pipe in (its_out, its_err, its_line):
        os.close(pipe)
    _send(answer, Started(pid))
    if asked := os.read(line, 64):
        time.sleep(float(asked))
        os.kill(pid, signal.SIGKILL)
    with os.fdopen(out, "rb") as output, os.fdopen(err, "rb") as errors:
        said = output.read().decode(), errors.read().decode()
    os.close(line)
    _, status = os.waitpid(pid, 0)
    _send(answer, Ended(pid, os.waitstatus_to_exitcode(status), _STAGES[last[0]], *said))


def _send(answer: int, message: Started | Ended) -> None:
    os.write(answer, msgspec.json.encode(message) + b"\n")


def main() -> None:
    """Run jobs until there are no more."""
    answer = os.dup(1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    for line in sys.stdin.buffer:
        fork(msgspec.json.decode(line, type=Job, dec_hook=lambda kind, value: kind(value) if kind is Path else value), answer)


if __name__ == "__main__":
    main()

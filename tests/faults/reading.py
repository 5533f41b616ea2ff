"""A reader beside the writers: it asks from their first moment to their last, and moves when there is a new generation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from faults.jobs import Asked, Command, Job
from faults.results import Trial
from faults.scenarios import Scenario, write_expected
from faults.workers import Worker


@contextmanager
def reader_beside(scenario: Scenario, folder: Path, trials: list[Trial]) -> Iterator[None]:
    """Have a reader ask an index all the while; what it met is one of the trials."""
    expected, stop, asked = (folder / f"{scenario.name}.{name}" for name in ("expected", "stop", "asked"))
    job = Job(Command.ASK, scenario.job.index, expected=write_expected(expected, scenario), stop=stop, asked=asked)
    with Worker(folder) as worker:
        worker.start(job)
        try:
            yield
        finally:
            stop.touch()
            ended = worker.wait()
    if ended.code:
        trials.append(_trial(scenario, Asked(failures=(f"the reader ended with {ended.code}: {ended.errors}",))))
    else:
        trials.append(_trial(scenario, msgspec.json.decode(asked.read_bytes(), type=Asked)))


def _trial(scenario: Scenario, asked: Asked) -> Trial:
    outcome = "each answer was that of a published generation"
    return Trial("a reader's questions all the while", "", scenario.name, outcome, asked.failures, asked.answers)

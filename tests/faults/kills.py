"""SIGKILL at moments of every stage: what was published answers on, and the same command run again completes."""

import dataclasses
import random
import signal
from collections.abc import Iterator, Sequence

from faults.jobs import Event, Moment, Stage
from faults.results import Trial
from faults.scenarios import Disturbed
from faults.workers import Worker

# Two of three kills fall between events, where libraries write, by how long these take; the others exactly on an event.
_EXACT = 3


def draw(events: Sequence[Event], stage: Stage, count: int, chance: random.Random) -> list[Moment]:
    """Moments of one stage of a run."""
    numbers = [number for number, event in enumerate(events) if event.stage is stage]
    lasting = [_seconds_after(events, number) for number in numbers]
    moments = []
    for place in range(count if numbers else 0):
        if place % _EXACT and any(lasting):
            number = chance.choices(numbers, lasting)[0]
            moments.append(Moment(number, chance.uniform(0, _seconds_after(events, number))))
        else:
            # One of each part of the stage.
            moments.append(Moment(numbers[int(len(numbers) * (place + chance.random()) / count)]))
    return moments


def draw_renames(events: Sequence[Event], stage: Stage) -> list[Moment]:
    """The moments before and after each rename of a stage: a rename is what makes its work count."""
    renames = [number for number, event in enumerate(events) if event.stage is stage and event.what.startswith("os.rename")]
    return [Moment(number + after) for number in renames for after in (0, 1)]


def _seconds_after(events: Sequence[Event], number: int) -> float:
    return events[number + 1].at - events[number].at if number + 1 < len(events) else 0.0


def kill_at(moment: Moment, scenario: Disturbed, worker: Worker) -> Trial:
    """Kill the command at a moment, look at what it left, and run it again."""
    scenario.begin()
    trial = _kill(moment, scenario, worker)
    return _completed(trial, scenario, worker)


def kill_in_a_row(moments: Sequence[Moment], scenario: Disturbed, worker: Worker) -> Iterator[Trial]:
    """Kill the command again and again, each time on top of what the time before left; the last time, let it complete."""
    scenario.begin()
    for place, moment in enumerate(moments, 1):
        trial = dataclasses.replace(_kill(moment, scenario, worker), command=f"{scenario.name} in a row")
        if place == len(moments):
            yield _completed(trial, scenario, worker)
        else:
            yield dataclasses.replace(trial, outcome=f"{trial.outcome}; killed again")


def _completed(trial: Trial, scenario: Disturbed, worker: Worker) -> Trial:
    """A trial, and how the same command went afterwards."""
    problems = (*trial.problems, *scenario.completes(worker))
    return dataclasses.replace(trial, outcome=f"{trial.outcome}; run again, complete", problems=problems)


def _kill(moment: Moment, scenario: Disturbed, worker: Worker) -> Trial:
    ended = worker.run(dataclasses.replace(scenario.job, kill=moment))
    if ended.code == 0:  # it was quicker this time, or went on from what an earlier one had read
        scenario.begin()
        ended = worker.run(dataclasses.replace(scenario.job, kill=Moment(moment.number)))
    problems = [] if ended.code == -signal.SIGKILL else [f"it was not killed but ended with {ended.code}: {ended.errors}"]
    problems += scenario.wrong(scenario.before, scenario.after)
    what = "the earlier index untouched" if scenario.state() == scenario.before else "the new index whole"
    return Trial("SIGKILL", ended.stage, scenario.name, what, tuple(problems))

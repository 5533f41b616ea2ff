"""What was injected and what came of it, as a table."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was done to an index: the fault, the stage of which command it met, and what came of it.

    `problems` are what should not have come of it. `place` is "" where there is but one, `command` is a folder or a file where
    the fault is in files.
    """

    fault: str
    place: str
    command: str
    outcome: str
    problems: tuple[str, ...] = ()
    times: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """All trials of one fault in one place: how many, by command and by what came of them."""

    fault: str
    place: str
    times: int
    commands: dict[str, int]
    outcomes: dict[str, int]
    failures: int


def rows_of(trials: Iterable[Trial]) -> list[Row]:
    """Sum trials up by fault and place, in the order in which these came first."""
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault((trial.fault, trial.place), []).append(trial)
    return [_row(fault, place, group) for (fault, place), group in groups.items()]


def _row(fault: str, place: str, trials: Sequence[Trial]) -> Row:
    commands, outcomes = Counter[str](), Counter[str]()
    for trial in trials:
        commands[trial.command] += trial.times
        outcomes[trial.outcome] += trial.times
    failures = sum(bool(trial.problems) for trial in trials)
    return Row(fault, place, commands.total(), dict(commands), dict(outcomes.most_common()), failures)


def as_markdown(rows: Sequence[Row]) -> str:
    """The table as Markdown."""
    lines = ["| injected | times | into | what came of it | failures |", "|---|--:|---|---|--:|"]
    for row in rows:
        fault = f"{row.fault}, {row.place}" if row.place else row.fault
        cells = (fault, f"{row.times:,}", _counts(row.commands), _counts(row.outcomes), f"{row.failures:,}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _counts(counts: dict[str, int]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{what}: {count:,}" for what, count in counts.items())

"""Progress for people: bars on a terminal, a line now and then elsewhere; on stderr, so that stdout stays the answer."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

_SECONDS_PER_LINE = 10.0


class ProgressBars:
    """A bar for each stage, with what is done, the speed and the time left. A context manager."""

    def __init__(self) -> None:
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description:<9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
        )
        self._task: TaskID | None = None

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Finish the stage before, and begin a bar."""
        self._finish()
        self._task = self._bars.add_task(stage, total=total, unit=unit, speed="")

    def advance(self, done: int) -> None:
        """Move the bar on."""
        if self._task is not None:
            speed = self._bars.tasks[self._task].speed
            self._bars.update(self._task, advance=done, speed=f"{speed:,.0f}/s" if speed else "")

    def reached(self, done: int, total: int) -> None:
        """Say how far the running stage is, and how far it goes."""
        if self._task is not None:
            self._bars.update(self._task, total=total, completed=done)

    def say(self, line: str) -> None:
        """Write a line above the bars."""
        self._bars.console.print(line, markup=False, highlight=False)

    def _finish(self) -> None:
        if self._task is not None:
            task = self._bars.tasks[self._task]
            self._bars.update(self._task, total=task.total or 1, completed=task.total or 1)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self._finish()
        self._bars.stop()


class ProgressLines:
    """A line at the start of each stage and every ten seconds, for logs and pipes. A context manager."""

    def __init__(self) -> None:
        self._stage, self._unit = "", ""
        self._total: int | None = None
        self._done = 0
        self._started = self._last_line = time.monotonic()

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Say that a stage begins."""
        self._stage, self._total, self._unit, self._done = stage, total, unit, 0
        self._started = self._last_line = time.monotonic()
        counted = "" if total is None else f" {total:,} {unit.removesuffix('s') if total == 1 else unit}"
        sys.stderr.write(f"{stage}{counted}\n")

    def advance(self, done: int) -> None:
        """Say how far the stage is, if the last time is a while ago."""
        self._done += done
        now = time.monotonic()
        if now - self._last_line >= _SECONDS_PER_LINE:
            self._last_line = now
            total = "" if self._total is None else f" of {self._total:,}"
            sys.stderr.write(
                f"{self._stage} {self._done:,}{total} {self._unit}, {self._done / (now - self._started):,.0f} a second\n"
            )

    def reached(self, done: int, total: int) -> None:
        """Say how far the running stage is, and how far it goes."""
        self._total = total
        self.advance(done - self._done)

    def say(self, line: str) -> None:
        """Write a line."""
        sys.stderr.write(f"{line}\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        sys.stderr.flush()


def progress_for_people() -> ProgressBars | ProgressLines:
    """Bars where stderr is a terminal, lines elsewhere."""
    return ProgressBars() if sys.stderr.isatty() else ProgressLines()

"""How long work reports on itself, and the one that says nothing."""

from typing import Protocol


class Progress(Protocol):
    """Told of stages one after the other, and of what was done in each."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """A stage begins; `total` units of work where it is known."""
        ...

    def advance(self, done: int) -> None:
        """So many more units of the running stage are done."""
        ...

    def say(self, line: str) -> None:
        """A line for whoever reads along."""
        ...


class Silent:
    """Reports nothing."""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Ignore the stage."""

    def advance(self, done: int) -> None:
        """Ignore the units."""

    def say(self, line: str) -> None:
        """Ignore the line."""

"""Runs a command in this process and keeps what it left."""

import json
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left: its exit code, its answer, and what it said beside it."""

    code: object
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        assert self.code == 0, self.err
        document: dict[str, Any] = json.loads(self.out)
        return document


Run = Callable[..., Done]


@contextmanager
def in_process(main: Callable[[Sequence[str]], int], capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """A function that calls `main`; the signal handler that it sets is put back."""
    on_terminate = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> Done:
        code: object
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            code = stopped.code
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    yield run
    signal.signal(signal.SIGTERM, on_terminate)

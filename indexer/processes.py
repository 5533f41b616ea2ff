"""The processes of one training run: `accelerate launch` starts several, one a GPU; without it there is one."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta

from accelerate import PartialState

from search.checkpoint import best_device

# The others wait while the first collects pairs and asks the index about them, which takes hours of many.
_PATIENCE = timedelta(days=7)


class Processes:
    """What this process is among those of its run."""

    def __init__(self) -> None:
        self._state = PartialState(cpu=best_device().type == "cpu", timeout=_PATIENCE)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._state.num_processes)

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes, reports and judges."""
        return bool(self._state.is_main_process)

    @contextlib.contextmanager
    def first_goes_ahead(self) -> Iterator[None]:
        """What is done inside, the others do after the first, which leaves its files for them to find."""
        with self._state.main_process_first():
            yield

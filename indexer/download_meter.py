"""How far downloads are: bytes of several files at a time, their speed and the time left."""

import time
from collections.abc import Mapping
from datetime import timedelta

from indexer.progress import Progress

_MEGABYTE = 1_000_000


class DownloadMeter:
    """Adds up what threads report, and passes it on as megabytes. Only `held` is for the threads."""

    def __init__(self, held: Mapping[str, int], to_come: int, progress: Progress) -> None:
        self._held = dict(held)
        self._before = sum(held.values())
        self._to_come = to_come
        self._progress = progress
        self._shown = self._done_files = 0
        self._started = time.monotonic()
        progress.start("Fetching", to_come // _MEGABYTE, "MB")

    def held(self, name: str, size: int) -> None:
        """So much of a file is here; less than before, where it had to be begun again."""
        self._held[name] = size

    def tick(self) -> None:
        """Show how far the files are."""
        whole = self._came() // _MEGABYTE
        if whole != self._shown:
            self._progress.advance(whole - self._shown)
            self._shown = whole

    def say_done(self, name: str) -> None:
        """Say that a file is here, how many of all that makes, and how long the rest will take."""
        self._done_files += 1
        came = self._came()
        speed = came / max(time.monotonic() - self._started, 1e-3)
        left = timedelta(seconds=round(max(self._to_come - came, 0) / speed)) if came > 0 else "?"
        self._progress.say(
            f"{name}, {megabytes(self._held[name])}; {self._done_files:,} of {len(self._held):,} files, "
            f"{megabytes(round(speed))} a second, {left} left"
        )

    def _came(self) -> int:
        return sum(self._held.values()) - self._before


def megabytes(size: int) -> str:
    """A number of bytes, for people."""
    return f"{size / _MEGABYTE:,.1f} MB"

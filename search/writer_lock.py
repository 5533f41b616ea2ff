"""The writer's lock of an index: the kernel's own, so that a dead writer's is free at once, and a name in the file."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from search.errors import IndexLocked
from search.storage import is_full

# A writer writes down its number right after it takes the lock; who is refused in between asks again.
_TIMES_ASKED = 10
_SECONDS_BETWEEN = 0.01


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, a file in an index's folder. Raises IndexLocked, naming the process that holds it."""
    with FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise IndexLocked(
                f"Process {_holder(stream)} is writing to {path.parent}. Wait for it to end, or stop it."
            ) from None
        _sign(stream)
        yield


def _sign(stream: FileIO) -> None:
    """Write down who holds the lock. On a full disk nobody can, and the lock holds all the same: `prune` must go on there."""
    try:
        name = str(os.getpid()).encode()
        os.pwrite(stream.fileno(), name, 0)
        stream.truncate(len(name))
    except OSError as error:
        if not is_full(error):
            raise


def _holder(stream: FileIO) -> str:
    """The number of the process that holds the lock."""
    name = ""
    for _ in range(_TIMES_ASKED):
        stream.seek(0)
        name = stream.read().decode("ascii", "replace").strip()
        if name.isdecimal() and _is_alive(int(name)):
            break
        time.sleep(_SECONDS_BETWEEN)
    return name or "unknown"


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True

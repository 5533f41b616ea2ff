"""Keeping what comes over the network: what the disk refuses, said in a sentence."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from search.errors import FetchError, StorageFull
from search.storage import is_full


@contextlib.contextmanager
def keeping(path: Path) -> Iterator[None]:
    """Turn what the system says against writing `path` into StorageFull or FetchError.

    For writing alone: the errors of requests are OSErrors, too.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise StorageFull(f"No room to write {path}: free some space and run the same command again.") from error
        raise FetchError(f"{path} cannot be written ({error.strerror}): choose another folder with --out.") from error

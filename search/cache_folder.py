"""Where this project keeps what it can make again: evaluation indexes, quantised encoders."""

import os
from pathlib import Path


def cache_folder(name: str) -> Path:
    """A folder of the user's cache, by https://specifications.freedesktop.org/basedir-spec: a relative one is to be ignored."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "pubmed-semantic-search" / name

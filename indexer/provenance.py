"""What a figure was produced by: the command, the version, the commit and the day. Without these a figure is hearsay."""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self

_ROOT = Path(__file__).resolve().parent.parent
DIRTY = "-dirty"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What produced a figure, and when.

    `commit` is None outside a checkout, and ends in ``-dirty`` where its files differ from the commit's.
    """

    command: str
    project_version: str
    commit: str | None
    date: str

    @classmethod
    def of(cls, command: str) -> Self:
        """The provenance of what `command` measures now."""
        return cls(command, version("pubmed-semantic-search"), commit(), datetime.now(UTC).isoformat(timespec="seconds"))


def commit(root: Path = _ROOT) -> str | None:
    """The commit that is checked out at `root`; None where that is no checkout, or git is not installed."""
    git = shutil.which("git")
    # Installed below somebody's own checkout, git would name theirs.
    if git is None or not (root / ".git").exists():
        return None
    describe = [git, "-C", str(root), "describe", "--always", "--abbrev=40", f"--dirty={DIRTY}", "--exclude=*"]
    done = subprocess.run(describe, capture_output=True, text=True, check=False)  # noqa: S603  (no part is a user's)
    return done.stdout.strip() or None

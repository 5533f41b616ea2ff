"""What a figure was produced by."""

import re
import subprocess
from pathlib import Path

from indexer.provenance import Provenance, commit


def test_the_commit_of_a_checkout(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        return subprocess.run(["git", "-C", tmp_path, *author, *arguments], check=True, capture_output=True, text=True).stdout

    assert commit(tmp_path) is None
    git("init", "-q")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-q", "-m", "first")
    git("tag", "v1")
    head = git("rev-parse", "HEAD").strip()
    assert commit(tmp_path) == head
    (tmp_path / "file").write_text("2")
    assert commit(tmp_path) == f"{head}-dirty"
    (tmp_path / "below").mkdir()
    assert commit(tmp_path / "below") is None


def test_what_is_recorded() -> None:
    provenance = Provenance.of("pubmed-index evaluate --own")
    assert provenance.command == "pubmed-index evaluate --own"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", provenance.date)

"""Linking what generations share: their files, or copies where the file system has no links."""

import errno
import os
from pathlib import Path

import pytest

from search.storage import link


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with a file and a folder in it."""
    (tmp_path / "old" / "columns").mkdir(parents=True)
    (tmp_path / "old" / "vectors.npy").write_bytes(b"vectors")
    (tmp_path / "old" / "columns" / "years.npy").write_bytes(b"years")
    return tmp_path / "old"


def refusing(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system answer as a file system without links does."""

    def refuse(source: Path, _target: Path, **_options: object) -> None:
        raise OSError(number, os.strerror(number), str(source))

    monkeypatch.setattr(os, "link", refuse)


def test_a_folder_is_linked_file_by_file(old: Path, tmp_path: Path) -> None:
    link(old, tmp_path / "new")
    for name in ("vectors.npy", "columns/years.npy"):
        assert (tmp_path / "new" / name).samefile(old / name)


def test_without_links_it_is_copied(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(errno.EPERM, monkeypatch)
    link(old, tmp_path / "new")
    assert (tmp_path / "new" / "columns" / "years.npy").read_bytes() == b"years"
    assert not (tmp_path / "new" / "vectors.npy").samefile(old / "vectors.npy")


def test_another_refusal_is_an_error(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(errno.EACCES, monkeypatch)
    with pytest.raises(PermissionError):
        link(old, tmp_path / "new")

"""Linking what generations share: their files, or copies where the file system has no links."""

import contextlib
import errno
import os
from pathlib import Path

import numpy as np
import pytest

from search.storage import link, read_array


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


@pytest.mark.parametrize("position", range(8, 60, 3))
def test_an_array_with_a_damaged_header_is_an_array_or_a_value_error(tmp_path: Path, position: int) -> None:
    np.save(tmp_path / "a.npy", np.arange(5))
    content = bytearray((tmp_path / "a.npy").read_bytes())
    for bit in range(8):
        damaged = content.copy()
        damaged[position] ^= 1 << bit
        (tmp_path / "a.npy").write_bytes(damaged)
        with contextlib.suppress(ValueError, EOFError, OSError):
            assert isinstance(read_array(tmp_path / "a.npy"), np.ndarray)


def test_an_archive_is_no_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.arange(5))
    with pytest.raises(ValueError, match="archive"):
        read_array(tmp_path / "a.npz")

"""Writing files so that a reader never meets a half-written one, and saying so when the disk is full."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from search.errors import StorageFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What C libraries below us (FAISS, SQLite) say for the same thing, as text only.
# SQLite says "disk I/O error" for a file that may not grow.
_FULL_TEXTS = (
    "No space left on device",
    "database or disk is full",
    "disk I/O error",
    "File too large",
    "Disk quota exceeded",
)

# What the systems say of a file system without links, or of a file that has as many as it may have.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` by `content` so that every reader sees the old bytes or the new ones, also after a power cut."""
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)
    sync_folder(path.parent)


@contextlib.contextmanager
def complete_folder(path: Path) -> Iterator[Path]:
    """Gives a folder to fill that becomes `path` when all is in it, and is removed where something went wrong.

    Raises FileExistsError where there is something at `path` by then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield beside
        for file in beside.rglob("*"):
            if file.is_file():
                sync_file(file)
        beside.chmod(0o755)  # mkdtemp's are for their maker alone
        _rename_to_new(beside, path)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    sync_folder(path.parent)


def _rename_to_new(folder: Path, path: Path) -> None:
    if path.exists():
        raise FileExistsError(f"There is something at {path} already.")
    folder.rename(path)


def read_array(path: Path, *, mapped: bool = False) -> npt.NDArray[Any]:
    """Read or map the array in a ``.npy`` file. Raises OSError, EOFError, and ValueError where there is none in it."""
    try:
        found = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (SyntaxError, TypeError, tokenize.TokenError) as error:  # of a damaged header, which is Python's own notation
        raise ValueError(f"its header cannot be read: {error}") from error
    if not isinstance(found, np.ndarray):
        raise ValueError("it is an archive of arrays")  # noqa: TRY004  (who reads it asks for the array, not for a type)
    return found


def sync_file(path: Path) -> None:
    """Wait until a file's bytes are on the disk."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def sync_folder(path: Path) -> None:
    """Wait until a folder's entries (files made, renamed, removed) are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_full(error: BaseException) -> bool:
    """Whether an error of the system, or of a library that only passes its text on, means a full disk."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(text in str(error) for text in _FULL_TEXTS)


@contextlib.contextmanager
def full_disk_is_said(folder: Path) -> Iterator[None]:
    """Turn whatever a library raises on a full disk into one StorageFull with what to do next."""
    try:
        yield
    except StorageFull:
        raise
    except Exception as error:
        if not is_full(error):
            raise
        raise StorageFull(
            f"The disk under {folder} is full or cannot be written, or a file-size limit was hit. "
            "The published index is untouched and the embeddings written so far are kept: free some space, or name another "
            "--index, and run the same command again."
        ) from error


def link(path: Path, into: Path) -> None:
    """Link a file, or the files of a folder, into another generation: they are never changed, so that both may have them.

    Where the file system has no links, as those of many memory sticks and network disks, they are copied.
    """
    if path.is_dir():
        into.mkdir(exist_ok=True)
        for inside in sorted(path.iterdir()):
            link(inside, into / inside.name)
        return
    try:
        into.hardlink_to(path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(path, into)

"""A mirror on the disk: which files are there, whole and known, and how a new one takes its place.

    DIR/2026/baseline/pubmed26n0001.xml.gz, .xml.gz.md5     a whole file, and its MD5 as NLM states it
    DIR/2026/updatefiles/pubmed26n1335.xml.gz, .xml.gz.md5
    DIR/2026/updatefiles/pubmed26n1336.xml.gz.MD5.part      what has come so far of the file with that MD5
    DIR/mirror.json                                         of each whole file, what tells that it has not changed since

A folder for each year, because no index may be made of two: `pubmed-index build DIR/2026` reads one year.
"""

import contextlib
import fcntl
import hashlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from indexer.keeping import keeping
from indexer.mirror_listing import ListedFile, Series, read_md5
from indexer.polite_http import TransientError
from search.errors import FetchError
from search.storage import sync_file, write_atomically

_RECORD_NAME = "mirror.json"
_LOCK_NAME = ".mirror.lock"


class _Known(msgspec.Struct, frozen=True):
    """A file when it was last found whole, and what the server's listing said of it."""

    size: int
    changed_ns: int
    stamp: str


class MirrorFolder:
    """The folder of a mirror; one thread calls its methods, except those that say otherwise."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = _read_record(path / _RECORD_NAME)

    def place(self, file: ListedFile) -> Path:
        """Where a file lies once it is whole; any thread may ask."""
        return self.path / str(file.year) / file.series / file.name

    def part(self, file: ListedFile, md5: str) -> Path:
        """Where a file lies until it is whole; any thread may ask.

        The MD5 is part of the name, so that what has come of one content is never gone on with by another's.
        """
        place = self.place(file)
        return place.with_name(f"{place.name}.{md5}.part")

    def older_years(self, year: int) -> list[int]:
        """The years before this one of which files are here."""
        held = {path.parent.parent.name for path in self.path.glob("[0-9][0-9][0-9][0-9]/*/pubmed*.xml.gz")}
        return sorted(int(name) for name in held if int(name) < year)

    def is_settled(self, file: ListedFile) -> bool:
        """Whether a file is here, whole, and listed as it was when it came: then there is nothing to ask the server."""
        known = self._known.get(self._key(file))
        listed_alike = known is not None and (known.stamp == file.stamp != "" or not file.has_md5)
        return listed_alike and self.is_unaltered(file) and bool(self._stated(file))

    def is_whole(self, file: ListedFile, md5: str) -> bool:
        """Whether the file of this MD5 is here; read whole only where it is not known. Any thread may ask."""
        if self.is_unaltered(file) and self._stated(file):
            return self._stated(file) == md5
        with keeping(self.place(file)):
            return self.place(file).is_file() and md5_of(self.place(file)) == md5

    def is_unaltered(self, file: ListedFile) -> bool:
        """Whether a file has the size and the date with which it was found whole. Any thread may ask."""
        known = self._known.get(self._key(file))
        try:
            now = self.place(file).stat()
        except OSError:
            return False
        return known is not None and (now.st_size, now.st_mtime_ns) == (known.size, known.changed_ns)

    def is_altered(self, file: ListedFile) -> bool:
        """Whether a file was here, and whole, and is not as it was then."""
        return self._key(file) in self._known and not self.is_unaltered(file)

    def held(self, file: ListedFile, md5: str) -> int:
        """How many bytes of a file's content have come. Any thread may ask."""
        try:
            return self.part(file, md5).stat().st_size
        except OSError:
            return 0

    def has_baseline(self, year: int) -> bool:
        """Whether there is any file of a year's baseline."""
        return any((self.path / str(year) / Series.BASELINE).glob("pubmed*.xml.gz"))

    def publish(self, file: ListedFile, md5: str) -> None:
        """Put a file that has come whole into its place, for any thread; `adopt` follows."""
        place, part = self.place(file), self.part(file, md5)
        with keeping(place):
            sync_file(part)
            part.replace(place)
            write_atomically(self._beside(file), f"MD5({file.name})= {md5}\n".encode())  # and the folder is on the disk
            for stale in place.parent.glob(f"{place.name}.*.part"):
                stale.unlink()

    def adopt(self, file: ListedFile, md5: str) -> None:
        """Know a file that is here, and whole, by its size and its date from now on."""
        with keeping(self.place(file)):
            if self._stated(file) != md5:
                write_atomically(self._beside(file), f"MD5({file.name})= {md5}\n".encode())
            now = self.place(file).stat()
        self._known[self._key(file)] = _Known(now.st_size, now.st_mtime_ns, file.stamp)

    def save(self) -> None:
        """Write down what is known. Without it the next run reads the files once: nothing is lost."""
        with keeping(self.path / _RECORD_NAME):
            write_atomically(self.path / _RECORD_NAME, msgspec.json.encode(self._known))

    def make(self, files: Iterable[ListedFile]) -> None:
        """Make the folders for these files."""
        for folder in {self.place(file).parent for file in files}:
            with keeping(folder):
                folder.mkdir(parents=True, exist_ok=True)

    def free_bytes(self) -> int:
        """How much the disk has room for."""
        there = next(path for path in (self.path.absolute(), *self.path.absolute().parents) if path.exists())
        return shutil.disk_usage(there).free

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep another mirror out of the folder, which is made where it is missing."""
        with keeping(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            stream = (self.path / _LOCK_NAME).open("wb")
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FetchError(
                    f"Another `pubmed-index mirror` is at work in {self.path}: wait for its end, or choose another --out."
                ) from None
            yield

    def _key(self, file: ListedFile) -> str:
        return f"{file.year}/{file.path}"

    def _beside(self, file: ListedFile) -> Path:
        place = self.place(file)
        return place.with_name(f"{place.name}.md5")

    def _stated(self, file: ListedFile) -> str:
        """The MD5 that lies beside a file; "" where there is none."""
        try:
            return read_md5(self._beside(file).read_text("ascii"), file.name)
        except (OSError, UnicodeDecodeError, TransientError):
            return ""


def md5_of(path: Path) -> str:
    """The MD5 of a file, as hexadecimal digits: what NLM offers against damage, none against malice."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _read_record(path: Path) -> dict[str, _Known]:
    """What is known of a folder: nothing, where the record is missing or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, _Known])
    except (OSError, msgspec.MsgspecError):
        return {}

"""The manifest: what a generation consists of, and how it was made."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec

from search.encoder import EncoderIdentity
from search.errors import BrokenIndex, IndexVersion
from search.storage import write_atomically
from search.transform import TransformRecord

FORMAT_VERSION = 3


@dataclass(frozen=True, slots=True)
class Counts:
    """How many articles a generation holds, and how many of them are of a kind that its users should know of."""

    articles: int
    title_only: int
    retracted: int
    truncated: int


@dataclass(frozen=True, slots=True)
class PartCounts:
    """How many articles lie in each part, and how many of the base's are dead: replaced by the delta's, or deleted."""

    base: int
    delta: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class AppliedSource:
    """A file that went into the index.

    `year` and `number` are its place in NLM's series; files of other names have the year 0 and are numbered as they came.
    `date` is the newest day on which NLM changed one of its records, or else the file's own, in ISO 8601.
    """

    name: str
    date: str
    articles: int
    deletions: int
    skipped: int
    year: int
    number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file's size in bytes and the SHA-256 of its content."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation's record of itself; `files` maps paths relative to the generation's folder.

    `candidates` and `delta_candidates` are FAISS's factory strings, "" for a delta that is not there.
    """

    format_version: int
    project_version: str
    created: str
    encoder: EncoderIdentity
    counts: Counts
    parts: PartCounts
    candidates: str
    sources: tuple[AppliedSource, ...]
    files: dict[str, FileRecord]
    delta_candidates: str = ""
    corpus_note: str = ""
    transform: TransformRecord = field(default_factory=TransformRecord)

    @property
    def last_file(self) -> str:
        """The name of the last source: of NLM's files the one with the highest number, where there are any."""
        numbered = [source for source in self.sources if source.year]
        last = max(numbered, key=lambda one: (one.year, one.number)) if numbered else self.sources[-1] if self.sources else None
        return last.name if last else ""

    @property
    def data_date(self) -> str:
        """The newest date of the sources: how current the index is, whenever it was built."""
        return max((source.date for source in self.sources), default="")

    def write(self, path: Path) -> None:
        """Write the manifest as JSON that people can read, too, and its checksum beside it, as `sha256sum -c` reads it."""
        content = msgspec.json.format(msgspec.json.encode(self), indent=1)
        write_atomically(path, content)
        write_atomically(path.with_suffix(".sha256"), _checksum_line(path, content))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a manifest. Raises BrokenIndex or IndexVersion."""
        try:
            content = path.read_bytes()
            checksum = path.with_suffix(".sha256").read_bytes()
            version = msgspec.json.decode(content, type=_Version).format_version
            if version != FORMAT_VERSION:
                raise IndexVersion(_other_version(path.parent, version))
            if checksum != _checksum_line(path, content):
                raise BrokenIndex(f"{path} does not match its checksum: it was altered. {_AGAIN}")
            return msgspec.json.decode(content, type=cls)
        except FileNotFoundError as error:
            raise BrokenIndex(f"{error.filename} is missing: this generation is not complete. {_AGAIN}") from error
        except msgspec.MsgspecError as error:
            raise BrokenIndex(f"{path} is damaged ({error}). {_AGAIN}") from error


_AGAIN = "Build the index again: what was embedded is kept."


def _checksum_line(path: Path, content: bytes) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}  {path.name}\n".encode()


def _other_version(folder: Path, version: int) -> str:
    return (
        f"{folder} has index format {version}; this version of the project reads format {FORMAT_VERSION}. "
        "Build the index again with this version (the embeddings are reused), or use the version that made it."
    )


class _Version(msgspec.Struct):
    """The one field that every format has."""

    format_version: int

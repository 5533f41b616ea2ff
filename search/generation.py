"""One generation of an index: where its files lie, what its manifest says of them, and who holds it."""

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from search.errors import BrokenIndex
from search.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Part:
    """One of a generation's parts: `base` or `delta`."""

    folder: Path

    @property
    def catalogue(self) -> Path:
        """The metadata store, keyed by PMID."""
        return self.folder / "catalogue.sqlite"

    @property
    def candidates(self) -> Path:
        """The FAISS index whose ids are PMIDs."""
        return self.folder / "candidates.faiss"

    @property
    def columns(self) -> Path:
        """The folder of filter columns."""
        return self.folder / "columns"

    @property
    def has_articles(self) -> bool:
        """Whether any article lies in it: a delta that only deletes has a catalogue and nothing else."""
        return self.columns.is_dir()


@dataclass(frozen=True, slots=True)
class Generation:
    """The folder of one generation."""

    folder: Path

    @property
    def name(self) -> str:
        """Its number, as `current` names it."""
        return self.folder.name

    @property
    def base(self) -> Part:
        """The part that a build writes."""
        return Part(self.folder / "base")

    @property
    def delta(self) -> Part:
        """The part that an update writes, where the manifest says that there is one."""
        return Part(self.folder / "delta")

    @property
    def tombstones(self) -> Path:
        """Which articles of the base are dead."""
        return self.folder / "tombstones.npy"

    @property
    def collected(self) -> Path:
        """The catalogue of what was read so far, while a generation is written."""
        return self.folder / "collected.sqlite"

    @property
    def skipped(self) -> Path:
        """The list of the records that were left out."""
        return self.folder / "skipped.jsonl"

    @property
    def lexical(self) -> Path:
        """The folder of the lexical index."""
        return self.folder / "lexical"

    @property
    def transform(self) -> Path:
        """The vector transform, where the manifest says that there is one."""
        return self.folder / "transform.npz"

    @property
    def manifest_file(self) -> Path:
        """The manifest; a reader's lock on the generation is a shared lock on this file."""
        return self.folder / "manifest.json"

    def read_manifest(self) -> Manifest:
        """Read the manifest and check that every file is there with its recorded size.

        Takes time that grows with the number of files, not with their sizes. Raises BrokenIndex or IndexVersion.
        """
        manifest = Manifest.read(self.manifest_file)
        for name, record in manifest.files.items():
            _check_size(self.folder / name, record.size)
        return manifest

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep the generation from being pruned while it is read."""
        try:
            stream = self.manifest_file.open("rb")
        except FileNotFoundError:
            raise BrokenIndex(
                f"{self.manifest_file} is missing: this generation is not complete. Build the index again."
            ) from None
        with stream:
            fcntl.flock(stream, fcntl.LOCK_SH)
            yield


def _check_size(path: Path, expected: int) -> None:
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        raise BrokenIndex(f"{path} is missing from the index. Build the index again; its embeddings are reused.") from None
    if found != expected:
        raise BrokenIndex(f"{path} has {found:,} bytes where its manifest says {expected:,}. Build the index again.")

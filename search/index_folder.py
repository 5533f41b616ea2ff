"""The index folder: where everything lies, which generation is published, and who holds what.

    INDEX/current  lock  saved.sqlite  embeddings/<encoder>/
          generations/0007/{manifest.json, base/, delta/, tombstones.npy, lexical/}

A generation is written as `0008.partial`, renamed to `0008`, and published by replacing `current`: readers see the old
generation or the new one, never a part. An update links the base of the generation before and writes a delta beside it.
A writer that dies leaves `0008.partial`, `0007.removed` of a removal, or `publishing`, which names a generation that is
finished and that `current` never named: the next writer clears them away.
"""

import contextlib
import fcntl
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from search.encoder import EncoderIdentity
from search.errors import BrokenIndex, IndexFolderError, NoIndex
from search.generation import Generation
from search.storage import sync_folder, write_atomically
from search.writer_lock import locked

DEFAULT_INDEX = Path("data/index")

_NAME = re.compile(r"\d{4,}")
_PARTIAL = ".partial"
_REMOVED = ".removed"


@dataclass(frozen=True, slots=True)
class IndexFolder:
    """An index on disk."""

    root: Path

    @property
    def current(self) -> Path:
        """The file that names the published generation."""
        return self.root / "current"

    @property
    def publishing(self) -> Path:
        """The file that names a generation from when it has its name until `current` points to it."""
        return self.root / "publishing"

    @property
    def generations(self) -> Path:
        """The folder of all generations."""
        return self.root / "generations"

    @property
    def saved(self) -> Path:
        """The file of saved searches: they outlive every generation."""
        return self.root / "saved.sqlite"

    def embeddings(self, identity: EncoderIdentity) -> Path:
        """The folder of cached embeddings of one encoder."""
        return self.root / "embeddings" / identity.cache_key

    def published_name(self) -> str | None:
        """The name of the published generation; None where nothing was published yet. Raises BrokenIndex."""
        try:
            name = self.current.read_text(encoding="ascii", errors="replace").strip()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not _NAME.fullmatch(name):
            raise BrokenIndex(
                f"{self.current} should name a generation such as 0001; it says {name[:40]!r}. Build the index again."
            )
        return name

    def published(self) -> Generation:
        """The published generation. Raises NoIndex where there is none, BrokenIndex where its folder is gone."""
        name = self.published_name()
        while name is not None:
            generation = Generation(self.generations / name)
            if generation.folder.is_dir():
                return generation
            # Another may have been published, and this one removed, since its name was read.
            before, name = name, self.published_name()
            if name == before:
                raise BrokenIndex(f"{self.current} names generation {name}, whose folder is missing. Build the index again.")
        raise NoIndex(self._no_index())

    def _no_index(self) -> str:
        build = f"`pubmed-index build SOURCE --index {self.root}`"
        if self.generations.is_dir():
            return (
                f"The index in {self.root} has no published generation: no build of it was finished. "
                f"Run {build} again: what was embedded is kept."
            )
        if self.root.is_dir() and any(self.root.iterdir()):
            return f"{self.root} is a folder without an index in it. Give another --index, or run {build}."
        return f"There is no index in {self.root} yet. Run {build} first."

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one writer. The lock is the kernel's, so a dead writer's is free at once. Raises IndexLocked."""
        self._make_root()
        with locked(self.root / "lock"):
            yield

    def _make_root(self) -> None:
        try:
            str(self.root).encode()
            self.root.mkdir(parents=True, exist_ok=True)
        except UnicodeEncodeError:
            raise IndexFolderError(f"The name of an index folder must be UTF-8; found {str(self.root)!a}.") from None
        except (FileExistsError, NotADirectoryError):
            raise IndexFolderError(
                f"{self.root} is not a folder, or lies in a file: an index needs a folder. Name another."
            ) from None

    def begin(self) -> Generation:
        """Make the folder of the next generation, clearing away what a crashed writer left. Needs the writer's lock.

        What was collected for the same generation stays: who collects the same files goes on from there.
        """
        self.generations.mkdir(parents=True, exist_ok=True)
        self.clear_away()
        number = 1 + max((int(generation.name) for generation in self.all_generations()), default=0)
        generation = Generation(self.generations / f"{number:04d}{_PARTIAL}")
        for path in self.generations.glob(f"*{_PARTIAL}"):
            if path != generation.folder:
                shutil.rmtree(path)
        if generation.folder.exists():
            _clear_but_collected(generation)
        generation.base.folder.mkdir(parents=True)
        return generation

    def clear_away(self) -> int:
        """Remove what nobody can use; returns how many bytes that freed. Needs the writer's lock.

        That is the rest of generations that were being removed, and one that was finished and never published.
        """
        freed = 0
        if (name := self._never_published()) is not None:
            freed += self.remove(Generation(self.generations / name)) or 0
        self.publishing.unlink(missing_ok=True)
        for path in self.generations.glob(f"*{_REMOVED}"):
            freed += _bytes_of_its_own(path)
            shutil.rmtree(path)
        return freed

    def all_generations(self) -> list[Generation]:
        """Every generation that was published once, the published one and others, in the order in which they were made."""
        names = {path.name for path in self.generations.iterdir()} if self.generations.is_dir() else set[str]()
        names.discard(self._never_published() or "")
        return [Generation(self.generations / name) for name in sorted(filter(_NAME.fullmatch, names), key=int)]

    def _never_published(self) -> str | None:
        """The name of a generation that was finished, but whose writer died before `current` pointed to it."""
        try:
            name = self.publishing.read_text(encoding="ascii", errors="replace").strip()
            is_current = name == self.published_name()
        except (FileNotFoundError, NotADirectoryError, BrokenIndex):
            return None  # where `current` is lost, it may have been this one that it named
        return name if not is_current and (self.generations / name).is_dir() and _NAME.fullmatch(name) else None

    def point_to(self, generation: Generation) -> None:
        """Let `current` name a finished generation. Needs the writer's lock."""
        write_atomically(self.current, f"{generation.name}\n".encode())
        self.publishing.unlink(missing_ok=True)

    def remove(self, generation: Generation) -> int | None:
        """Remove a generation that nobody reads; returns how many bytes that freed, None where somebody holds it.

        It loses its name first, so that nobody takes what is left of it for a generation. Needs the writer's lock.
        """
        with contextlib.ExitStack() as opened:
            if generation.manifest_file.is_file():
                stream = opened.enter_context(generation.manifest_file.open("rb"))
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return None
            leftover = generation.folder.with_name(f"{generation.name}{_REMOVED}")
            if leftover.exists():
                shutil.rmtree(leftover)
            generation.folder.rename(leftover)
            freed = _bytes_of_its_own(leftover)
            shutil.rmtree(leftover)
        return freed

    def publish(self, partial: Generation) -> Generation:
        """Give a finished generation its name and let `current` point to it. Needs the writer's lock."""
        generation = Generation(partial.folder.with_name(partial.name.removesuffix(_PARTIAL)))
        for folder in [path for path in partial.folder.rglob("*") if path.is_dir()]:
            sync_folder(folder)
        sync_folder(partial.folder)
        write_atomically(self.publishing, f"{generation.name}\n".encode())
        partial.folder.rename(generation.folder)
        sync_folder(self.generations)
        self.point_to(generation)
        return generation


def _clear_but_collected(generation: Generation) -> None:
    for path in generation.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path != generation.skipped and not path.name.startswith(generation.collected.name):
            path.unlink()


def _bytes_of_its_own(folder: Path) -> int:
    """The size of the files that no other generation has, too."""
    stats = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return sum(stat.st_size for stat in stats if stat.st_nlink == 1)

"""The generations of an index: which there are, going back to an earlier one, and removing those that nobody needs."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from search.errors import BrokenIndex, IndexFolderError, NoIndex
from search.generation import Generation
from search.index_folder import IndexFolder
from search.manifest import Manifest
from search.storage import full_disk_is_said

_KEEP = re.compile(r"(\d{1,6})(d?)")


@dataclass(frozen=True, slots=True)
class Keep:
    """How many generations are kept, or those of how many days."""

    count: int = 2
    days: int | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Read ``3`` for three generations, or ``7d`` for those of seven days. Raises ValueError."""
        found = _KEEP.fullmatch(text.strip())
        if found is None or not int(found[1]):
            raise ValueError(
                f"expected how many generations to keep, such as 3, or of how many days, such as 7d; found {text!r}"
            )
        return cls(1, int(found[1])) if found[2] else cls(int(found[1]))

    def keeps(self, generation: Generation, younger: int) -> bool:
        """Whether a generation is kept that has so many younger ones beside it."""
        if self.days is None:
            return younger < self.count
        try:
            created = datetime.fromisoformat(Manifest.read(generation.manifest_file).created)
        except IndexFolderError:
            return False
        return datetime.now(UTC) - created <= timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class RolledBack:
    """From which generation to which."""

    index: str
    before: str
    now: str
    articles: int
    last_file: str
    data_date: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Pruned:
    """Which generations were removed, which were kept, and which of these only because somebody reads them."""

    index: str
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    held: tuple[str, ...]
    freed_bytes: int


def roll_back(folder: IndexFolder, to: str | None = None) -> RolledBack:
    """Publish an earlier generation again: the one before the published one, or the one named.

    Nothing is removed: the generation that was published stays, and can be published again. Raises NoIndex, IndexLocked,
    StorageFull, and BrokenIndex where there is no such generation or it is not whole.
    """
    started = time.perf_counter()
    with full_disk_is_said(folder.root), folder.writing():
        before = folder.published_name()
        if before is None:
            raise NoIndex(f"{folder.root} has no published generation to go back from. Run `pubmed-index build` first.")
        generation = _wanted(folder, before, to)
        manifest = generation.read_manifest()
        folder.point_to(generation)
    return RolledBack(
        index=str(folder.root),
        before=before,
        now=generation.name,
        articles=manifest.counts.articles,
        last_file=manifest.last_file,
        data_date=manifest.data_date,
        seconds=round(time.perf_counter() - started, 3),
    )


def prune(folder: IndexFolder, keep: Keep) -> Pruned:
    """Remove generations beyond those to keep, and what crashed writers left; the published one, and those read, stay.

    It works on a full disk, too. Raises NoIndex, IndexLocked.
    """
    with folder.writing():
        published, freed = folder.published(), folder.clear_away()
        removed, kept, held = list[str](), [published.name], list[str]()
        for generation in reversed(folder.all_generations()):
            if generation.name == published.name:
                continue
            if keep.keeps(generation, len(kept)):
                kept.append(generation.name)
            elif (size := folder.remove(generation)) is None:
                held.append(generation.name)
            else:
                removed.append(generation.name)
                freed += size
    return Pruned(str(folder.root), _in_order(removed), _in_order([*kept, *held]), _in_order(held), freed)


def _wanted(folder: IndexFolder, before: str, to: str | None) -> Generation:
    generations = folder.all_generations()
    if to is None:
        earlier = [generation for generation in generations if int(generation.name) < int(before)]
    else:
        earlier = [generation for generation in generations if to.isdecimal() and int(generation.name) == int(to)]
    if not earlier:
        names = ", ".join(generation.name for generation in generations)
        what = f"no generation before {before}" if to is None else f"no generation {to}"
        raise BrokenIndex(
            f"{folder.root} has {what}; it has {names or 'none'}. Name one of these with --to, or build the index again."
        )
    return earlier[-1]


def _in_order(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=int))

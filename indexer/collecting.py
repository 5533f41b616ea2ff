"""The collecting stage: every record of the sources into one catalogue, the later one winning.

What a file gave is written together with a note of the file, or not at all: who collects the same files again, after a crash,
goes on behind the last file that was noted.
"""

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Self

import msgspec

from indexer.local_ids import LocalIds
from indexer.parsed_file import ParsedFile, SourceFile
from indexer.progress import Progress
from indexer.reading import read_parts
from search.article import Article
from search.catalogue_writer import CatalogueWriter
from search.errors import BrokenIndex, SourceError
from search.generation import Generation
from search.manifest import AppliedSource
from search.storage import file_sha256, full_disk_is_said

# The checksums of so many bytes take some seconds.
_LONG_READ = 1_000_000_000
# Of each kind of skipped record, this many are kept for the summary; all of them are in `skipped.jsonl`.
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class StampedSource:
    """A file to read, known again by its place in the series and its content."""

    file: SourceFile
    number: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name as text, also where its bytes are not UTF-8."""
        return _readable(self.file.shown.name)


@dataclass(frozen=True, slots=True)
class SkippedExample:
    """One skipped record: its file, where in it, and why."""

    file: str
    position: str
    reason: str


@dataclass(slots=True)
class Collected:
    """What reading the sources came to, growing file by file."""

    sources: list[AppliedSource] = field(default_factory=list)
    records: int = 0
    deletions: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    examples: list[SkippedExample] = field(default_factory=list)

    @property
    def skipped_by_reason(self) -> dict[str, int]:
        """How many records were skipped for each kind of reason, the most frequent first."""
        return dict(sorted(self.skipped.items(), key=lambda one: -one[1]))

    def note_skipped(self, kind: str, example: SkippedExample) -> None:
        """Count a skipped record, and keep it as an example while there are few of its kind."""
        self.skipped[kind] = self.skipped.get(kind, 0) + 1
        if self.skipped[kind] <= _EXAMPLES:
            self.examples.append(example)


class _Note(msgspec.Struct):
    """What is known after a file: of all files so far, and how long the list of skipped records is."""

    collected: Collected
    listed_bytes: int
    local_ids: bool


def stamped(files: Sequence[SourceFile], progress: Progress, applied: Sequence[AppliedSource] = ()) -> Iterator[StampedSource]:
    """The files that were not applied yet; those outside NLM's series are numbered on from what was applied.

    A file is known by its content, NLM's by their places in the series, too.
    """
    known = {(one.sha256, one.year, one.number if one.year else 0) for one in applied}
    number = max((one.number for one in applied if not one.year), default=0)
    if sum(file.path.stat().st_size for file in files) > _LONG_READ:
        progress.start("Comparing", len(files), "files")
    for file in files:
        sha256 = _checksum(file.path)
        if (sha256, file.year, file.number) not in known:
            number += not file.year
            yield StampedSource(file, file.number if file.year else number, sha256)
        progress.advance(1)


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects files into the catalogue of a generation that is not finished. `close` it.

    Articles without a PMID are skipped where `local_ids` is None.
    """

    catalogue: CatalogueWriter
    collected: Collected
    generation: Generation
    progress: Progress
    local_ids: LocalIds | None

    @classmethod
    def open(
        cls,
        generation: Generation,
        sources: Sequence[StampedSource],
        progress: Progress,
        indexed: Callable[[Sequence[int]], Mapping[int, Article]] | None = None,
    ) -> Self:
        """Go on where an earlier run over the same files was, or begin.

        `indexed` gives the articles that the index has under some ids; with it, articles without a PMID get local ids.
        """
        last = _last_note(generation)
        numbered = indexed is not None
        if last is None or last.local_ids != numbered or not _begin_with(sources, last.collected.sources):
            last = _Note(Collected(), 0, numbered)
            for path in generation.folder.glob(f"{generation.collected.name}*"):
                path.unlink()
        with full_disk_is_said(generation.folder), generation.skipped.open("ab") as stream:
            stream.truncate(last.listed_bytes)
        catalogue = CatalogueWriter.open(generation.collected)
        local_ids = LocalIds(lambda ids: {**indexed(ids), **catalogue.articles(ids)}) if indexed else None
        return cls(catalogue, last.collected, generation, progress, local_ids)

    def close(self) -> None:
        """Let go of the catalogue."""
        self.catalogue.close()

    def collect(self, sources: Sequence[StampedSource]) -> Collected:
        """Read the files, in their order of precedence; list every skipped record in `skipped.jsonl`.

        Raises SourceError at the first file that cannot be read: an index of half the files would not say so when asked.
        """
        self.progress.start("Reading", len(sources), "files")
        done = len(self.collected.sources)
        if done:
            self.progress.say(f"{done:,} of {len(sources):,} files were read before")
            self.progress.advance(done)
        with self.generation.skipped.open("ab") as stream:
            for source in sources[done:]:
                self._collect_file(source, stream)
                self.progress.advance(1)
        return self.collected

    def _collect_file(self, source: StampedSource, stream: IO[bytes]) -> None:
        """One file: its articles as they come, its deletions last, since a deletion beats an insertion of the same file."""
        started = time.perf_counter()
        year, number = source.file.year, source.number
        applied = AppliedSource(source.name, _modified(source.file.path), 0, 0, 0, year, number, source.sha256)
        revised, deleted_pmids = "", list[int]()
        with self.catalogue.together():
            for part in read_parts(source.file, local_ids=self.local_ids is not None):
                articles = [*part.articles, *(self.local_ids.numbered(part.unnumbered) if self.local_ids else ())]
                self.catalogue.upsert(articles, year=year, number=number, first_position=applied.articles)
                revised = max([revised, *(article.revised for article in articles)])
                deleted_pmids += part.deleted_pmids
                applied = dataclasses.replace(
                    applied, articles=applied.articles + len(articles), skipped=applied.skipped + len(part.skipped)
                )
                self._list_skipped(part, stream)
            self.catalogue.delete(deleted_pmids, year=year, number=number)
            applied = dataclasses.replace(applied, deletions=len(deleted_pmids), date=revised or applied.date)
            self._note(applied, stream)
        self.progress.say(_told(applied, time.perf_counter() - started))

    def _note(self, applied: AppliedSource, stream: IO[bytes]) -> None:
        self.collected.sources.append(applied)
        self.collected.records += applied.articles
        self.collected.deletions += applied.deletions
        with full_disk_is_said(self.generation.folder):
            stream.flush()
        self.catalogue.note(msgspec.json.encode(_Note(self.collected, stream.tell(), self.local_ids is not None)).decode())

    def _list_skipped(self, part: ParsedFile, stream: IO[bytes]) -> None:
        with full_disk_is_said(self.generation.folder):
            for skipped in part.skipped:
                example = SkippedExample(_readable(str(skipped.path)), skipped.position, skipped.reason)
                self.collected.note_skipped(str(skipped.kind), example)
                stream.write(msgspec.json.encode(example) + b"\n")


def _last_note(generation: Generation) -> _Note | None:
    """What an earlier run noted last; None where it noted nothing, or nothing that can be read."""
    if not generation.collected.is_file():
        return None
    try:
        with contextlib.closing(CatalogueWriter.open(generation.collected)) as catalogue:
            notes = catalogue.notes()
            return msgspec.json.decode(notes[-1], type=_Note) if notes else None
    except (BrokenIndex, msgspec.MsgspecError):
        return None


def _begin_with(sources: Sequence[StampedSource], read: Sequence[AppliedSource]) -> bool:
    """Whether the files that were read are the first of those to read."""
    first = [(source.name, source.file.year, source.number, source.sha256) for source in sources[: len(read)]]
    return first == [(one.name, one.year, one.number, one.sha256) for one in read]


def _told(applied: AppliedSource, seconds: float) -> str:
    """A file's line in the log."""
    counts = [f"{applied.articles:,} records"]
    counts += [f"{applied.deletions:,} deletion{'s' if applied.deletions > 1 else ''}"] if applied.deletions else []
    counts += [f"{applied.skipped:,} skipped"] if applied.skipped else []
    return f"{applied.name}: {', '.join(counts)}, {applied.articles / max(seconds, 1e-9):,.0f} a second"


def _checksum(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise SourceError(f"{path}: the file cannot be read ({error.strerror}). Check its permissions.") from error


def _modified(path: Path) -> str:
    """The day on which a file was last written."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()


def _readable(name: str) -> str:
    """A file's name as text, also where its bytes are not UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")

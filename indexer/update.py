"""The update: later files on top of a published generation, as a delta beside its base."""

import contextlib
import dataclasses
import functools
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from indexer.build import StageClock
from indexer.collecting import Collected, Collector, SkippedExample, StampedSource, stamped
from indexer.delta_writing import DeltaWriter, Written
from indexer.embedding import EmbeddingCounts
from indexer.file_order import gaps, require_order
from indexer.lazy_encoder import LazyEncoder
from indexer.overlay import Changes, Overlay
from indexer.part_writing import PartWriter
from indexer.progress import Progress
from indexer.publishing import Finished, Published, publish
from indexer.sources import Sources
from search.candidates import FLAT_LIMIT
from search.catalogue_writer import CatalogueWriter
from search.encoder import Encoder
from search.errors import EncoderMismatch
from search.generation import Generation
from search.index_folder import IndexFolder
from search.manifest import Manifest
from search.memory import peak_memory_mb
from search.open_generation import OpenGeneration
from search.storage import full_disk_is_said

# What a delta may hold of its base, dead articles included, before both become a new base.
MERGED_ABOVE = 0.05


@dataclass(frozen=True, slots=True)
class UpdateSummary:
    """What an update read and changed; `published` is false where there was nothing to change.

    Of the `records` read, `older` ones did not count, since a later file had spoken; `refreshed` ones said what was known.
    """

    index: str
    generation: str
    published: bool
    files: int
    applied_before: int
    records: int
    inserted: int
    revised: int
    refreshed: int
    deleted: int
    older: int
    skipped: int
    skipped_by_reason: dict[str, int]
    skipped_examples: tuple[SkippedExample, ...]
    embedded: int
    cached: int
    articles: int
    in_delta: int
    merged: bool
    notes: tuple[str, ...]
    seconds: float
    seconds_by_stage: dict[str, float]
    peak_memory_mb: int


@dataclass(frozen=True, slots=True)
class _Made:
    """What the stages of an update came to; `published` is None where nothing had to change."""

    collected: Collected
    changes: Changes
    counts: EmbeddingCounts
    published: Published | None
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """An update of the index in `folder`. The encoder that built it is loaded by `load` when something is to be embedded.

    `force` reads files out of their order, too; what they say counts only where no later file has spoken.
    With `local_ids`, articles without a PMID get numbers of their own; else they are skipped.
    """

    folder: IndexFolder
    load: Callable[[], Encoder]
    progress: Progress
    force: bool = False
    local_ids: bool = False
    flat_limit: int = FLAT_LIMIT
    merged_above: float = MERGED_ABOVE

    def run(self, sources: Sources) -> UpdateSummary:
        """Apply files, each once, and publish what comes of it, if anything does.

        Raises NoIndex, SourceError on a file out of order or of another year, EncoderMismatch, IndexLocked, StorageFull.
        """
        clock = StageClock()
        with full_disk_is_said(self.folder.root), self.folder.writing():
            generation = self.folder.published()
            earlier = Published(generation, generation.read_manifest())
            files = list(stamped(sources.files, self.progress, earlier.manifest.sources))
            notes = tuple(gaps(files, earlier.manifest.sources))
            if not self.force:
                require_order(files, earlier.manifest.sources, str(self.folder.root))
            made = self._apply(files, earlier, clock) if files else _nothing()
        return _summary(self.folder, sources, files, earlier, made, notes, clock)

    def _apply(self, files: Sequence[StampedSource], earlier: Published, clock: StageClock) -> _Made:
        partial = self.folder.begin()
        with contextlib.ExitStack() as opened:
            before = OpenGeneration.open(earlier.generation, earlier.manifest)
            opened.callback(before.close)
            collector = Collector.open(partial, files, self.progress, before.catalogue.articles if self.local_ids else None)
            opened.callback(collector.close)
            collected = collector.collect(files)
            clock.stage("read")
            delta = _copied_delta(earlier.generation, partial)
            opened.callback(delta.close)
            changes = Overlay(before.catalogue.base, delta).lay(collector.catalogue)
            clock.stage("overlay")
            if not changes.has_any and not any(file.file.year for file in files):
                opened.close()
                shutil.rmtree(partial.folder)
                return _Made(collected, changes, EmbeddingCounts(), None)
            writer = PartWriter(self.folder, self.progress, self.flat_limit)
            encoder = LazyEncoder(earlier.manifest.encoder, functools.partial(self._encoder, earlier.manifest))
            parts = DeltaWriter(writer, encoder, earlier.generation, before, partial, clock)
            written = parts.write(delta, changes, self.merged_above, earlier.manifest.candidates)
        for path in partial.folder.glob(f"{partial.collected.name}*"):
            path.unlink()
        published = publish(self.folder, partial, _finished(earlier.manifest, collected, written), earlier)
        clock.stage("publish")
        return _Made(collected, changes, written.counts, published, written.merged)

    def _encoder(self, manifest: Manifest) -> Encoder:
        encoder = self.load()
        if encoder.identity.cache_key != manifest.encoder.cache_key:
            found, expected = encoder.identity, manifest.encoder
            raise EncoderMismatch(
                f"The index was built with {expected.name} ({expected.numeric_path}, {expected.max_length} tokens, content "
                f"{expected.content_hash[:12]}); found {found.name} ({found.numeric_path}, {found.max_length} tokens, content "
                f"{found.content_hash[:12]}). Give the one it was built with as --encoder, or build the index again."
            )
        return encoder


def _finished(earlier: Manifest, collected: Collected, written: Written) -> Finished:
    return dataclasses.replace(
        Finished.like(earlier),
        sources=[*earlier.sources, *collected.sources],
        candidates=written.candidates,
        delta_candidates=written.delta_candidates,
    )


def _nothing() -> _Made:
    return _Made(Collected(), Changes(), EmbeddingCounts(), None)


def _copied_delta(earlier: Generation, partial: Generation) -> CatalogueWriter:
    """The delta's catalogue, beginning with what it was before."""
    partial.delta.folder.mkdir()
    if earlier.delta.catalogue.is_file():
        shutil.copyfile(earlier.delta.catalogue, partial.delta.catalogue)
    return CatalogueWriter.open(partial.delta.catalogue)


def _summary(  # noqa: PLR0917  (a report has as many sources as it has lines)
    folder: IndexFolder,
    sources: Sources,
    files: Sequence[StampedSource],
    earlier: Published,
    made: _Made,
    notes: tuple[str, ...],
    clock: StageClock,
) -> UpdateSummary:
    now = made.published or earlier
    changes, collected = made.changes, made.collected
    return UpdateSummary(
        index=str(folder.root),
        generation=now.generation.name,
        published=made.published is not None,
        files=len(files),
        applied_before=len(sources.files) - len(files),
        records=collected.records,
        inserted=changes.inserted,
        revised=changes.revised,
        refreshed=changes.refreshed,
        deleted=changes.deleted,
        older=changes.older,
        skipped=sum(collected.skipped.values()),
        skipped_by_reason=collected.skipped_by_reason,
        skipped_examples=tuple(collected.examples),
        embedded=made.counts.embedded,
        cached=made.counts.cached,
        articles=now.manifest.counts.articles,
        in_delta=now.manifest.parts.delta,
        merged=made.merged,
        notes=notes,
        seconds=clock.total,
        seconds_by_stage=clock.seconds,
        peak_memory_mb=peak_memory_mb(),
    )

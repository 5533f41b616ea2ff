"""The build: sources to a published generation, stage by stage."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.collecting import Collected, Collector, SkippedExample, stamped
from indexer.embedding import EmbeddingCounts, Known
from indexer.part_writing import PartWriter
from indexer.progress import Progress
from indexer.publishing import Finished, Published, publish
from indexer.sources import Sources
from indexer.transform_choice import Transformer, previous_record
from search.article import Article
from search.candidates import FLAT_LIMIT
from search.catalogue import Catalogue
from search.encoder import Encoder
from search.errors import SourceError
from search.generation import Generation
from search.index_folder import IndexFolder
from search.lexical_writer import LexicalWriter
from search.memory import peak_memory_mb
from search.storage import full_disk_is_said
from search.tombstones import Tombstones
from search.transform import TransformKind, TransformRecord


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """What a build read and made: `records` were taken, skipped ones not; `articles` are in the index.

    `embedded` were new to the cache.
    """

    index: str
    generation: str
    encoder: str
    numeric_path: str
    files: int
    ignored_files: int
    records: int
    articles: int
    deletions: int
    title_only: int
    retracted: int
    truncated: int
    max_length: int
    skipped: int
    skipped_by_reason: dict[str, int]
    skipped_examples: tuple[SkippedExample, ...]
    skipped_list: str
    embedded: int
    cached: int
    transform: TransformRecord
    candidates: str
    seconds: float
    seconds_by_stage: dict[str, float]
    embedded_per_second: float
    peak_memory_mb: int


@dataclass(frozen=True, slots=True)
class _Made:
    """What the stages of a build came to."""

    collected: Collected
    counts: EmbeddingCounts
    finished: Finished


@dataclass(frozen=True, slots=True)
class Build:
    """A build of an index in `folder`; above `flat_limit` articles its vectors go into inverted lists.

    `transform` None lets an evaluation on the corpus choose between the kinds. What `known` knows is not embedded. With
    `local_ids`, articles without a PMID get numbers of their own; else they are skipped.
    """

    folder: IndexFolder
    encoder: Encoder
    progress: Progress
    corpus_note: str = ""
    flat_limit: int = FLAT_LIMIT
    transform: TransformKind | None = None
    known: Sequence[Known] = ()
    local_ids: bool = False

    def run(self, sources: Sources) -> BuildSummary:
        """Build a generation of `sources` and publish it.

        Until the last step the generation published before answers, and afterwards it is still there. What was read and what
        was embedded is kept, whatever happens: the same build run again goes on from there. Raises SourceError, IndexLocked,
        StorageFull.
        """
        clock = StageClock()
        with full_disk_is_said(self.folder.root), self.folder.writing():
            partial = self.folder.begin()
            made = self._write_parts(sources, partial, clock)
            published = publish(self.folder, partial, made.finished)
            clock.stage("publish")
        return _summary(self.folder, sources, published, made, clock)

    def _write_parts(self, sources: Sources, partial: Generation, clock: "StageClock") -> _Made:
        """Collect, embed, index: every file of the generation but its manifest."""
        writer, base = PartWriter(self.folder, self.progress, self.flat_limit), partial.base
        files = list(stamped(sources.files, self.progress))
        with contextlib.closing(
            Collector.open(partial, files, self.progress, _nothing_yet if self.local_ids else None)
        ) as collector:
            collected, catalogue = collector.collect(files), collector.catalogue
            _require_articles(catalogue, sources, collected)
            clock.stage("read")
            counts = writer.embed(self.encoder, catalogue, base, self.known)
            clock.stage("embed")
            previous = previous_record(self.folder, self.encoder.identity)
            transform = Transformer(self.encoder, self.progress).run(catalogue, partial, self.transform, previous)
            clock.stage("transform")
            catalogue.clear_definitions()
            with LexicalWriter(partial.lexical) as lexical:
                writer.index(catalogue, base, lexical)
            clock.stage("index")
            candidates = writer.find_candidates(base)
            clock.stage("candidates")
            catalogue.finish()
        partial.collected.rename(base.catalogue)
        Tombstones.none().write(partial.tombstones)
        finished = Finished(
            self.encoder.identity, collected.sources, candidates, corpus_note=self.corpus_note, transform=transform
        )
        return _Made(collected, counts, finished)


class StageClock:
    """How long each stage took, in seconds."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def stage(self, name: str) -> None:
        """Say that a stage is done."""
        now = time.perf_counter()
        self.seconds[name] = round(now - self._last, 2)
        self._last = now

    @property
    def total(self) -> float:
        """The time up to the end of the last stage."""
        return round(self._last - self._started, 2)


def _nothing_yet(_ids: Sequence[int]) -> Mapping[int, Article]:
    """The articles of an index that begins anew."""
    return {}


def _require_articles(catalogue: Catalogue, sources: Sources, collected: Collected) -> None:
    if catalogue.count():
        return
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in collected.skipped_by_reason.items()) or "none skipped"
    raise SourceError(
        f"No article was left to index: {len(sources.files):,} files gave {collected.records:,} records, "
        f"{collected.deletions:,} deletions, and skipped: {reasons}. Nothing was published."
    )


def _summary(folder: IndexFolder, sources: Sources, published: Published, made: _Made, clock: StageClock) -> BuildSummary:
    collected, counts, manifest = made.collected, made.counts, published.manifest
    return BuildSummary(
        index=str(folder.root),
        generation=published.generation.name,
        encoder=manifest.encoder.name,
        numeric_path=str(manifest.encoder.numeric_path),
        files=len(sources.files),
        ignored_files=len(sources.ignored),
        records=collected.records,
        articles=manifest.counts.articles,
        deletions=collected.deletions,
        title_only=manifest.counts.title_only,
        retracted=manifest.counts.retracted,
        truncated=manifest.counts.truncated,
        max_length=manifest.encoder.max_length,
        skipped=sum(collected.skipped.values()),
        skipped_by_reason=collected.skipped_by_reason,
        skipped_examples=tuple(collected.examples),
        skipped_list=str(published.generation.skipped),
        embedded=counts.embedded,
        cached=counts.cached,
        transform=manifest.transform,
        candidates=manifest.candidates,
        seconds=clock.total,
        seconds_by_stage=clock.seconds,
        embedded_per_second=round(counts.embedded / max(clock.seconds["embed"], 1e-9), 1),
        peak_memory_mb=peak_memory_mb(),
    )

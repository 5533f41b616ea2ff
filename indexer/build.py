"""The build: sources to a published generation, stage by stage."""

import resource
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from indexer import verify
from indexer.collecting import Collected, collect
from indexer.definitions import count_definitions
from indexer.embedding import Embedder, EmbeddingCounts
from indexer.embedding_cache import EmbeddingCache
from indexer.progress import Progress
from indexer.sources import Sources
from indexer.transform_choice import Transformer, previous_record
from search.candidates import FLAT_LIMIT, Candidates
from search.catalogue import Catalogue
from search.columns import Columns, ColumnsWriter
from search.encoder import Encoder
from search.errors import BrokenIndex, SourceError
from search.index_folder import Generation, IndexFolder, Part
from search.lexical import LexicalWriter
from search.manifest import FORMAT_VERSION, Counts, Manifest
from search.storage import full_disk_is_said, sync_file
from search.transform import TransformKind, TransformRecord
from search.vectors import VectorFile

SKIPPED_FILE = "skipped.jsonl"
_WINDOW = 10_000


@dataclass(frozen=True, slots=True)
class SkippedExample:
    """One skipped record: its file, where in it, and why."""

    file: str
    position: str
    reason: str


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
    embedding_seconds: float
    embedded_per_second: float
    peak_memory_mb: int


@dataclass(frozen=True, slots=True)
class _Made:
    """What the stages of a build came to."""

    collected: Collected
    counts: EmbeddingCounts
    transform: TransformRecord
    candidates: str
    embedding_seconds: float


@dataclass(frozen=True, slots=True)
class Build:
    """A build of an index in `folder`; above `flat_limit` articles its vectors go into inverted lists.

    `transform` None lets an evaluation on the corpus choose between the kinds.
    """

    folder: IndexFolder
    encoder: Encoder
    progress: Progress
    corpus_note: str = ""
    flat_limit: int = FLAT_LIMIT
    transform: TransformKind | None = None

    def run(self, sources: Sources) -> BuildSummary:
        """Build a generation of `sources` and publish it.

        Until the last step the generation published before answers, and afterwards it is still there. What was embedded is
        kept, whatever happens: the same build run again goes on from there. Raises SourceError, IndexLocked, StorageFull.
        """
        started = time.perf_counter()
        with full_disk_is_said(self.folder.root), self.folder.writing():
            partial = self.folder.begin()
            made = self._write_parts(sources, partial)
            manifest = self._write_manifest(partial, made)
            _verify(partial, manifest)
            generation = self.folder.publish(partial)
        return _summary(self.folder, generation, sources, manifest, made, time.perf_counter() - started)

    def _write_parts(self, sources: Sources, partial: Generation) -> _Made:
        """Collect, embed, index: every file of the generation but its manifest."""
        catalogue, base = Catalogue.create(partial.base.catalogue), partial.base
        try:
            collected = collect(sources.files, catalogue, partial.folder / SKIPPED_FILE, self.progress)
            _require_articles(catalogue, sources, collected)
            started = time.perf_counter()
            counts = self._embed(catalogue, base)
            embedding_seconds = time.perf_counter() - started
            transform = self._transform(catalogue, partial)
            self.progress.start("Indexing", catalogue.count(), "articles")
            self._index(catalogue, partial)
        finally:
            catalogue.close()
        candidates = Candidates.build(base.candidates, VectorFile.open(base.folder), self.flat_limit)
        return _Made(collected, counts, transform, candidates, embedding_seconds)

    def _index(self, catalogue: Catalogue, partial: Generation) -> None:
        """Write what filters, words and abbreviations are looked up in."""
        with ColumnsWriter(partial.base.columns) as columns, LexicalWriter(partial.lexical) as lexical:
            for articles in catalogue.windows(_WINDOW):
                columns.append(articles)
                lexical.append(articles)
                catalogue.add_definitions(count_definitions(articles))
                self.progress.advance(len(articles))

    def _embed(self, catalogue: Catalogue, base: Part) -> EmbeddingCounts:
        identity = self.encoder.identity
        with EmbeddingCache.of(self.folder.embeddings(identity), identity) as cache:
            return Embedder(self.encoder, cache, self.progress).embed(catalogue, base.folder)

    def _transform(self, catalogue: Catalogue, partial: Generation) -> TransformRecord:
        previous = previous_record(self.folder, self.encoder.identity)
        return Transformer(self.encoder, self.progress).run(catalogue, partial, self.transform, previous)

    def _write_manifest(self, partial: Generation, made: _Made) -> Manifest:
        columns = Columns.open(partial.base.columns)
        title_only, retracted = columns.title_only_and_retracted()
        files = verify.file_records(partial)
        for name in files:
            sync_file(partial.folder / name)
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            project_version=version("pubmed-semantic-search"),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            encoder=self.encoder.identity,
            counts=Counts(len(columns.pmids), title_only, retracted, made.counts.truncated),
            candidates=made.candidates,
            sources=tuple(made.collected.sources),
            files=files,
            corpus_note=self.corpus_note,
            transform=made.transform,
        )
        manifest.write(partial.manifest_file)
        return manifest


def _require_articles(catalogue: Catalogue, sources: Sources, collected: Collected) -> None:
    if catalogue.count():
        return
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in collected.skipped.most_common()) or "none skipped"
    raise SourceError(
        f"No article was left to index: {len(sources.files):,} files gave {collected.records:,} records, "
        f"{collected.deletions:,} deletions, and skipped: {reasons}. Nothing was published."
    )


def _verify(partial: Generation, manifest: Manifest) -> None:
    """Nothing is published that does not fit together."""
    if problems := list(verify.contents(partial, manifest)):
        raise BrokenIndex(f"The new generation did not pass its verification and was not published: {problems[0]}")


def _summary(  # noqa: PLR0917  (a report has as many sources as it has lines)
    folder: IndexFolder, generation: Generation, sources: Sources, manifest: Manifest, made: _Made, seconds: float
) -> BuildSummary:
    collected, counts = made.collected, made.counts
    return BuildSummary(
        index=str(folder.root),
        generation=generation.name,
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
        skipped=collected.skipped.total(),
        skipped_by_reason=dict(collected.skipped.most_common()),
        skipped_examples=tuple(SkippedExample(str(one.path), one.position, one.reason) for one in collected.examples),
        skipped_list=str(generation.folder / SKIPPED_FILE),
        embedded=counts.embedded,
        cached=counts.cached,
        transform=manifest.transform,
        candidates=manifest.candidates,
        seconds=round(seconds, 2),
        embedding_seconds=round(made.embedding_seconds, 2),
        embedded_per_second=round(counts.embedded / max(made.embedding_seconds, 1e-9), 1),
        peak_memory_mb=_peak_memory_mb(),
    )


def _peak_memory_mb() -> int:
    """The process's largest resident size so far; Linux counts kilobytes, macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))

"""Writes a generation of an earlier one and of the statements laid over it: base and delta, or both merged."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from indexer.build import StageClock
from indexer.definitions import count_definitions
from indexer.earlier_vectors import EarlierVectors
from indexer.embedding import EmbeddingCounts
from indexer.merging import Merger
from indexer.overlay import Changes
from indexer.part_writing import WINDOW, PartWriter
from indexer.transform_choice import transform_vectors
from search.catalogue import Definition
from search.catalogue_writer import CatalogueWriter
from search.encoder import Encoder
from search.errors import SourceError
from search.generation import Generation
from search.lexical_writer import LexicalWriter
from search.live_vectors import LiveVectors
from search.open_generation import OpenGeneration
from search.storage import link
from search.tombstones import Tombstones
from search.vectors import Pmids, VectorFile


@dataclass(frozen=True, slots=True)
class Written:
    """How the vectors of a generation came about, and the kinds of its candidates."""

    counts: EmbeddingCounts
    candidates: str
    delta_candidates: str
    merged: bool


@dataclass(frozen=True, slots=True)
class DeltaWriter:
    """Writes all but the manifest of `partial`; `before` are the open files of the generation `earlier`."""

    writer: PartWriter
    encoder: Encoder
    earlier: Generation
    before: OpenGeneration
    partial: Generation
    clock: StageClock

    def write(self, delta: CatalogueWriter, changes: Changes, merged_above: float, candidates: str) -> Written:
        """Write what `delta` and `changes` ask for; a delta of more than that share of the base is merged with it.

        `candidates` is the kind of the base's. Raises SourceError where no article would be left.
        """
        tombstones = Tombstones.between(self.before.vectors.base, delta)
        count = delta.count()
        if not count and len(tombstones.pmids) == len(self.before.vectors.base):
            raise SourceError(
                "These files delete every article of the index. Nothing was published: build a new index instead."
            )
        delta.clear_definitions()
        counts = self._write_articles(delta) if count else EmbeddingCounts()
        for taken_off in self._taken_off(tombstones.pmids):
            delta.add_definitions(taken_off)
        self._write_words(delta, np.sort(np.array(changes.changed, np.int64)))
        delta.finish()
        self.clock.stage("index")
        if self.earlier.transform.is_file():
            link(self.earlier.transform, self.partial.transform)
        merged = count + len(tombstones.deleted) > merged_above * len(self.before.vectors.base)
        if merged:
            return Written(counts, self._merge(tombstones), "", merged=True)
        link(self.earlier.base.folder, self.partial.base.folder)
        tombstones.write(self.partial.tombstones)
        delta_candidates = self.writer.find_candidates(self.partial.delta) if count else ""
        self.clock.stage("candidates")
        return Written(counts, candidates, delta_candidates, merged=False)

    def _write_articles(self, delta: CatalogueWriter) -> EmbeddingCounts:
        known = [EarlierVectors(self.before)] if self.before.transform is None else []
        counts = self.writer.embed(self.encoder, delta, self.partial.delta, known)
        self.clock.stage("embed")
        if self.before.transform is not None:
            transform_vectors(self.partial.delta.folder, self.before.transform, self.writer.progress)
        self.writer.index(delta, self.partial.delta)
        return counts

    def _taken_off(self, dead: Pmids) -> Iterator[list[Definition]]:
        """The definitions of the base's dead articles, to be subtracted from its counts."""
        for start in range(0, len(dead), WINDOW):
            articles = self.before.catalogue.base.articles(dead[start : start + WINDOW].tolist()).values()
            yield [Definition(one.short, one.long, -one.articles) for one in count_definitions(list(articles))]

    def _write_words(self, delta: CatalogueWriter, changed: Pmids) -> None:
        """Take the changed articles out of the lexical index, and put those that are still there in anew."""
        self.writer.progress.start("Indexing words", len(changed), "articles")
        with LexicalWriter(self.partial.lexical, self.earlier.lexical) as lexical:
            for start in range(0, len(changed), WINDOW):
                pmids = changed[start : start + WINDOW].tolist()
                lexical.delete(pmids)
                articles = delta.articles(pmids)
                lexical.append([articles[pmid] for pmid in pmids if pmid in articles])
                self.writer.progress.advance(len(pmids))

    def _merge(self, tombstones: Tombstones) -> str:
        delta = self.partial.delta
        newer = VectorFile.open(delta.folder) if delta.has_articles else None
        vectors = LiveVectors(self.before.vectors.base, newer, tombstones.pmids)
        candidates = Merger(self.earlier.base, delta, vectors, self.writer).merge(self.partial.base)
        shutil.rmtree(delta.folder)
        Tombstones.none().write(self.partial.tombstones)
        self.clock.stage("merge")
        return candidates

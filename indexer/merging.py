"""Merges a delta into its base: the new base of a generation, made of what the two have written down."""

import contextlib
from dataclasses import dataclass

import numpy as np

from indexer.part_writing import PartWriter
from search.catalogue import Catalogue
from search.catalogue_writer import merge_catalogues
from search.generation import Part
from search.live_vectors import LiveVectors
from search.vectors import VectorWriter, is_among

_CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Merger:
    """Merges `base` and `delta` into a part that is written with `writer`. The vectors are copied as they are."""

    base: Part
    delta: Part
    vectors: LiveVectors
    writer: PartWriter

    def merge(self, into: Part) -> str:
        """Write the part; returns the kind of its candidates."""
        merge_catalogues(self.base.catalogue, self.delta.catalogue, into.catalogue)
        self._copy_vectors(into)
        with contextlib.closing(Catalogue.open(into.catalogue)) as catalogue:
            self.writer.write_columns(catalogue, into)
        return self.writer.find_candidates(into)

    def _copy_vectors(self, into: Part) -> None:
        base, newer = self.vectors.base.pmids, self.vectors.delta
        alive = base[~is_among(base, self.vectors.dead)]
        pmids = np.sort(np.concatenate([alive, *([newer.pmids] if newer else [])]))
        self.writer.progress.start("Merging", len(pmids), "vectors")
        with VectorWriter(into.folder, len(pmids), self.vectors.dimension) as writer:
            for start in range(0, len(pmids), _CHUNK):
                chunk = pmids[start : start + _CHUNK]
                writer.append(chunk, self.vectors.get(chunk), self.vectors.truncated_of(chunk))
                self.writer.progress.advance(len(chunk))

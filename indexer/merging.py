"""Merges a delta into its base: the new base of a generation, made of what the two have written down."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.part_writing import PartWriter
from search.catalogue_writer import CatalogueWriter
from search.index_folder import Part
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
        catalogue = CatalogueWriter.open(into.catalogue)
        try:
            catalogue.take_over(self.base.catalogue, self.delta.catalogue)
            self._copy_vectors(into)
            self.writer.write_columns(catalogue, into)
        finally:
            catalogue.finish()
        return self.writer.find_candidates(into)

    def _copy_vectors(self, into: Part) -> None:
        base, newer = self.vectors.base.pmids, self.vectors.delta
        alive = base[~is_among(base, self.vectors.dead)]
        pmids = np.sort(np.concatenate([alive, *([newer.pmids] if newer else [])]))
        self.writer.progress.start("Merging", len(pmids), "vectors")
        with VectorWriter(into.folder, len(pmids), self.vectors.dimension) as writer:
            for start in range(0, len(pmids), _CHUNK):
                chunk = pmids[start : start + _CHUNK]
                writer.append(chunk, self.vectors.get(chunk), self.vectors.truncated(chunk))
                self.writer.progress.advance(len(chunk))


def link(path: Path, into: Path) -> None:
    """Link a file, or the files of a folder, into another generation: they are never changed, so that both may have them."""
    if path.is_dir():
        into.mkdir(exist_ok=True)
        for inside in sorted(path.iterdir()):
            link(inside, into / inside.name)
    else:
        into.hardlink_to(path)

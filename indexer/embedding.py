"""The embedding stage: every article of a catalogue to a vector, from the cache where it is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.embedding_cache import EmbeddingCache, text_key
from indexer.progress import Progress
from search.article import Article
from search.catalogue import Catalogue
from search.encoder import Encoder, Vectors
from search.vectors import VectorWriter

# Enough documents to sort by length with little padding, few enough to keep what they need below a gigabyte.
_WINDOW = 1_024


@dataclass(frozen=True, slots=True)
class EmbeddingCounts:
    """How many articles were embedded now, taken from the cache, and longer than the encoder reads."""

    embedded: int = 0
    cached: int = 0
    truncated: int = 0

    def __add__(self, other: "EmbeddingCounts") -> "EmbeddingCounts":
        return EmbeddingCounts(self.embedded + other.embedded, self.cached + other.cached, self.truncated + other.truncated)


@dataclass(frozen=True, slots=True)
class Embedder:
    """Embeds with one encoder over one cache, telling `progress`."""

    encoder: Encoder
    cache: EmbeddingCache
    progress: Progress

    def embed(self, catalogue: Catalogue, folder: Path) -> EmbeddingCounts:
        """Write the vectors of all articles into `folder`, in order of PMID."""
        total, counts = catalogue.count(), EmbeddingCounts()
        self.progress.start("Embedding", total, "articles")
        with VectorWriter(folder, total, self.encoder.identity.dimension) as writer:
            for articles in catalogue.windows(_WINDOW):
                vectors, window_counts = self._window(articles)
                writer.append(np.array([article.pmid for article in articles], np.int64), vectors)
                counts += window_counts
        return counts

    def _window(self, articles: Sequence[Article]) -> tuple[Vectors, EmbeddingCounts]:
        """The vectors (n, d) float32 of one window, in its order; what the cache lacks goes there batch by batch."""
        keys = [text_key(article) for article in articles]
        cached = self.cache.look_up(keys)
        hits = int(cached.found.sum())
        self.progress.advance(hits)
        vectors = np.empty((len(articles), self.encoder.identity.dimension), np.float32)
        truncated = np.empty(len(articles), np.bool_)
        vectors[cached.found], truncated[cached.found] = cached.vectors, cached.truncated
        missing = np.flatnonzero(~cached.found).tolist()
        row_of = {articles[row].pmid: row for row in missing}
        for batch in self.encoder.embed([articles[row] for row in missing]):
            rows = [row_of[pmid] for pmid in batch.pmids.tolist()]
            self.cache.add([keys[row] for row in rows], batch)
            vectors[rows], truncated[rows] = batch.vectors, batch.truncated
            self.progress.advance(len(rows))
        return vectors, EmbeddingCounts(len(missing), hits, int(truncated.sum()))

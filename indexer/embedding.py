"""The embedding stage: every article of a catalogue to a vector, from where one is known, or else from the encoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from indexer.embedding_cache import EmbeddingCache, KnownRows
from indexer.progress import Progress
from search.article import Article
from search.catalogue import Catalogue
from search.encoder import Encoder
from search.vectors import VectorWriter

# Enough documents to sort by length with little padding, few enough to keep what they need below a gigabyte.
_WINDOW = 1_024


@dataclass(frozen=True, slots=True)
class EmbeddingCounts:
    """How many articles were embedded now, were known, and are longer than the encoder reads."""

    embedded: int = 0
    cached: int = 0
    truncated: int = 0

    def __add__(self, other: "EmbeddingCounts") -> "EmbeddingCounts":
        return EmbeddingCounts(self.embedded + other.embedded, self.cached + other.cached, self.truncated + other.truncated)


class Known(Protocol):
    """Knows vectors of some articles, so that these need not be embedded."""

    def look_up(self, articles: Sequence[Article]) -> KnownRows:
        """What is known of some articles."""
        ...


@dataclass(frozen=True, slots=True)
class Embedder:
    """Embeds with one encoder over one cache, telling `progress`; what `known` knows is neither embedded nor cached."""

    encoder: Encoder
    cache: EmbeddingCache
    progress: Progress
    known: Sequence[Known] = ()

    def embed(self, catalogue: Catalogue, folder: Path) -> EmbeddingCounts:
        """Write the vectors of all articles into `folder`, in order of PMID."""
        total, counts = catalogue.count(), EmbeddingCounts()
        self.progress.start("Embedding", total, "articles")
        with VectorWriter(folder, total, self.encoder.identity.dimension) as writer:
            for articles in catalogue.windows(_WINDOW):
                rows, embedded = self._window(articles)
                writer.append(np.array([article.pmid for article in articles], np.int64), rows.vectors, rows.truncated)
                counts += EmbeddingCounts(embedded, len(articles) - embedded, int(rows.truncated.sum()))
        return counts

    def _window(self, articles: Sequence[Article]) -> tuple[KnownRows, int]:
        """The rows of one window, and how many of them were embedded now."""
        rows = KnownRows.none(len(articles), self.encoder.identity.dimension)
        for known in (*self.known, self.cache):
            if (missing := np.flatnonzero(~rows.found)).size:
                rows.fill(missing, known.look_up([articles[row] for row in missing.tolist()]))
        missing = np.flatnonzero(~rows.found)
        self.progress.advance(len(articles) - len(missing))
        if missing.size:
            self._embed(articles, missing.tolist(), rows)
        return rows, len(missing)

    def _embed(self, articles: Sequence[Article], missing: Sequence[int], rows: KnownRows) -> None:
        """Embed some of the articles; their rows go into the cache batch by batch."""
        row_of = {articles[row].pmid: row for row in missing}
        for batch in self.encoder.embed([articles[row] for row in missing]):
            places = [row_of[pmid] for pmid in batch.pmids.tolist()]
            self.cache.add([articles[row] for row in places], batch)
            rows.vectors[places], rows.truncated[places] = batch.vectors, batch.truncated
            self.progress.advance(len(places))

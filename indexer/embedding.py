"""The embedding stage: every article of a catalogue to a vector, from where one is known, or else from the encoder."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from indexer.embedding_cache import EmbeddingCache, KnownRows
from indexer.progress import Progress
from search.article import Article
from search.catalogue import Catalogue
from search.encoder import EmbeddedBatch, Encoder
from search.vectors import VectorWriter

# Enough documents to sort by length with little padding, few enough to keep what they need below a gigabyte.
_WINDOW = 1_024

_Item = TypeVar("_Item")


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
class _Window:
    """Some articles, the `rows` of those that are known, and the `others`, whose vectors come in `batches`."""

    articles: Sequence[Article]
    rows: KnownRows
    others: Sequence[int]
    batches: Iterator[EmbeddedBatch]

    def counts(self) -> EmbeddingCounts:
        """What was counted of it when it is whole."""
        return EmbeddingCounts(len(self.others), len(self.articles) - len(self.others), int(self.rows.truncated.sum()))


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
            # The encoder works on a window while the next is read and looked up, here: SQLite's objects stay in their thread.
            for window in _one_ahead(map(self._begin, catalogue.windows(_WINDOW))):
                self._finish(window)
                pmids = np.array([article.pmid for article in window.articles], np.int64)
                writer.append(pmids, window.rows.vectors, window.rows.truncated)
                counts += window.counts()
        return counts

    def _begin(self, articles: Sequence[Article]) -> _Window:
        """Look up what is known of some articles, and give the others to the encoder."""
        rows = KnownRows.none(len(articles), self.encoder.identity.dimension)
        for known in (*self.known, self.cache):
            if (missing := np.flatnonzero(~rows.found)).size:
                rows.fill(missing, known.look_up([articles[row] for row in missing.tolist()]))
        others = np.flatnonzero(~rows.found).tolist()
        batches = self.encoder.embed([articles[row] for row in others]) if others else iter(())
        return _Window(articles, rows, others, batches)

    def _finish(self, window: _Window) -> None:
        """Fill in the others' rows, which go into the cache batch by batch."""
        articles, rows = window.articles, window.rows
        self.progress.advance(len(articles) - len(window.others))
        row_of = {articles[row].pmid: row for row in window.others}
        for batch in window.batches:
            places = [row_of[pmid] for pmid in batch.pmids.tolist()]
            self.cache.add([articles[row] for row in places], batch)
            rows.vectors[places], rows.truncated[places] = batch.vectors, batch.truncated
            self.progress.advance(len(places))


def _one_ahead(items: Iterable[_Item]) -> Iterator[_Item]:
    """The same items, each of them given when the next has been made."""
    made: list[_Item] = []
    for item in items:
        yield from made
        made = [item]
    yield from made

"""Writes one part of a generation, base or delta, from its catalogue: vectors, columns, lexical documents, candidates."""

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from indexer.definitions import count_definitions
from indexer.embedding import Embedder, EmbeddingCounts, Known
from indexer.embedding_cache import EmbeddingCache
from indexer.progress import Progress
from search.article import Article
from search.candidates import FLAT_LIMIT, Candidates
from search.catalogue import Catalogue
from search.catalogue_writer import CatalogueWriter
from search.columns import ColumnsWriter
from search.encoder import Encoder
from search.generation import Part
from search.index_folder import IndexFolder
from search.lexical_writer import LexicalWriter
from search.memory import trim_memory
from search.vectors import VectorFile

WINDOW = 10_000


@dataclass(frozen=True, slots=True)
class PartWriter:
    """Writes parts of generations of `folder`; above `flat_limit` articles vectors go into inverted lists."""

    folder: IndexFolder
    progress: Progress
    flat_limit: int = FLAT_LIMIT

    def embed(self, encoder: Encoder, catalogue: Catalogue, part: Part, known: Sequence[Known] = ()) -> EmbeddingCounts:
        """Write the vectors, taken from `known` or from the cache where they are there."""
        with EmbeddingCache.of(self.folder.embeddings(encoder.identity), encoder.identity, self.progress.say) as cache:
            return Embedder(encoder, cache, self.progress, known).embed(catalogue, part.folder)

    def index(self, catalogue: CatalogueWriter, part: Part, lexical: LexicalWriter | None = None) -> None:
        """Write what filters and abbreviations are looked up in, and add all articles to `lexical`."""
        # Closed here, not when it is forgotten: what a full disk does to its files must be raised, not printed.
        with contextlib.closing(self._indexed(catalogue, part)) as windows:
            for articles in windows:
                if lexical is not None:
                    lexical.append(articles)
                catalogue.add_definitions(count_definitions(articles))

    def write_columns(self, catalogue: Catalogue, part: Part) -> None:
        """Write what filters are looked up in."""
        for _ in self._indexed(catalogue, part):
            pass

    def _indexed(self, catalogue: Catalogue, part: Part) -> Generator[list[Article]]:
        """Write the columns, and give the articles to whoever writes something else of them."""
        self.progress.start("Indexing", catalogue.count(), "articles")
        with ColumnsWriter(part.columns) as columns:
            for articles in catalogue.windows(WINDOW):
                columns.append(articles)
                yield articles
                self.progress.advance(len(articles))

    def find_candidates(self, part: Part) -> str:
        """Write the FAISS index of a part's vectors; returns its kind."""
        trim_memory()
        self.progress.start("Grouping", None, "vectors")
        return Candidates.build(part.candidates, VectorFile.open(part.folder), self.flat_limit)

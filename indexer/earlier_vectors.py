"""The vectors that an index has already, for articles whose embedded text is what it was."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.embedding_cache import KnownRows
from search.article import Article
from search.encoder import embedded_text
from search.open_generation import OpenGeneration


@dataclass(frozen=True, slots=True)
class EarlierVectors:
    """Knows the vectors of a generation that has no transform, so that they are the encoder's own."""

    files: OpenGeneration

    def look_up(self, articles: Sequence[Article]) -> KnownRows:
        """The vectors of those articles that are in the generation with the same title and abstract."""
        before = self.files.catalogue.articles([article.pmid for article in articles])
        rows = KnownRows.none(len(articles), self.files.vectors.dimension)
        for place, article in enumerate(articles):
            same = before.get(article.pmid)
            rows.found[place] = same is not None and embedded_text(same) == embedded_text(article)
        pmids = np.array([article.pmid for article in articles], np.int64)[rows.found]
        rows.vectors[rows.found] = self.files.vectors.get(pmids)
        rows.truncated[rows.found] = self.files.vectors.truncated_of(pmids)
        return rows

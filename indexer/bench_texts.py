"""The texts that encoders are measured on: an index's articles, or those that ship with the project."""

from pathlib import Path

import numpy as np

from search.article import Article
from search.index_folder import DEFAULT_INDEX, IndexFolder
from search.searcher import Searcher
from search.shipped import sample_articles

_SEED = 0
# Of so many times the articles that are wanted those with an abstract are taken first: 60 % of PubMed's have one.
_DRAWN_TIMES = 3


def articles_for(index: Path | None, count: int) -> tuple[list[Article], str]:
    """At most so many articles, and where they come from: the index that is named, the usual one, or the sample.

    Raises NoIndex where the index that is named is not there.
    """
    if index is None and IndexFolder(DEFAULT_INDEX).published_name() is None:
        return sample_articles()[:count], "the sample"
    folder = index or DEFAULT_INDEX
    with Searcher.open(folder) as searcher:
        return drawn_articles(searcher, count), str(folder)


def drawn_articles(searcher: Searcher, count: int) -> list[Article]:
    """Draw articles from an index, the same ones every time, those with an abstract first."""
    pmids = searcher.pmids()
    drawn = np.random.default_rng(_SEED).choice(pmids, min(_DRAWN_TIMES * count, len(pmids)), replace=False)
    articles = searcher.articles(drawn.tolist())
    return sorted(articles.values(), key=lambda article: not article.abstract)[:count]

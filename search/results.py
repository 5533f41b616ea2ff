"""What a search answers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, overload

from search.article import Article
from search.filters import Filters


class Mode(StrEnum):
    """How a search ranks: by meaning, by words, or by both."""

    DENSE = "dense"
    LEXICAL = "lexical"
    HYBRID = "hybrid"


@dataclass(frozen=True, slots=True)
class Why:
    """The reasons for a hit: its rank and similarity (higher is nearer) in the dense leg."""

    dense_rank: int
    similarity: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One hit; ranks start at 1 and a higher score is better."""

    rank: int
    pmid: int
    score: float
    article: Article
    why: Why


@dataclass(frozen=True, slots=True)
class IndexSummary:
    """Which index answered: NLM asks that every page and export shows how current its data is.

    `updated` is the date of the newest change that NLM made to a record in it, not the day on which it was built.
    """

    articles: int
    last_file: str
    updated: str
    encoder: str


@dataclass(frozen=True, slots=True)
class SearchResults:
    """The answer to one search, in order of rank.

    `hidden_retracted` counts the retracted articles that would have stood among these hits.
    """

    query: str
    mode: Mode
    filters: Filters
    took_ms: float
    hidden_retracted: int
    index: IndexSummary
    hits: tuple[SearchResult, ...] = field(default=())

    def __iter__(self) -> Iterator[SearchResult]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    @overload
    def __getitem__(self, position: int) -> SearchResult: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[SearchResult, ...]: ...
    def __getitem__(self, position: int | slice) -> SearchResult | tuple[SearchResult, ...]:
        return self.hits[position]

    def to_json(self) -> dict[str, Any]:
        """The document that ``pubmed-search --json`` prints, as plain Python values."""
        return {
            "query": self.query,
            "mode": str(self.mode),
            "filters": {name: getattr(self.filters, name) for name in Filters.__dataclass_fields__},
            "took_ms": round(self.took_ms, 2),
            "hidden_retracted": self.hidden_retracted,
            "index": {name: getattr(self.index, name) for name in IndexSummary.__dataclass_fields__},
            "results": [_result_to_json(hit) for hit in self.hits],
        }


def _result_to_json(hit: SearchResult) -> dict[str, Any]:
    article = hit.article
    return {
        "rank": hit.rank,
        "pmid": hit.pmid,
        "score": hit.score,
        "title": article.title,
        "abstract": article.abstract,
        "authors": [author.name for author in article.authors],
        "journal": article.journal or article.journal_abbreviation,
        "year": article.year,
        "publication_types": list(article.publication_types),
        "mesh": [heading.descriptor for heading in article.mesh],
        "doi": article.doi,
        "flags": article.flags.labels,
        "why": {"dense_rank": hit.why.dense_rank, "similarity": hit.why.similarity},
    }

"""What a search gives back."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, overload

from search.article import Article
from search.filters import Filters

# The same number of candidates whatever k is, so that the ten best of a thousand are the ten best of ten.
DEPTH = 1000
# So many of the best are sorted when the newest is asked for first: further down, few answer the question.
SORTED_BY_DATE = 200


class Mode(StrEnum):
    """How a search ranks: by meaning, by words, or by both."""

    DENSE = "dense"
    LEXICAL = "lexical"
    HYBRID = "hybrid"


class Sort(StrEnum):
    """In which order hits stand: the best first, or the newest of the 200 best (of 1,000 where only a filter was asked)."""

    RELEVANCE = "relevance"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an article, its section's label, and where the question's words stand in it: (start, end) each.

    `similarity` to the question is known where the sentence was chosen by its meaning.
    """

    text: str
    label: str = ""
    marks: tuple[tuple[int, int], ...] = ()
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """The reasons for a hit.

    Ranks and scores are those that the two legs gave for the question itself, before feedback, None where a leg did not have
    the article among its 1,000 candidates or was not asked; `feedback_rank` is the rank when what resembles the first hits was
    looked for, too; `raised_from` is the rank by both legs, where other hits that it resembles raised it far from there.
    `words` are the question's words as the article has them, and `sentence` is the one that holds most of them; `nearest` is
    the sentence nearest in meaning, for the hits that were to be explained. `rerank_score` orders re-ranked hits.
    """

    dense_rank: int | None = None
    similarity: float | None = None
    lexical_rank: int | None = None
    lexical_score: float | None = None
    feedback_rank: int | None = None
    raised_from: int | None = None
    words: tuple[str, ...] = ()
    sentence: Sentence | None = None
    nearest: Sentence | None = None
    rerank_score: float | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One hit; ranks start at 1 and a higher score is better. Hits that are re-ranked or sorted by date keep their scores.

    The score is NaN where nothing ranked the article.
    """

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
class Holdings:
    """How many files an index was made of, and how many of its articles have no abstract."""

    files: int
    title_only: int


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """A short form, the long form that this corpus defines for it, and which of the two the question has."""

    short: str
    long: str
    asked_short: bool

    @property
    def added(self) -> str:
        """The form that the question lacks."""
        return self.long if self.asked_short else self.short


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A word of a question that no article has, and the nearest one that articles do have."""

    word: str
    instead: str


@dataclass(frozen=True, slots=True)
class Understanding:
    """How a text was understood: what is ranked, what filters in PubMed's syntax ("" for nothing), and what else to say."""

    question: str
    filter: str = ""
    notes: tuple[str, ...] = ()
    abbreviations: tuple[Abbreviation, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResults:
    """The answer to one search, in order of rank.

    `hidden_retracted` counts the retracted articles that would have stood among these hits and those skipped before them.
    `ranked` are the PMIDs of all that was ranked, 1,000 at most, in their order: what facets and a map are made of.
    `best_score` is the highest score among them, 0 where nothing ranked them.
    """

    query: str
    mode: Mode
    filters: Filters
    took_ms: float
    hidden_retracted: int
    index: IndexSummary
    hits: tuple[SearchResult, ...] = field(default=())
    understood: Understanding = field(default_factory=lambda: Understanding(""))
    ranked: tuple[int, ...] = ()
    best_score: float = 0.0

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
            "understood": asdict(self.understood),
            "took_ms": round(self.took_ms, 2),
            "hidden_retracted": self.hidden_retracted,
            "index": asdict(self.index),
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
        "why": asdict(hit.why),
    }

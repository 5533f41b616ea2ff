"""Finds documents that look like an answer and are none: what the search at hand ranks high for a training query."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from indexer.training_pair import TrainingPair, document_text
from search.errors import QueryError
from search.results import Mode, SearchResult, SearchResults

# Negatives are drawn from so many ranks. The first of a ranking are as often answers that nobody marked.
_DEPTH = 50
_UNMARKED = 10
# What scores nearer to the positive than this share is taken for another answer: "TopK-PercPos" of
# https://arxiv.org/abs/2407.15831, there with 0.95 as well.
_NEAR_POSITIVE = 0.95


class Ranks(Protocol):
    """Whatever ranks articles for a question; `Searcher` does."""

    def search(self, query: str, k: int, *, mode: Mode) -> SearchResults:
        """The best `k`, best first. Raises QueryError where the question is refused."""
        ...


@dataclass(frozen=True, slots=True)
class MinedPair:
    """A pair, and the texts of documents that look like an answer to its query and are none, hardest first."""

    pair: TrainingPair
    negatives: tuple[str, ...]


def mine(pairs: Iterable[TrainingPair], searcher: Ranks, count: int, seed: int = 0) -> Iterator[MinedPair]:
    """Give each pair `count` negatives, fewer where the corpus has fewer; none where its own article is unknown.

    BM25 and the encoder of the index both choose: negatives come from their fused ranking.
    """
    for pair in pairs:
        chance = random.Random(f"{seed} {pair.pmid} {pair.query}")
        yield MinedPair(pair, tuple(_drawn(_ranked(searcher, pair), pair, count, chance)) if pair.pmid and count else ())


def _ranked(searcher: Ranks, pair: TrainingPair) -> Sequence[SearchResult]:
    try:
        return tuple(searcher.search(pair.query, _DEPTH, mode=Mode.HYBRID))
    except QueryError:  # a sentence that reads as PubMed's syntax, and as no valid one
        return ()


def _drawn(hits: Sequence[SearchResult], pair: TrainingPair, count: int, chance: random.Random) -> Iterator[str]:
    positive = next((hit.score for hit in hits if hit.pmid == pair.pmid), None)
    if positive is None:
        others = [hit for hit in hits[_UNMARKED:] if hit.pmid != pair.pmid]
    else:
        others = [hit for hit in hits if hit.pmid != pair.pmid and hit.score < _NEAR_POSITIVE * positive]
    for place in sorted(chance.sample(range(len(others)), min(count, len(others)))):
        yield document_text(others[place].article)

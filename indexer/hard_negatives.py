"""Finds documents that look like an answer and are none: what the search at hand ranks high for a training query."""

import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from indexer.training_pair import TrainingPair, document_text
from search.article import Article
from search.errors import QueryError
from search.results import Mode, SearchResult, SearchResults

# Negatives are drawn from so many ranks. The first of a ranking are as often answers that nobody marked.
_DEPTH = 50
_UNMARKED = 10
# What scores nearer to the positive than this share is taken for another answer: "TopK-PercPos" of
# https://arxiv.org/abs/2407.15831, there with 0.95 as well.
_NEAR_POSITIVE = 0.95
_THREADS = os.cpu_count() or 1
_AT_ONCE = 32


class Ranks(Protocol):
    """Whatever ranks articles for a question; `Searcher` does."""

    def search(self, query: str, k: int, *, mode: Mode) -> SearchResults:
        """The best `k`, best first. Raises QueryError where the question is refused."""
        ...


@dataclass(frozen=True, slots=True)
class Mined:
    """A document's pairs, and the texts of others that look like an answer to one of their queries and are none."""

    pairs: tuple[TrainingPair, ...]
    negatives: tuple[str, ...]


def mine(
    documents: Iterable[tuple[TrainingPair, ...]],
    searcher: Ranks,
    count: int,
    may_be_seen: Callable[[Article], bool],
    seed: int = 0,
) -> Iterator[Mined]:
    """Give each document's pairs `count` negatives that `may_be_seen`, fewer where there are fewer; none where it is unknown.

    BM25 and the encoder of the index both choose: negatives come from their fused ranking.
    """

    def mined(pairs: tuple[TrainingPair, ...]) -> Mined:
        chance = random.Random(f"{seed} {pairs[0].pmid} {pairs[0].query}")
        pair = chance.choice(pairs)
        hits = _ranked(searcher, pair) if pair.pmid and count else ()
        return Mined(pairs, tuple(_drawn(hits, pair, count, may_be_seen, chance)))

    waiting = iter(documents)
    with ThreadPoolExecutor(_THREADS) as threads:
        while batch := list(islice(waiting, _AT_ONCE)):
            yield from threads.map(mined, batch)


def _ranked(searcher: Ranks, pair: TrainingPair) -> Sequence[SearchResult]:
    try:
        return tuple(searcher.search(pair.query, _DEPTH, mode=Mode.HYBRID))
    except QueryError:  # a sentence that reads as PubMed's syntax, and as no valid one
        return ()


def _drawn(
    hits: Sequence[SearchResult],
    pair: TrainingPair,
    count: int,
    may_be_seen: Callable[[Article], bool],
    chance: random.Random,
) -> Iterator[str]:
    positive = next((hit.score for hit in hits if hit.pmid == pair.pmid), None)
    if positive is None:
        others = list(hits[_UNMARKED:])
    else:
        others = [hit for hit in hits if hit.pmid != pair.pmid and hit.score < _NEAR_POSITIVE * positive]
    others = [hit for hit in others if hit.pmid not in pair.related and may_be_seen(hit.article)]
    for place in sorted(chance.sample(range(len(others)), min(count, len(others)))):
        yield document_text(others[place].article)

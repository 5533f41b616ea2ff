"""Measures how long questions take on an index, as a user meets them: encoding, search, and reading the records."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.progress import Progress
from search.filters import Filters
from search.results import Mode
from search.searcher import Searcher

# Asked before the clock counts: the first questions load pages of the index from the disk.
_WARM_UP = 20
_SEED = 0
# As many as the command line explains unasked.
_EXPLAINED = 3


@dataclass(frozen=True, slots=True)
class WayLatency:
    """How long questions took in one way of asking, in milliseconds.

    `filters` is what they were narrowed by; for the first `explained` hits the sentence nearest in meaning was found.
    """

    mode: Mode
    filters: str
    explained: int
    median_ms: float
    percentile_99_ms: float
    slowest_ms: float


@dataclass(frozen=True, slots=True)
class Latency:
    """How long `queries` questions took, each asked once in every way, one after the other, for `k` hits."""

    articles: int
    encoder: str
    queries: int
    k: int
    encoding_median_ms: float
    ways: tuple[WayLatency, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """A way of asking; the questions take turns with its filters."""

    mode: Mode
    filters: tuple[Filters, ...] = (Filters(),)
    said: str = ""
    explained: int = 0


def titles_as_questions(searcher: Searcher, count: int) -> list[str]:
    """Draw titles from the index, the same ones every time: questions for whoever has no file of them."""
    pmids = searcher.pmids()
    drawn = np.random.default_rng(_SEED).choice(pmids, min(count, len(pmids)), replace=False)
    articles = [searcher.article(pmid) for pmid in drawn.tolist()]
    return [article.title for article in articles if article and article.title]


def measure(searcher: Searcher, questions: Sequence[str], k: int, progress: Progress) -> Latency:
    """Ask every question once in every way and time it; the first few are asked beforehand, untimed."""
    ways = list(_ways(searcher))
    progress.start("Asking", len(ways) * len(questions), "questions")
    timed = tuple(time_way(searcher, way, questions, k, progress) for way in ways)
    return Latency(
        articles=searcher.summary.articles,
        encoder=searcher.summary.encoder,
        queries=len(questions),
        k=k,
        encoding_median_ms=_encoding_median_ms(searcher, questions),
        ways=timed,
    )


def _ways(searcher: Searcher) -> Iterator[Way]:
    yield from (Way(mode) for mode in (Mode.LEXICAL, Mode.DENSE, Mode.HYBRID))
    yield Way(Mode.HYBRID, explained=_EXPLAINED)
    years = searcher.years()
    if len(known := years[years > 0]):
        first, middle, late = (int(year) for year in np.percentile(known, [0, 50, 95]))
        halves = (Filters(year_from=middle), Filters(year_from=first, year_to=middle), Filters(year_from=late))
        said = f"years from {middle}, to {middle}, from {late}, in turn"
        yield from (Way(mode, halves, said) for mode in (Mode.LEXICAL, Mode.DENSE, Mode.HYBRID))


def time_way(searcher: Searcher, way: Way, questions: Sequence[str], k: int, progress: Progress) -> WayLatency:
    """Ask every question once in one way and time it; the first few are asked beforehand, untimed."""
    for place, question in enumerate(questions[:_WARM_UP]):
        searcher.search(question, k, way.filters[place % len(way.filters)], way.mode, explain=way.explained)
    took = []
    for place, question in enumerate(questions):
        started = time.perf_counter()
        searcher.search(question, k, way.filters[place % len(way.filters)], way.mode, explain=way.explained)
        took.append(time.perf_counter() - started)
        progress.advance(1)
    median, percentile_99, slowest = (round(float(1000 * value), 1) for value in np.percentile(took, [50, 99, 100]))
    return WayLatency(way.mode, way.said, way.explained, median, percentile_99, slowest)


def _encoding_median_ms(searcher: Searcher, questions: Sequence[str]) -> float:
    encoder, took = searcher.load_encoder(), []
    for question in questions:
        started = time.perf_counter()
        encoder.encode_query(question)
        took.append(time.perf_counter() - started)
    return round(1000 * float(np.median(took)), 1)

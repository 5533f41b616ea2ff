"""Measures how long questions take on an index, as a user meets them: encoding, search, and reading the records."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from indexer.progress import Progress
from search.errors import SourceError
from search.searcher import Searcher

# Asked before the clock counts: the first questions load pages of the index from the disk.
_WARM_UP = 20
_SEED = 0


@dataclass(frozen=True, slots=True)
class Latency:
    """How long `queries` questions took, in milliseconds, each asked once, one after the other, for `k` hits."""

    articles: int
    encoder: str
    queries: int
    k: int
    median_ms: float
    percentile_99_ms: float
    slowest_ms: float
    encoding_median_ms: float


class _Question(msgspec.Struct):
    """A line of a BEIR `queries.jsonl`."""

    text: str


def read_questions(path: Path) -> list[str]:
    """Read questions from a file: BEIR's `queries.jsonl`, or text with one question a line. Raises SourceError."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        as_json = path.suffix == ".jsonl"
        questions = [msgspec.json.decode(line, type=_Question).text if as_json else line for line in lines if line]
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise SourceError(
            f"{path} cannot be read as questions ({error}). Expected one question a line, or in a .jsonl one "
            '{"text": "..."} a line.'
        ) from error
    if not questions:
        raise SourceError(f"{path} holds no question. Expected one a line.")
    return questions


def titles_as_questions(searcher: Searcher, count: int) -> list[str]:
    """Draw titles from the index, the same ones every time: questions for whoever has no file of them."""
    pmids = searcher.pmids()
    drawn = np.random.default_rng(_SEED).choice(pmids, min(count, len(pmids)), replace=False)
    articles = [searcher.article(pmid) for pmid in drawn.tolist()]
    return [article.title for article in articles if article and article.title]


def measure(searcher: Searcher, questions: Sequence[str], k: int, progress: Progress) -> Latency:
    """Ask every question once and time it; the first few are asked beforehand, untimed."""
    encoder = searcher.load_encoder()
    for question in questions[:_WARM_UP]:
        searcher.search(question, k)
    progress.start("Asking", len(questions), "questions")
    took, encoding = [], []
    for question in questions:
        started = time.perf_counter()
        encoder.encode_query(question)
        encoded = time.perf_counter()
        searcher.search(question, k)
        took.append(time.perf_counter() - encoded)
        encoding.append(encoded - started)
        progress.advance(1)
    median, percentile_99 = 1000 * np.percentile(took, [50, 99])
    return Latency(
        articles=searcher.summary.articles,
        encoder=searcher.summary.encoder,
        queries=len(questions),
        k=k,
        median_ms=round(float(median), 1),
        percentile_99_ms=round(float(percentile_99), 1),
        slowest_ms=round(1000 * max(took), 1),
        encoding_median_ms=round(1000 * float(np.median(encoding)), 1),
    )

"""An encoder whose vectors can be worked out on paper: a document is the histogram of its words' lengths."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from search.article import AbstractSection, Article
from search.encoder import (
    EmbeddedBatch,
    EncoderIdentity,
    Metric,
    Pooling,
    Vectors,
    embedded_text,
    in_order,
)

DIMENSION = 8
MAX_WORDS = 12
BATCH = 4


class ToyEncoder:
    """Axis i counts the words of i + 1 letters (8 and more together); vectors have length 1. It reads 12 words."""

    def __init__(self, name: str = "toy") -> None:
        self.identity = EncoderIdentity(
            name=name,
            content_hash=hashlib.sha256(name.encode()).hexdigest(),
            dimension=DIMENSION,
            pooling=Pooling.MEAN,
            metric=Metric.COSINE,
            max_length=MAX_WORDS,
        )
        self.embedded: list[int] = []

    def embed(self, articles: Sequence[Article]) -> Iterator[EmbeddedBatch]:
        for start in range(0, len(articles), BATCH):
            batch = articles[start : start + BATCH]
            words = [" ".join(embedded_text(article)).split() for article in batch]
            self.embedded += [article.pmid for article in batch]
            yield EmbeddedBatch(
                pmids=np.array([article.pmid for article in batch], np.int64),
                vectors=np.stack([histogram(some[:MAX_WORDS]) for some in words]),
                truncated=np.array([len(some) > MAX_WORDS for some in words], np.bool_),
            )

    def encode_documents(self, articles: Sequence[Article]) -> Vectors:
        return in_order(articles, self.embed(articles), DIMENSION)

    def encode_query(self, text: str) -> Vectors:
        return histogram(text.split())

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self.encode_query(text) for text in texts])


def histogram(words: Sequence[str]) -> Vectors:
    counts = np.zeros(DIMENSION, np.float32)
    for word in words:
        counts[min(len(word), DIMENSION) - 1] += 1
    norm = np.linalg.norm(counts)
    unit: Vectors = counts / norm if norm else np.full(DIMENSION, 1 / np.sqrt(DIMENSION), np.float32)
    return unit


def load_toy(_name: str) -> ToyEncoder:
    return ToyEncoder()


def article(pmid: int, title: str, abstract: str = "", **fields: object) -> Article:
    sections = (AbstractSection(abstract),) if abstract else ()
    return Article(pmid, title, sections, **fields)  # type: ignore[arg-type]

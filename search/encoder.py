"""What an encoder is to the rest of the project: two methods, and an identity that an index can hold it to."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from search.article import Article

Vectors = npt.NDArray[np.float32]


class NumericPath(StrEnum):
    """The arithmetic that vectors come from. All documents of one index share one."""

    FP32 = "fp32"
    BF16 = "bf16"
    INT8 = "int8"


class Pooling(StrEnum):
    """How token vectors become one vector (the names of sentence-transformers' `1_Pooling/config.json`)."""

    CLS = "cls"
    MEAN = "mean"
    MAX = "max"
    MEAN_SQRT_LENGTH = "mean_sqrt_len_tokens"


class Metric(StrEnum):
    """What the inner product of two vectors means: cosine where they are normalised to length 1."""

    COSINE = "cosine"
    INNER_PRODUCT = "inner_product"


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """Everything that decides a document's vector; two equal identities give equal vectors.

    `name` is what `--encoder` was given; `content_hash` is the SHA-256 over the files that are loaded; `max_length` counts
    tokens of a document, the special ones included. `quantised_by` says what made the weights into bytes, "" for nothing.
    """

    name: str
    content_hash: str
    dimension: int
    pooling: Pooling
    metric: Metric
    max_length: int
    numeric_path: NumericPath = NumericPath.FP32
    revision: str = ""
    query_prompt: str = ""
    document_prompt: str = ""
    quantised_by: str = ""

    @property
    def cache_key(self) -> str:
        """Names the embedding cache: a hash of all that decides a vector, the encoder's name left out."""
        facts = {name: str(getattr(self, name)) for name in _DECIDING}
        if self.quantised_by:
            facts["quantised_by"] = self.quantised_by
        return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()[:16]


_DECIDING = ("content_hash", "dimension", "pooling", "metric", "max_length", "numeric_path", "document_prompt")


@dataclass(frozen=True, slots=True)
class EmbeddedBatch:
    """Vectors of some documents: `pmids` (n,) int64, `vectors` (n, d) float32, `truncated` (n,) bool.

    `truncated` marks documents longer than the encoder reads.
    """

    pmids: npt.NDArray[np.int64]
    vectors: Vectors
    truncated: npt.NDArray[np.bool_]


class Encoder(Protocol):
    """Turns articles and questions into vectors of one space."""

    @property
    def identity(self) -> EncoderIdentity:
        """What decides this encoder's vectors."""
        ...

    def embed(self, articles: Sequence[Article]) -> Iterator[EmbeddedBatch]:
        """Embed documents batch by batch, in the order that is fastest; every PMID comes once."""
        ...

    def encode_documents(self, articles: Sequence[Article]) -> Vectors:
        """The (n, d) float32 vectors of documents, in their order."""
        ...

    def encode_query(self, text: str) -> Vectors:
        """The (d,) float32 vector of a question."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """The (n, d) float32 vectors of many questions, in their order, several at a time."""
        ...


def embedded_text(article: Article) -> tuple[str, str]:
    """The text of an article that is embedded: its title and its abstract, as PubMed prints them."""
    return article.title, article.abstract


def in_order(articles: Sequence[Article], batches: Iterator[EmbeddedBatch], dimension: int) -> Vectors:
    """Put the vectors of `batches` into the order of `articles`: (n, d) float32. PMIDs must be distinct."""
    row_of = {article.pmid: row for row, article in enumerate(articles)}
    vectors = np.empty((len(articles), dimension), dtype=np.float32)
    for batch in batches:
        vectors[[row_of[int(pmid)] for pmid in batch.pmids]] = batch.vectors
    return vectors

"""The ways of encoding that `bench --encode` compares: this project's on each numeric path, and sentence-transformers'."""

import importlib.util
import logging
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from indexer.encoder_shape import EncoderShape
from indexer.machine import MatrixRate, matrix_rate
from search.article import Article
from search.checkpoint import quiet_transformers
from search.encoder import EncoderIdentity, NumericPath, embedded_text
from search.encoder_files import EncoderSpec, find_encoder
from search.errors import EncoderError
from search.int8_model import is_installed as int8_is_installed
from search.memory import peak_memory_mb
from search.transformer_encoder import TransformerEncoder, native_numeric_path

REFERENCE = "sentence-transformers"
_REFERENCE_PACKAGE = "sentence_transformers"
# Words that every English vocabulary has whole: 16 tokens with the two special ones.
_QUESTION = "what is the best way to help a child who has pain at night"
_QUESTIONS_PER_ROUND = 20
_WARM_UP = 8

Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Contender:
    """A way of encoding: this project's on a numeric path, or, where that is None, that of sentence-transformers.

    `length` tokens are read of a text; None is as many as the encoder's owner says.
    """

    encoder: str
    numeric_path: NumericPath | None
    length: int | None = None

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.numeric_path.value if self.numeric_path else REFERENCE

    def load(self) -> "Loaded":
        """Load it in this process. Raises EncoderError."""
        return _Own(self, self.numeric_path) if self.numeric_path else _Reference(self)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known once an encoder is loaded; `tokens` has those of each text, as many as are read of it."""

    identity: EncoderIdentity
    shape: EncoderShape
    tokens: tuple[int, ...]
    question_tokens: int


@dataclass(frozen=True, slots=True)
class Round:
    """All texts encoded once: how long that took, and what the machine multiplied just before and after.

    `padded_tokens` counts those of the batches, padding included; it and `matrix` are None where that is not known.
    """

    seconds: float
    question_ms: float
    peak_memory_mb: int
    padded_tokens: int | None = None
    matrix: MatrixRate | None = None


class Loaded(Protocol):
    """A contender that is ready to run."""

    def facts(self, articles: Sequence[Article]) -> Facts | None:
        """What is known of the encoder and the texts; None from whoever is not the first to ask."""
        ...

    def round(self, articles: Sequence[Article], tell: Tell) -> Round:
        """Encode the articles once, telling how many more are done, then ask a few questions."""
        ...


def available_paths() -> list[NumericPath]:
    """The numeric paths on which encoders run well on this machine."""
    paths = dict.fromkeys([NumericPath.FP32, native_numeric_path()])
    return [*paths, *([NumericPath.INT8] if int8_is_installed() else [])]


def reference_is_installed() -> bool:
    """Whether sentence-transformers is here."""
    return importlib.util.find_spec(_REFERENCE_PACKAGE) is not None


class _Own:
    """The encoder of this project on one numeric path."""

    def __init__(self, contender: Contender, path: NumericPath) -> None:
        self._path = path
        self._spec = _read_to(find_encoder(contender.encoder), contender.length)
        self._encoder = TransformerEncoder(self._spec, path)
        self._tokens: dict[int, int] = {}

    def facts(self, articles: Sequence[Article]) -> Facts:
        self._warm_up(articles)
        counts = self._encoder.token_counts(articles)
        self._tokens = {article.pmid: count for article, count in zip(articles, counts, strict=True)}
        (question,) = self._encoder.token_counts([Article(0, _QUESTION)])
        shape = EncoderShape.read(self._spec.document_folder)
        return Facts(self._encoder.identity, shape, tuple(counts), question)

    def round(self, articles: Sequence[Article], tell: Tell) -> Round:
        before = matrix_rate(self._path)
        padded, started = 0, time.perf_counter()
        for batch in self._encoder.embed(articles):
            longest = max(self._tokens[pmid] for pmid in batch.pmids.tolist())
            padded += len(batch.pmids) * self._encoder.padded_length(longest)
            tell(len(batch.pmids))
        seconds = time.perf_counter() - started
        after = matrix_rate(self._path)
        rate = (before.flop_per_second + after.flop_per_second) / 2
        question_ms = _median_ms(lambda: self._encoder.encode_query(_QUESTION))
        return Round(seconds, question_ms, peak_memory_mb(), padded, replace(before, flop_per_second=rate))

    def _warm_up(self, articles: Sequence[Article]) -> None:
        self._encoder.encode_documents(articles[:_WARM_UP])
        self._encoder.encode_query(_QUESTION)


class _Reference:
    """sentence-transformers as it comes, reading as many tokens."""

    def __init__(self, contender: Contender) -> None:
        logging.disable(logging.WARNING)  # it says of plain folders that it pools by the mean
        self._model = _reference_model(find_encoder(contender.encoder))
        self._model.max_seq_length = contender.length

    def facts(self, articles: Sequence[Article]) -> None:
        self._model.encode(_texts(articles[:_WARM_UP]), show_progress_bar=False)

    def round(self, articles: Sequence[Article], tell: Tell) -> Round:
        texts, started = _texts(articles), time.perf_counter()
        self._model.encode(texts, show_progress_bar=False)
        seconds = time.perf_counter() - started
        tell(len(texts))
        question_ms = _median_ms(lambda: self._model.encode(_QUESTION, show_progress_bar=False))
        return Round(seconds, question_ms, peak_memory_mb())


def _reference_model(spec: EncoderSpec) -> Any:  # noqa: ANN401  (sentence-transformers has no types)
    from sentence_transformers import SentenceTransformer

    try:
        with quiet_transformers():
            return SentenceTransformer(str(spec.document_folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # whatever its parsers raise means the same to the user
        raise EncoderError(f"sentence-transformers cannot load {spec.document_folder} ({error}).") from error


def _texts(articles: Sequence[Article]) -> list[str]:
    return [" ".join(part for part in embedded_text(article) if part) for article in articles]


def _read_to(spec: EncoderSpec, length: int | None) -> EncoderSpec:
    """Read as many tokens of a document; of a question, too, where one tower reads both, so that it stays one."""
    if length is None:
        return spec
    one_tower = spec.query_folder == spec.document_folder
    return replace(spec, document_max_length=length, query_max_length=length if one_tower else spec.query_max_length)


def _median_ms(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(_QUESTIONS_PER_ROUND):
        started = time.perf_counter()
        ask()
        took.append(time.perf_counter() - started)
    return 1000 * statistics.median(took)

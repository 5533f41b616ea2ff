"""The encoder that runs: torch and transformers over the files that `encoder_files` found."""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future

import numpy as np
import torch

from search.article import AbstractSection, Article
from search.batching import CPU_TOKENS, GPU_TOKENS, batches_by_tokens
from search.checkpoint import CORES, best_device, workers
from search.encoder import EmbeddedBatch, EncoderIdentity, Metric, NumericPath, Vectors, embedded_text, in_order
from search.encoder_files import EncoderSpec, content_hash, find_encoder
from search.int8_model import is_installed as int8_is_installed
from search.memory import trim_memory
from search.pooling import pool
from search.projection import Projection
from search.shipped import sample_articles
from search.tower import Tokens, Tower

_ARTICLES_PER_EXAMPLE = 2


def load_encoder(name: str, numeric_path: NumericPath | None = None) -> "TransformerEncoder":
    """Load the encoder that `--encoder` names, on the GPU where there is one.

    `numeric_path` None takes the fastest that this machine has. Raises EncoderError.
    """
    return TransformerEncoder(find_encoder(name), numeric_path or fastest_numeric_path())


def fastest_numeric_path() -> NumericPath:
    """int8 where OpenVINO is installed, there is no GPU, and the processor multiplies bytes; else what is native to torch."""
    multiplies_bytes = any(_capabilities().get(name) for name in ("avx512_vnni", "avx_vnni", "amx_int8"))
    if best_device().type == "cpu" and multiplies_bytes and int8_is_installed():
        return NumericPath.INT8
    return native_numeric_path()


def native_numeric_path() -> NumericPath:
    """bf16 where it is native: emulated on a CPU it is a hundred times slower than fp32."""
    device = best_device()
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device.type == "cpu" and any(_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16"))
    return NumericPath.BF16 if native else NumericPath.FP32


def _capabilities() -> Mapping[str, bool]:
    return torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}


class TransformerEncoder:
    """An `Encoder` over a transformer with one or two towers. Safe to share between threads."""

    def __init__(self, spec: EncoderSpec, numeric_path: NumericPath) -> None:
        self._spec = spec
        self._device = torch.device("cpu") if numeric_path is NumericPath.INT8 else best_device()
        self._workers = workers(self._device)
        content = content_hash(spec)
        self._documents = self._document_tower(content, numeric_path)
        self._queries = self._query_tower(content, numeric_path)
        self._projection = Projection.load(spec.projection, self._device) if spec.projection else None
        self._identity = EncoderIdentity(
            name=spec.name,
            content_hash=content,
            dimension=self._projection.dimension if self._projection else self._documents.dimension,
            pooling=spec.pooling,
            metric=spec.metric,
            max_length=self._documents.max_length,
            numeric_path=numeric_path,
            revision=spec.revision,
            query_prompt=spec.query_prompt,
            document_prompt=spec.document_prompt,
            quantised_by=self._documents.quantised_by,
        )

    @property
    def identity(self) -> EncoderIdentity:
        """What decides this encoder's vectors."""
        return self._identity

    def embed(self, articles: Sequence[Article]) -> Iterator[EmbeddedBatch]:
        """Embed documents in batches of like length; what runs over the maximal length is cut and marked.

        The work begins now, before it is asked for the first batch, and ends when nobody can ask any more.
        """
        tokens = self._documents.tokenize(*self._document_texts(articles))
        pmids = np.array([article.pmid for article in articles], dtype=np.int64)
        truncated = np.array([one.truncated for one in tokens], dtype=np.bool_)
        batches, running = self._started(self._documents, tokens)

        def embedded() -> Iterator[EmbeddedBatch]:
            try:
                for batch, vectors in zip(batches, running, strict=True):
                    yield EmbeddedBatch(pmids[batch], vectors.result(), truncated[batch])
            finally:
                _cancel(running)
                trim_memory()

        given = embedded()
        weakref.finalize(given, _cancel, running)  # what was asked for nothing has no `finally` to run
        return given

    def _started(self, tower: Tower, tokens: Sequence[Tokens]) -> tuple[list[list[int]], list[Future[Vectors]]]:
        """Batches of like length, each by its texts' places, and the work on each, begun."""
        batches = batches_by_tokens(lengths := [len(one.ids) for one in tokens], self._budget(sum(lengths)))
        return batches, [self._workers.submit(self._vectors, tower, [tokens[row] for row in batch]) for batch in batches]

    def _budget(self, tokens: int) -> int:
        """How many tokens a batch has of so many: a few are shared out among the cores."""
        return min(CPU_TOKENS, tokens // CORES + 1) if self._device.type == "cpu" else GPU_TOKENS

    def encode_documents(self, articles: Sequence[Article]) -> Vectors:
        """The (n, d) float32 vectors of documents, in their order."""
        return in_order(articles, self.embed(articles), self._identity.dimension)

    def encode_query(self, text: str) -> Vectors:
        """The (d,) float32 vector of a question."""
        tokens = self._queries.tokenize([self._query_text(text)], None)
        vector: Vectors = self._workers.submit(self._vectors, self._queries, tokens).result()[0]
        return vector

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """The (n, d) float32 vectors of many questions, in their order, several at a time."""
        tokens = self._queries.tokenize([self._query_text(text) for text in texts], None)
        batches, running = self._started(self._queries, tokens)
        vectors = np.empty((len(texts), self._identity.dimension), np.float32)
        for batch, found in zip(batches, running, strict=True):
            vectors[batch] = found.result()
        return vectors

    def token_counts(self, articles: Sequence[Article]) -> list[int]:
        """How many tokens are read of each document."""
        return [len(one.ids) for one in self._documents.tokenize(*self._document_texts(articles))]

    def padded_length(self, longest: int) -> int:
        """How many tokens each document of a batch has with its padding, the longest of them so many without."""
        return self._documents.padded_length(longest)

    def _document_tower(self, content: str, numeric_path: NumericPath) -> Tower:
        folder, length = self._spec.document_folder, self._spec.document_max_length
        if numeric_path is not NumericPath.INT8:
            return Tower.load(folder, length, numeric_path)
        return Tower.load_int8(folder, length, f"{content} documents", self._document_texts(example_articles()))

    def _query_tower(self, content: str, numeric_path: NumericPath) -> Tower:
        folder, length = self._spec.query_folder, self._spec.query_max_length
        if folder == self._spec.document_folder and length == self._spec.document_max_length:
            return self._documents
        if numeric_path is not NumericPath.INT8:
            return Tower.load(folder, length, numeric_path)
        titles = [self._query_text(article.title) for article in sample_articles()]
        return Tower.load_int8(folder, length, f"{content} queries", (titles, None))

    def _query_text(self, text: str) -> str:
        return self._cased(self._spec.query_prompt + text)

    def _document_texts(self, articles: Sequence[Article]) -> tuple[list[str], list[str] | None]:
        """The first and second texts that the tokenizer is given; the second only for pair input."""
        pairs = [embedded_text(article) for article in articles]
        if self._spec.pair_input:
            return [self._cased(title) for title, _ in pairs], [self._cased(abstract) for _, abstract in pairs]
        prompt = self._spec.document_prompt
        return [self._cased(prompt + " ".join(part for part in pair if part)) for pair in pairs], None

    def _cased(self, text: str) -> str:
        """The text in the case that the model was trained on, its prompt included."""
        return text.lower() if self._spec.lower_case else text

    def _vectors(self, tower: Tower, texts: Sequence[Tokens]) -> Vectors:
        vectors = pool(*tower.run(texts), self._spec.pooling)
        if self._projection is not None:
            vectors = self._projection(vectors)
        if self._spec.metric is Metric.COSINE:
            vectors = torch.nn.functional.normalize(vectors, dim=1)
        array: Vectors = vectors.cpu().numpy()
        return array


def example_articles() -> list[Article]:
    """What activations are measured on: the sample's articles, some in a row, so that they are as long as others are."""
    sample = sample_articles()
    return [_joined(sample[start : start + _ARTICLES_PER_EXAMPLE]) for start in range(0, len(sample), _ARTICLES_PER_EXAMPLE)]


def _joined(articles: Sequence[Article]) -> Article:
    """One article with the first one's title, and all other text as its abstract."""
    title, *others = [part for article in articles for part in embedded_text(article) if part]
    return Article(articles[0].pmid, title, (AbstractSection(" ".join(others)),))


def _cancel(running: Sequence[Future[Vectors]]) -> None:
    for vectors in running:
        vectors.cancel()

"""An encoder that is loaded when it is first asked to encode: most work on an index needs its identity alone."""

from collections.abc import Callable, Iterator, Sequence

from search.article import Article
from search.encoder import EmbeddedBatch, Encoder, EncoderIdentity, Vectors


class LazyEncoder:
    """Encodes as the encoder that `load` gives, which has the identity `identity`."""

    def __init__(self, identity: EncoderIdentity, load: Callable[[], Encoder]) -> None:
        self._identity, self._load = identity, load
        self._loaded: Encoder | None = None

    @property
    def identity(self) -> EncoderIdentity:
        """What decides this encoder's vectors."""
        return self._identity

    def embed(self, articles: Sequence[Article]) -> Iterator[EmbeddedBatch]:
        """Embed documents batch by batch."""
        return self._get().embed(articles)

    def encode_documents(self, articles: Sequence[Article]) -> Vectors:
        """The (n, d) float32 vectors of documents, in their order."""
        return self._get().encode_documents(articles)

    def encode_query(self, text: str) -> Vectors:
        """The (d,) float32 vector of a question."""
        return self._get().encode_query(text)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """The (n, d) float32 vectors of many questions, in their order."""
        return self._get().encode_queries(texts)

    def _get(self) -> Encoder:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

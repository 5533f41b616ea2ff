"""The encoder that an index's questions need: loaded when the first of them asks for it, and checked against the index."""

import threading
from collections.abc import Callable

from search.encoder import Encoder, EncoderIdentity, NumericPath
from search.errors import EncoderMismatch, EncoderUnavailable

EncoderLoader = Callable[[str], Encoder]


def load_transformer(name: str, numeric_path: NumericPath | None = None) -> Encoder:
    """Load an encoder by name, on the fastest numeric path unless one is given; torch is imported here and not before."""
    from search.transformer_encoder import load_encoder

    return load_encoder(name, numeric_path)


class QueryEncoder:
    """The encoder that an index was `built_with`, to be found under `name`. Safe to share between threads."""

    def __init__(self, name: str | None, built_with: EncoderIdentity, load: EncoderLoader) -> None:
        self._name = name or built_with.name
        self._built_with = built_with
        self._load = load
        self._loading = threading.Lock()
        self._loaded: Encoder | None = None

    def get(self) -> Encoder:
        """The encoder, loaded on the first call. Raises EncoderError or EncoderMismatch."""
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load_checked()
            return self._loaded

    def _load_checked(self) -> Encoder:
        try:
            encoder = self._load(self._name)
        except EncoderUnavailable as error:
            raise EncoderUnavailable(
                f"The index was built with the encoder {self._built_with.name!r}. {error} "
                "If its files have moved, give their folder with --encoder."
            ) from error
        _check_same(self._built_with, encoder.identity)
        return encoder


def _check_same(built_with: EncoderIdentity, found: EncoderIdentity) -> None:
    """Documents and questions must be of one space. The numeric path may differ: cosine between them is above 0.99."""
    for name in ("content_hash", "dimension", "pooling", "metric", "max_length", "query_prompt"):
        expected, actual = getattr(built_with, name), getattr(found, name)
        if expected != actual:
            raise EncoderMismatch(
                f"The index was built with another encoder: {built_with.name} ({name.replace('_', ' ')} {expected}); found "
                f"{found.name} ({actual}). Give the one it was built with as --encoder, or build the index again: "
                "`pubmed-index build SOURCE... --index DIR` embeds with this one only texts that it has not embedded before."
            )

"""The sentence of an article that is nearest in meaning to a question, encoded when it is asked for."""

from collections.abc import Sequence
from dataclasses import replace

from search.article import Article
from search.encoder import Encoder, Vectors
from search.open_generation import OpenGeneration
from search.results import Sentence


def nearest_sentences(
    candidates: Sequence[Sequence[Sentence]], vector: Vectors, encoder: Encoder, files: OpenGeneration
) -> list[Sentence | None]:
    """For every article's candidates the one nearest to a question's `vector` (d,), None where there are none."""
    flat = [sentence for some in candidates for sentence in some]
    if not flat:
        return [None] * len(candidates)
    # The encoder knows documents by their PMIDs; here they are only places.
    documents = [Article(place, sentence.text) for place, sentence in enumerate(flat, start=1)]
    similarities = files.transformed(encoder.encode_documents(documents)) @ vector
    scored = iter([replace(one, similarity=float(score)) for one, score in zip(flat, similarities, strict=True)])
    grouped = [[next(scored) for _ in some] for some in candidates]
    return [max(some, key=lambda one: one.similarity or 0.0, default=None) for some in grouped]

"""The embedding stage: what is known is not embedded, and the encoder never waits for the next articles to be read."""

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from toy import DIMENSION, ToyEncoder, article

from indexer.embedding import Embedder, EmbeddingCounts
from indexer.embedding_cache import EmbeddingCache
from indexer.progress import Silent
from search.article import Article
from search.catalogue_writer import CatalogueWriter
from search.encoder import EmbeddedBatch
from search.vectors import VectorFile

# Two windows and a bit of 1,024 articles.
ARTICLES = [article(pmid, f"title {pmid}", "word " * (pmid % 14)) for pmid in range(1, 2_100)]


class EagerEncoder(ToyEncoder):
    """Notes what it is given, what is taken from it, and what nobody took; `stop_at` a PMID it is interrupted."""

    def __init__(self, stop_at: int = 0) -> None:
        super().__init__()
        self.events: list[tuple[str, int]] = []
        self._stop_at = stop_at

    def embed(self, articles: Sequence[Article]) -> Iterator[EmbeddedBatch]:
        self.events.append(("given", articles[0].pmid))
        return Batches(self, articles[0].pmid, super().embed(articles))

    def took(self, first: int, batch: EmbeddedBatch) -> None:
        if self._stop_at in batch.pmids:
            raise KeyboardInterrupt
        if first in batch.pmids:
            self.events.append(("taken", first))


class Batches:
    """An iterator that notes when it is forgotten."""

    def __init__(self, encoder: EagerEncoder, first: int, batches: Iterator[EmbeddedBatch]) -> None:
        self._encoder, self._first, self._batches = encoder, first, batches

    def __iter__(self) -> Iterator[EmbeddedBatch]:
        return self

    def __next__(self) -> EmbeddedBatch:
        batch = next(self._batches)
        self._encoder.took(self._first, batch)
        return batch

    def __del__(self) -> None:
        self._encoder.events.append(("forgotten", self._first))


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[CatalogueWriter]:
    writer = CatalogueWriter.open(tmp_path / "catalogue.sqlite")
    with writer.together():
        writer.upsert(ARTICLES)
    yield writer
    writer.close()


def embedded(catalogue: CatalogueWriter, encoder: ToyEncoder, folder: Path) -> EmbeddingCounts:
    with EmbeddingCache(folder / "cache", DIMENSION) as cache:
        return Embedder(encoder, cache, Silent()).embed(catalogue, folder)


def test_every_article_gets_its_vector_and_its_mark(catalogue: CatalogueWriter, tmp_path: Path) -> None:
    encoder = ToyEncoder()
    counts = embedded(catalogue, encoder, tmp_path)
    file = VectorFile.open(tmp_path)
    assert file.pmids.tolist() == [one.pmid for one in ARTICLES]
    assert np.array_equal(file.get(file.pmids), encoder.encode_documents(ARTICLES))
    too_long = [one.pmid % 14 + 2 > 12 for one in ARTICLES]
    assert file.truncated.tolist() == too_long
    assert counts == EmbeddingCounts(len(ARTICLES), 0, sum(too_long))


def test_what_the_cache_knows_is_not_embedded_again(catalogue: CatalogueWriter, tmp_path: Path) -> None:
    first, again = ToyEncoder(), ToyEncoder()
    embedded(catalogue, first, tmp_path)
    before = VectorFile.open(tmp_path).get([one.pmid for one in ARTICLES])
    with catalogue.together():
        catalogue.upsert([article(1_500, "another title")], number=1)
    counts = embedded(catalogue, again, tmp_path)
    assert (again.embedded, counts.embedded, counts.cached) == ([1_500], 1, len(ARTICLES) - 1)
    others = [one.pmid for one in ARTICLES if one.pmid != 1_500]
    assert np.array_equal(VectorFile.open(tmp_path).get(others), np.delete(before, 1_499, axis=0))


def test_a_window_is_given_to_the_encoder_before_the_last_is_taken(catalogue: CatalogueWriter, tmp_path: Path) -> None:
    encoder = EagerEncoder()
    embedded(catalogue, encoder, tmp_path)
    assert [event for event in encoder.events if event[0] != "forgotten"] == [
        ("given", 1),
        ("given", 1_025),
        ("taken", 1),
        ("given", 2_049),
        ("taken", 1_025),
        ("taken", 2_049),
    ]


def test_an_interrupt_keeps_what_was_embedded_and_forgets_the_next_window(catalogue: CatalogueWriter, tmp_path: Path) -> None:
    encoder = EagerEncoder(stop_at=501)
    with pytest.raises(KeyboardInterrupt):
        embedded(catalogue, encoder, tmp_path)
    gc.collect()  # pytest keeps the traceback, and with it all that was at work, in a cycle
    assert {event for event in encoder.events if event[0] == "forgotten"} == {("forgotten", 1), ("forgotten", 1_025)}
    assert EmbeddingCache(tmp_path / "cache", DIMENSION).look_up(ARTICLES).found.sum() == 500

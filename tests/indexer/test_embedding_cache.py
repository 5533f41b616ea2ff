"""The embedding cache: what was added comes back, and damage is found before it is used."""

from pathlib import Path

import numpy as np
import pytest
from toy import ToyEncoder, article

from indexer.embedding_cache import EmbeddingCache, text_key
from search.article import Article
from search.encoder import EmbeddedBatch
from search.errors import BrokenIndex


def batch(rows: int, start: int = 0) -> tuple[list[Article], EmbeddedBatch]:
    articles = [article(1, f"title {start + row}") for row in range(rows)]
    vectors = np.arange(rows * 8, dtype=np.float32).reshape(rows, 8) + start
    return articles, EmbeddedBatch(np.arange(rows, dtype=np.int64), vectors, np.arange(rows) % 2 == 0)


def filled(folder: Path) -> tuple[list[Article], EmbeddedBatch]:
    articles, embedded = batch(10)
    with EmbeddingCache(folder, 8) as cache:
        cache.add(articles[:6], EmbeddedBatch(embedded.pmids[:6], embedded.vectors[:6], embedded.truncated[:6]))
        cache.flush()
        cache.add(articles[6:], EmbeddedBatch(embedded.pmids[6:], embedded.vectors[6:], embedded.truncated[6:]))
    return articles, embedded


def test_rows_come_back_across_shards_in_the_order_asked(tmp_path: Path) -> None:
    articles, embedded = filled(tmp_path)
    cache = EmbeddingCache(tmp_path, 8)
    assert len(cache) == 10
    asked = [articles[9], article(1, "unknown"), articles[0], articles[5], articles[9]]
    rows = cache.look_up(asked)
    assert rows.found.tolist() == [True, False, True, True, True]
    assert rows.vectors[rows.found].tolist() == embedded.vectors[[9, 0, 5, 9]].tolist()
    assert rows.truncated.tolist() == [False, False, True, False, False]


def test_an_empty_cache_knows_nothing(tmp_path: Path) -> None:
    assert EmbeddingCache(tmp_path, 8).look_up([article(1, "unknown")]).found.tolist() == [False]


def test_what_was_added_is_kept_when_an_error_ends_the_work(tmp_path: Path) -> None:
    articles, embedded = batch(3)
    with pytest.raises(KeyboardInterrupt), EmbeddingCache(tmp_path, 8) as cache:
        stopped_after_adding(cache, articles, embedded)
    assert EmbeddingCache(tmp_path, 8).look_up(articles).found.all()


def stopped_after_adding(cache: EmbeddingCache, articles: list[Article], embedded: EmbeddedBatch) -> None:
    cache.add(articles, embedded)
    raise KeyboardInterrupt


def test_a_shard_half_written_is_not_seen(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "000003.new").write_bytes(b"half")
    assert len(EmbeddingCache(tmp_path, 8)) == 10


def test_a_shard_cut_short_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    path = tmp_path / "000001.shard"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenIndex, match=r"000001\.shard is damaged: it is not as long"):
        EmbeddingCache(tmp_path, 8)


def test_every_flipped_bit_is_found_before_a_vector_is_used(tmp_path: Path) -> None:
    articles, _ = filled(tmp_path)
    path = tmp_path / "000002.shard"
    whole = path.read_bytes()
    for position in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        assert any("000002.shard" in sentence for sentence in EmbeddingCache.damaged(tmp_path, 8)) or position in padding(whole)
    damaged = bytearray(whole)
    damaged[300] ^= 1
    path.write_bytes(damaged)
    cache = EmbeddingCache(tmp_path, 8)
    with pytest.raises(BrokenIndex, match=r"its checksum does not match\. Delete that file"):
        cache.look_up(articles)


def padding(shard: bytes) -> range:
    """The spaces after the header's JSON: a flipped bit there is found by the JSON parser or changes nothing."""
    return range(len(shard[:128].rstrip()), 128)


def test_the_key_is_of_the_text_that_is_embedded() -> None:
    assert text_key(article(1, "T", "A", year=1999)) == text_key(article(2, "T", "A"))
    assert text_key(article(1, "T", "A")) != text_key(article(1, "T A"))


def test_the_encoder_is_recorded_beside_the_shards(tmp_path: Path) -> None:
    EmbeddingCache.of(tmp_path, ToyEncoder().identity)
    assert '"name": "toy"' in (tmp_path / "encoder.json").read_text()

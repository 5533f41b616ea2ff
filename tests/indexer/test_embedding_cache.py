"""The embedding cache: what was added comes back, and damage is found before it is used."""

from pathlib import Path

import numpy as np
import pytest
from toy import ToyEncoder, article

from indexer.embedding_cache import EmbeddingCache, text_key
from search.article import Article
from search.encoder import EmbeddedBatch


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


@pytest.mark.parametrize(
    ("length", "what"), [(-1, "not as long"), (0, "header cannot be read"), (100, "header cannot be read")]
)
def test_a_shard_cut_short_is_set_aside_and_its_texts_are_embedded_again(tmp_path: Path, length: int, what: str) -> None:
    articles, embedded = filled(tmp_path)
    path, said = tmp_path / "000001.shard", list[str]()
    path.write_bytes(path.read_bytes()[:length])
    with EmbeddingCache(tmp_path, 8, said.append) as cache:
        assert cache.look_up(articles).found.tolist() == [False] * 6 + [True] * 4
        cache.add(articles[:6], EmbeddedBatch(embedded.pmids[:6], embedded.vectors[:6], embedded.truncated[:6]))
    assert [sentence for sentence in said if f"{path} is damaged" in sentence and what in sentence] == said != []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000001.damaged", "000002.shard", "000003.shard"]
    again = EmbeddingCache(tmp_path, 8).look_up(articles)
    assert again.found.all()
    assert again.vectors.tolist() == embedded.vectors.tolist()


def test_every_flipped_bit_is_found_before_a_vector_is_used(tmp_path: Path) -> None:
    articles, _ = filled(tmp_path)
    path = tmp_path / "000002.shard"
    whole = path.read_bytes()
    for position in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        found = [name for name, _ in EmbeddingCache.damaged(tmp_path, 8)]
        assert found == [path], position
    damaged = bytearray(whole)
    damaged[300] ^= 1
    path.write_bytes(damaged)
    said = list[str]()
    cache = EmbeddingCache(tmp_path, 8, said.append)
    for _ in range(2):
        assert cache.look_up(articles).found.tolist() == [True] * 6 + [False] * 4
    assert len(said) == 1
    assert "its checksum does not match. A build or update sets it aside" in said[0]
    assert path.with_suffix(".damaged") in EmbeddingCache.set_aside(tmp_path.parent)


def test_the_key_is_of_the_text_that_is_embedded() -> None:
    assert text_key(article(1, "T", "A", year=1999)) == text_key(article(2, "T", "A"))
    assert text_key(article(1, "T", "A")) != text_key(article(1, "T A"))


def test_the_encoder_is_recorded_beside_the_shards(tmp_path: Path) -> None:
    EmbeddingCache.of(tmp_path, ToyEncoder().identity)
    assert '"name": "toy"' in (tmp_path / "encoder.json").read_text()

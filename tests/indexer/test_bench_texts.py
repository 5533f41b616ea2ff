"""Which articles encoders are measured on."""

from pathlib import Path

import pytest
from toy_index import build_rows

from indexer.bench_texts import articles_for
from search.errors import NoIndex
from search.index_folder import DEFAULT_INDEX

ROWS = [{"pmid": pmid, "title": f"title {pmid}", "abstract": "An abstract." if pmid % 5 == 0 else ""} for pmid in range(1, 41)]


def test_those_with_an_abstract_come_first_and_every_time_the_same(tmp_path: Path) -> None:
    index = build_rows(tmp_path, ROWS)
    articles, source = articles_for(index, 20)
    assert source == str(index)
    assert (len(articles), articles) == (20, articles_for(index, 20)[0])
    has_abstract = [bool(article.abstract) for article in articles]
    assert has_abstract == [True] * 8 + [False] * 12  # all that there are of them
    assert len(articles_for(index, 1_000)[0]) == 40


def test_without_an_index_it_is_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    articles, source = articles_for(None, 7)
    assert (len(articles), source) == (7, "the sample")
    assert len({article.pmid for article in articles_for(None, 500)[0]}) == 150


def test_where_there_is_an_index_in_the_usual_place_it_is_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = build_rows(tmp_path, ROWS)
    (tmp_path / DEFAULT_INDEX.parent).mkdir()
    index.rename(tmp_path / DEFAULT_INDEX)
    monkeypatch.chdir(tmp_path)
    assert articles_for(None, 3)[1] == str(DEFAULT_INDEX)


def test_one_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(NoIndex):
        articles_for(tmp_path / "gone", 3)

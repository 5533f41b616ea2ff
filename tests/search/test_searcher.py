"""The searcher on an index whose vectors can be worked out on paper: histograms of word lengths."""

import json
import math
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from conftest import BuildToy
from toy import ToyEncoder, article, load_toy

from search import Filters, Mode, Searcher
from search.article import Article, Flag
from search.encoder import Encoder
from search.errors import BrokenIndex, EncoderMismatch, EncoderUnavailable, IndexVersion, NoIndex, QueryError

RETRACTED = ("Retracted Publication",)
ARTICLES = [
    article(11, "a a a", year=2000),  # histogram (3, 0, 0): only one-letter words
    article(12, "a a bb", year=2005),
    article(13, "a bb bb", year=2010),
    article(14, "bb bb bb", "ccc", year=2015),
    article(15, "a a a", year=2016, publication_types=RETRACTED),
    article(16, "ccc ccc"),
]


@pytest.fixture
def searcher(build_toy: BuildToy, tmp_path: Path) -> Iterator[Searcher]:
    build_toy(ARTICLES)
    with Searcher.open(tmp_path / "index", load=load_toy) as opened:
        yield opened


def ids(results: object) -> list[int]:
    return [hit.pmid for hit in results]  # type: ignore[attr-defined]


def test_ranks_ids_and_scores_are_exact(searcher: Searcher) -> None:
    results = searcher.search("x", k=3)
    assert [(hit.rank, hit.pmid) for hit in results] == [(1, 11), (2, 12), (3, 13)]
    # Cosine of (1, 0) with (3, 0), (2, 1) and (1, 2).
    assert [hit.score for hit in results] == pytest.approx([1, 2 / math.sqrt(5), 1 / math.sqrt(5)])
    assert results[0].article.title == "a a a"
    assert results[0].why.dense_rank == 1


def test_ranking_does_not_depend_on_k(searcher: Searcher) -> None:
    assert ids(searcher.search("x yy", k=1000))[:3] == ids(searcher.search("x yy", k=3))


def test_years_are_filtered_before_the_cut(searcher: Searcher) -> None:
    assert ids(searcher.search("x", k=1, filters=Filters(year_from=2010))) == [13]
    assert ids(searcher.search("x", k=9, filters=Filters(year_from=2005, year_to=2010))) == [12, 13]


def test_retracted_articles_are_hidden_counted_and_shown_on_demand(searcher: Searcher) -> None:
    hidden = searcher.search("x", k=2)
    assert (ids(hidden), hidden.hidden_retracted) == ([11, 12], 1)
    shown = searcher.search("x", k=2, filters=Filters(include_retracted=True))
    assert (ids(shown), shown.hidden_retracted) == ([15, 11], 0)
    assert Flag.RETRACTED in shown[0].article.flags


def test_as_many_are_hidden_as_would_be_shown(build_toy: BuildToy, tmp_path: Path) -> None:
    # Three retracted ones lie between the first and the second hit, and only one of them would be among the first two.
    near = [article(20 + number, "a a a bb", publication_types=RETRACTED) for number in range(3)]
    build_toy([article(11, "a a a"), *near, article(12, "a a bb")])
    with Searcher.open(tmp_path / "index", load=load_toy) as searcher:
        hidden = searcher.search("x", k=2)
        shown = searcher.search("x", k=2, filters=Filters(include_retracted=True))
    assert (ids(hidden), hidden.hidden_retracted) == ([11, 12], 1)
    assert ids(shown) == [11, 22]


def test_a_retracted_article_below_the_last_hit_is_not_counted(searcher: Searcher) -> None:
    assert searcher.search("ccc", k=1).hidden_retracted == 0


def test_no_hits_is_an_answer(searcher: Searcher) -> None:
    results = searcher.search("x", filters=Filters(year_from=1900, year_to=1901))
    assert (len(results), results.hidden_retracted) == (0, 0)


def test_similar_leaves_out_what_it_was_given(searcher: Searcher) -> None:
    assert ids(searcher.similar([11], k=2)) == [12, 13]
    assert ids(searcher.similar([11, 12], k=1)) == [13]


def test_unlike_moves_away(searcher: Searcher) -> None:
    # 13 is (1, 2); away from 14, (0, 3, 1), the one-letter words count for more.
    assert ids(searcher.similar([13], unlike=[14], k=1)) == [12]


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_an_empty_question(searcher: Searcher, query: str) -> None:
    with pytest.raises(QueryError, match="The question is empty"):
        searcher.search(query)


@pytest.mark.parametrize("k", [0, -1, 1001])
def test_a_number_of_hits_out_of_range(searcher: Searcher, k: int) -> None:
    with pytest.raises(QueryError, match="from 1 to 1,000"):
        searcher.search("x", k=k)


@pytest.mark.parametrize("mode", ["lexical", Mode.HYBRID])
def test_reserved_modes_are_refused(searcher: Searcher, mode: str) -> None:
    with pytest.raises(QueryError, match="by meaning only"):
        searcher.search("x", mode=mode)


def test_a_mode_that_is_none(searcher: Searcher) -> None:
    with pytest.raises(QueryError, match="one of dense, lexical, hybrid"):
        searcher.search("x", mode="fuzzy")


def test_a_pmid_that_is_not_in_the_index(searcher: Searcher) -> None:
    with pytest.raises(QueryError, match="PMID 99 is not in this index of 6 articles"):
        searcher.similar([99])


def test_a_number_that_is_no_pmid(searcher: Searcher) -> None:
    with pytest.raises(QueryError, match="at most 8 digits"):
        searcher.similar([2**63])


def test_json_has_the_contract_s_keys(searcher: Searcher) -> None:
    document = json.loads(json.dumps(searcher.search("x", k=1).to_json()))
    assert list(document) == ["query", "mode", "filters", "took_ms", "hidden_retracted", "index", "results"]
    assert list(document["index"]) == ["articles", "last_file", "updated", "encoder"]
    assert list(document["filters"]) == [field.name for field in fields(Filters)]
    expected = "rank pmid score title abstract authors journal year publication_types mesh doi flags why"
    assert list(document["results"][0]) == expected.split()


def test_threads_get_the_same_answers(searcher: Searcher) -> None:
    queries = ["x", "x yy", "yy", "ccc", "x ccc"]
    expected = {query: ids(searcher.search(query)) for query in queries}
    wrong: list[str] = []

    def ask() -> None:
        wrong.extend(query for query in queries * 10 if ids(searcher.search(query)) != expected[query])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_reader_keeps_its_generation_and_learns_of_a_new_one(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    with Searcher.open(tmp_path / "index", load=load_toy) as before:
        build_toy([article(77, "a")])
        assert not before.is_current()
        assert ids(before.search("x", k=1)) == [11]
        with Searcher.open(tmp_path / "index", load=load_toy) as after:
            assert after.is_current()
            assert ids(after.search("x", k=1)) == [77]


def test_no_index_yet(tmp_path: Path) -> None:
    with pytest.raises(NoIndex, match=r"no index in .*nowhere yet. Run `pubmed-index build"):
        Searcher.open(tmp_path / "nowhere")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir")
    with pytest.raises(NoIndex, match="a folder without an index in it"):
        Searcher.open(tmp_path)


def test_a_build_that_never_finished(tmp_path: Path) -> None:
    (tmp_path / "generations" / "0001.partial").mkdir(parents=True)
    with pytest.raises(NoIndex, match="no build of it was finished"):
        Searcher.open(tmp_path)


def test_another_encoder(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)

    def another(_name: str) -> Encoder:
        return ToyEncoder("another")

    with (
        Searcher.open(tmp_path / "index", load=another) as searcher,
        pytest.raises(EncoderMismatch, match="built with another encoder"),
    ):
        searcher.search("x")


def test_an_encoder_that_has_gone(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)

    def gone(name: str) -> Encoder:
        raise EncoderUnavailable(f"There is no encoder folder {name}.")

    with Searcher.open(tmp_path / "index", load=gone) as searcher, pytest.raises(EncoderUnavailable, match="give their folder"):
        searcher.search("x")


def edit_manifest(index: Path, old: str, new: str) -> None:
    path = index / "generations" / "0001" / "manifest.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_another_format_version(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    edit_manifest(tmp_path / "index", '"format_version": 1', '"format_version": 2')
    with pytest.raises(IndexVersion, match="has index format 2; this version of the project reads format 1"):
        Searcher.open(tmp_path / "index")


def test_an_altered_manifest(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    edit_manifest(tmp_path / "index", '"retracted": 1', '"retracted": 0')
    with pytest.raises(BrokenIndex, match="does not match its checksum"):
        Searcher.open(tmp_path / "index")


@pytest.mark.parametrize("content", ["", "0009\n", "../../etc\n", "latest"])
def test_a_current_that_names_nothing(build_toy: BuildToy, tmp_path: Path, content: str) -> None:
    build_toy(ARTICLES)
    (tmp_path / "index" / "current").write_text(content)
    with pytest.raises(BrokenIndex, match="Build the index again"):
        Searcher.open(tmp_path / "index")


def files_of(index: Path) -> list[Path]:
    return sorted(path for path in (index / "generations" / "0001").rglob("*") if path.is_file())


def test_every_file_that_is_missing_or_cut_is_noticed_on_opening(build_toy: BuildToy, tmp_path: Path) -> None:
    index = tmp_path / "index"
    build_toy(ARTICLES)
    for path in files_of(index):
        whole = path.read_bytes()
        path.unlink()
        with pytest.raises(BrokenIndex, match="missing"):
            Searcher.open(index)
        path.write_bytes(whole[:-1])
        if whole:
            with pytest.raises(BrokenIndex):
                Searcher.open(index)
        path.write_bytes(whole)
    Searcher.open(index).close()


def test_the_whole_article_comes_back(searcher: Searcher) -> None:
    found = searcher.article(14)
    assert isinstance(found, Article)
    assert found.abstract == "ccc"
    assert searcher.article(999) is None

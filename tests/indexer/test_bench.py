"""The bench: which questions it asks, and that its figures are of those."""

import json
from pathlib import Path

import pytest
from conftest import BuildToy
from toy import article, load_toy

from indexer.bench import measure, titles_as_questions
from indexer.cli import main
from indexer.progress import Silent
from search import Searcher
from search.errors import SourceError
from search.questions import Question, read_questions


def test_questions_of_both_kinds(tmp_path: Path) -> None:
    (tmp_path / "questions.txt").write_text("one\n\n  two words \n")
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "one"}\n{"_id": "2", "text": "two words"}\n')
    assert read_questions(tmp_path / "questions.txt") == [Question("one"), Question("two words")]
    assert read_questions(tmp_path / "queries.jsonl") == [Question("one", "1"), Question("two words", "2")]


def test_identities_are_text_or_numbers_or_none(tmp_path: Path) -> None:
    (tmp_path / "queries.jsonl").write_text('{"_id": 7, "text": "one"}\n{"_id": null, "text": ""}\n{"text": "two"}\n')
    assert read_questions(tmp_path / "queries.jsonl") == [Question("one", "7"), Question(""), Question("two")]


@pytest.mark.parametrize(("name", "text"), [("a.jsonl", "one\n"), ("a.txt", "\n"), ("a.jsonl", '{"_id": "1"}\n')])
def test_files_without_questions(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match="Expected one"):
        read_questions(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.txt cannot be read"):
        read_questions(tmp_path / "nowhere.txt")


def test_figures_are_of_the_questions_asked(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy([article(pmid, f"title {pmid}", year=1990 + pmid) for pmid in range(1, 31)])
    with Searcher.open(tmp_path / "index", load=load_toy) as searcher:
        questions = titles_as_questions(searcher, 25)
        latency = measure(searcher, questions, 5, Silent())
        assert titles_as_questions(searcher, 25) == questions
    assert len(set(questions)) == latency.queries == 25
    assert (latency.articles, latency.encoder, latency.k) == (30, "toy", 5)
    assert [way.mode for way in latency.ways] == ["lexical", "dense", "hybrid", "hybrid", "lexical", "dense", "hybrid"]
    assert [bool(way.filters) for way in latency.ways] == 4 * [False] + 3 * [True]
    assert [way.explained for way in latency.ways] == [0, 0, 0, 3, 0, 0, 0]
    assert all(0 < way.median_ms <= way.percentile_99_ms <= way.slowest_ms for way in latency.ways)


def test_the_command_reports_what_it_measured(built_index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--index", str(built_index), "--count", "5", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["articles"], document["queries"], document["k"]) == (150, 5, 10)
    assert main(["bench", "--index", str(built_index), "--count", "3"]) == 0
    assert "3 over 150 articles" in capsys.readouterr().out


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_a_number_of_questions_that_is_none(count: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "--count", count])

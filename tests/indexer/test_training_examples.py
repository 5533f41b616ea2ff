"""Examples on disk: complete or absent, every line with the same columns."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.hard_negatives import Mined
from indexer.training_examples import Layout, is_query, read_examples, write_examples
from indexer.training_pair import PairKind, QueryShape, TrainingPair

LAYOUT = Layout(questions=3, negatives=2, together=4, seed=0)


def mined(pmid: int, questions: int, negatives: int) -> Mined:
    pairs = [
        TrainingPair(PairKind.TITLE, QueryShape.TITLE, f"question {pmid}.{number}", f"document {pmid}", pmid, str(pmid))
        for number in range(questions)
    ]
    return Mined(tuple(pairs), tuple(f"negative {pmid}.{number}" for number in range(negatives)))


def test_what_a_line_lacks_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "articles.jsonl"
    counted: list[int] = []
    write_examples([mined(1, 3, 2), mined(2, 1, 0)], path, LAYOUT, counted.append)
    first, second = sorted(read_examples(path), key=lambda line: line["document"])
    columns = ["query", "query_2", "query_3", "document", "negative_1", "negative_2"]
    assert list(first) == list(second) == columns
    assert list(filter(is_query, columns)) == columns[:3]
    assert list(first.values()) == [
        "question 1.0",
        "question 1.1",
        "question 1.2",
        "document 1",
        "negative 1.0",
        "negative 1.1",
    ]
    assert list(second.values()) == ["question 2.0", "", "", "document 2", "", ""]
    assert sum(counted) == 2
    assert [one.name for one in tmp_path.iterdir()] == ["articles.jsonl"]


def test_all_examples_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "articles.jsonl"
    write_examples((mined(pmid, 1, 0) for pmid in range(50)), path, LAYOUT, lambda _done: None)
    assert sorted(line["document"] for line in read_examples(path)) == sorted(f"document {pmid}" for pmid in range(50))


def test_nothing_is_there_before_all_of_it_is(tmp_path: Path) -> None:
    def broken() -> Iterator[Mined]:
        yield mined(1, 1, 0)
        raise KeyboardInterrupt

    path = tmp_path / "articles.jsonl"
    with pytest.raises(KeyboardInterrupt):
        write_examples(broken(), path, LAYOUT, lambda _done: None)
    assert not path.exists()
    write_examples([mined(2, 1, 0)], path, LAYOUT, lambda _done: None)
    assert [line["document"] for line in read_examples(path)] == ["document 2"]

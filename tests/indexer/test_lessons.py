"""What is taught: where an index's own search moves a question, and how lessons lie on the disk."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("datasets")

from indexer.lessons import QUESTION, VECTOR, Layout, Question, Teacher, read_lessons, write_lessons
from indexer.training_pair import PairKind, QueryShape, TrainingPair
from search.article import Article

PAIR = TrainingPair(PairKind.CITATION, QueryShape.SENTENCE, "sugar eases pain", "Sugar for babies", 7, "sugar eases pain")


class Axes:
    """An index of which every article has an axis of its own; feedback finds axis 0, which must not be left out."""

    def fed_back(self, texts: Sequence[str], without: Sequence[int]) -> np.ndarray:
        assert list(without) == [9]
        return np.tile(np.eye(4, dtype=np.float32)[0], (len(texts), 1))

    def vectors(self, pmids: Sequence[int]) -> np.ndarray:
        return np.eye(4, dtype=np.float32)[[pmid % 4 for pmid in pmids]].reshape(len(pmids), 4)

    def encode_documents(self, articles: Sequence[Article]) -> np.ndarray:
        return 5 * np.eye(4, dtype=np.float32)[[len(article.title) for article in articles]]


def test_a_question_is_moved_on_to_its_answer() -> None:
    questions = [Question("a", 0, "xx"), Question("b", 5, ""), Question("c", 6, "")]
    taught = Teacher(Axes(), [9], 0.5).questions(questions)
    moved = np.array([[1, 0, 0.5, 0], [1, 0.5, 0, 0], [1, 0, 0.5, 0]])
    assert np.allclose(taught, moved / np.sqrt(1.25))


def test_without_an_answer_feedback_alone_teaches() -> None:
    taught = Teacher(Axes(), [9], 0.0).questions([Question("b", 5, "")])
    assert np.allclose(taught, [[1, 0, 0, 0]])


def test_documents_are_taught_their_own_vectors() -> None:
    assert np.allclose(Teacher(Axes(), [9], 0.5).documents([3, 4]), np.eye(4)[[3, 0]])


def test_the_text_of_an_article_that_is_known_is_not_kept() -> None:
    assert Question.of(PAIR, {7}.__contains__) == Question("sugar eases pain", 7, "")
    assert Question.of(PAIR, {8}.__contains__) == Question("sugar eases pain", 0, "Sugar for babies")


def test_lessons_on_the_disk(tmp_path: Path) -> None:
    texts = ["x" * (number % 10 + 1) for number in range(50)]
    path, done = tmp_path / "query.arrow", []
    write_lessons(path, texts, lambda places: np.eye(50, dtype=np.float32)[list(places)], Layout(QUESTION, 8, 0), done.append)
    found = read_lessons(path)
    assert found.column_names == [QUESTION, VECTOR]
    # Every text has its own vector, once.
    places = [int(np.argmax(vector)) for vector in found[VECTOR]]
    assert sorted(places) == list(range(50))
    assert list(found[QUESTION]) == [texts[place] for place in places]
    # Batches of eight are of like length; the one that is not full comes last.
    lengths = [len(text) for text in found[QUESTION]]
    batches = [lengths[start : start + 8] for start in range(0, 48, 8)]
    assert max(max(batch) - min(batch) for batch in batches) <= 3
    assert sorted(batches) != batches
    assert sum(done) == 50
    assert [one.name for one in tmp_path.iterdir()] == ["query.arrow"]

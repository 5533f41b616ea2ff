"""What a teacher says of a batch, and how far an encoder is from it."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from checkpoints import write_checkpoint

pytest.importorskip("datasets")

import torch
from sentence_transformers import SentenceTransformer

from indexer.hybrid_teacher import Features, HybridTeacher, Teaching, inverse_document_frequencies
from indexer.teaching_loss import TeachingLoss
from indexer.training import open_model
from search.encoder_files import find_encoder

QUESTIONS = ("sugar for pain of babies", "what helps against gout", "honey")
DOCUMENTS = ("sugar eases the pain of babies", "cherries helped against gout in a trial", "honey was no better than syrup")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("base") / "bert")


@pytest.fixture
def model(folder: Path) -> SentenceTransformer:
    return open_model(find_encoder(str(folder)))


def features(model: SentenceTransformer, texts: Sequence[str]) -> Features:
    return dict(model.tokenizer(list(texts), padding=True, return_tensors="pt"))


def teacher(folder: Path, teaching: Teaching) -> HybridTeacher:
    base = open_model(find_encoder(str(folder)))
    tokens = base.tokenizer(list(DOCUMENTS), add_special_tokens=False)["input_ids"]
    return HybridTeacher(base, inverse_document_frequencies(tokens, len(base.tokenizer)), teaching, at_once=2)


def loss_of(
    model: SentenceTransformer, taught_by: HybridTeacher, *columns: Sequence[str], questions: int = 1, at_once: int = 9
) -> torch.Tensor:
    columns_of_features = [features(model, texts) for texts in columns]
    return TeachingLoss(model, taught_by, questions, at_once)(columns_of_features)


def number(loss: torch.Tensor) -> float:
    return float(loss.detach())


def test_how_rare_tokens_are() -> None:
    found = inverse_document_frequencies([[1, 2, 2], [2]], 4)
    assert found.tolist() == pytest.approx(
        [math.log(1 + 2.5 / 0.5), math.log(1 + 1.5 / 1.5), math.log(1 + 0.5 / 2.5), math.log(6)]
    )


def test_who_knows_what_the_teacher_knows_has_nothing_to_learn(model: SentenceTransformer, folder: Path) -> None:
    loss = loss_of(model, teacher(folder, Teaching(lexical=0, answer=0)), QUESTIONS, DOCUMENTS)
    assert number(loss) == pytest.approx(0, abs=1e-5)


def test_words_in_common_count(model: SentenceTransformer, folder: Path) -> None:
    asked, documents = features(model, QUESTIONS), features(model, DOCUMENTS)
    none = torch.zeros(3, 3, dtype=torch.bool)
    without, with_words = (teacher(folder, Teaching(lexical, 0)).scores(asked, documents, none) for lexical in (0.0, 1.0))
    lexical = with_words - without
    assert (lexical.argmax(1) == torch.arange(3)).all()
    assert 0 <= float(lexical.min()) <= float(lexical.max()) <= 1


def test_a_known_answer_is_lifted(model: SentenceTransformer, folder: Path) -> None:
    asked, documents = features(model, QUESTIONS), features(model, DOCUMENTS)
    answers = torch.eye(3, dtype=torch.bool)
    without, lifted = (teacher(folder, Teaching(0, answer)).scores(asked, documents, answers) for answer in (0.0, 0.2))
    assert torch.allclose(lifted - without, 0.2 * torch.eye(3), atol=1e-6)


def test_learning_lowers_the_loss(model: SentenceTransformer, folder: Path) -> None:
    taught_by = teacher(folder, Teaching())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = loss_of(model, taught_by, QUESTIONS, DOCUMENTS)
        loss.backward()
        optimizer.step()
        losses.append(number(loss))
    assert losses[-1] < losses[0] / 2


def test_parts_of_a_batch_give_the_gradients_of_the_whole(model: SentenceTransformer, folder: Path) -> None:
    found = []
    for at_once in (1, 9):
        model.zero_grad()
        loss = loss_of(model, teacher(folder, Teaching()), QUESTIONS, DOCUMENTS, at_once=at_once)
        loss.backward()
        weights = next(parameter for name, parameter in model.named_parameters() if "query.weight" in name)
        assert weights.grad is not None
        found.append((number(loss), weights.grad.clone()))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-6)
    assert float(found[0][1].abs().max()) > 0
    assert torch.allclose(found[0][1], found[1][1], atol=1e-6)


def test_texts_without_words_do_not_count(model: SentenceTransformer, folder: Path) -> None:
    taught_by, none = teacher(folder, Teaching()), ("", "", "")
    alone = loss_of(model, taught_by, QUESTIONS, DOCUMENTS)
    beside = loss_of(model, taught_by, QUESTIONS, none, DOCUMENTS, none, questions=2)
    assert number(beside) == pytest.approx(number(alone), abs=1e-6)
    assert number(loss_of(model, taught_by, QUESTIONS, DOCUMENTS, DOCUMENTS[::-1])) != pytest.approx(number(alone), abs=1e-4)


def test_questions_of_one_document_ask_for_it(model: SentenceTransformer, folder: Path) -> None:
    """Two columns of questions are as one column of all of them, each with its own answer."""
    taught_by = teacher(folder, Teaching())
    second = ("babies", "gout", "syrup")
    apart = [number(loss_of(model, taught_by, asked, DOCUMENTS)) for asked in (QUESTIONS, second)]
    together = number(loss_of(model, taught_by, QUESTIONS, second, DOCUMENTS, questions=2))
    assert together == pytest.approx(sum(apart) / 2, abs=1e-5)


def test_the_answer_a_second_time_is_neither_right_nor_wrong(model: SentenceTransformer, folder: Path) -> None:
    taught_by = teacher(folder, Teaching(lexical=0, answer=0.5))
    once = loss_of(model, taught_by, QUESTIONS[:2], DOCUMENTS[:2])
    twice = loss_of(model, taught_by, (*QUESTIONS[:2], ""), (*DOCUMENTS[:2], DOCUMENTS[0]))
    # The question about gout meets the document about sugar twice now; the one about sugar does not.
    first_alone = loss_of(model, taught_by, (QUESTIONS[0], ""), DOCUMENTS[:2])
    first_beside = loss_of(model, taught_by, (QUESTIONS[0], "", ""), (*DOCUMENTS[:2], DOCUMENTS[0]))
    assert number(first_beside) == pytest.approx(number(first_alone), abs=1e-6)
    assert number(twice) != pytest.approx(number(once), abs=1e-6)

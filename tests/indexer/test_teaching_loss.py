"""How far an encoder's ranking is from the one that it is taught."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint

pytest.importorskip("datasets")

import torch
from sentence_transformers import SentenceTransformer

from indexer.teaching_loss import TeachingLoss
from indexer.training import open_model
from search.encoder_files import find_encoder

TEXTS = ("sugar for pain of babies", "what helps against gout", "honey")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("base") / "bert")


@pytest.fixture
def model(folder: Path) -> SentenceTransformer:
    return open_model(find_encoder(str(folder)))


def unit(seed: int, count: int, dimension: int = 16) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def loss_of(
    model: SentenceTransformer, taught: np.ndarray, dimensions: Sequence[int] = (), texts: Sequence[str] = TEXTS
) -> float:
    features = dict(model.tokenizer(list(texts), padding=True, return_tensors="pt"))
    loss = TeachingLoss(model, unit(1, 20), dimensions)([features], torch.from_numpy(taught))
    return float(loss.detach())


def test_the_loss_is_the_divergence_of_two_rankings(model: SentenceTransformer) -> None:
    """By the formula: sum p log(p / q), with p and q the softmax of 20 times the cosines."""
    taught, documents = unit(2, 3), unit(1, 20)
    own = model.encode(list(TEXTS))

    def shares(vectors: np.ndarray) -> np.ndarray:
        raised = np.exp(20 * vectors @ documents.T)
        return raised / raised.sum(1, keepdims=True)

    p, q = shares(taught), shares(own)
    assert loss_of(model, taught) == pytest.approx((p * np.log(p / q)).sum(1).mean(), rel=1e-4)


def test_who_has_the_vectors_has_nothing_to_learn(model: SentenceTransformer) -> None:
    assert loss_of(model, model.encode(list(TEXTS))) == pytest.approx(0, abs=1e-5)


def test_no_text_needs_another(model: SentenceTransformer) -> None:
    """A batch's loss is the mean of its texts': gradients over several batches are those of one large one."""
    taught = unit(2, 3)
    alone = [loss_of(model, taught[row : row + 1], texts=TEXTS[row : row + 1]) for row in range(3)]
    assert loss_of(model, taught) == pytest.approx(sum(alone) / 3, rel=1e-4)


def test_the_first_numbers_are_to_rank_like_all_of_them(model: SentenceTransformer) -> None:
    own = model.encode(list(TEXTS))
    # All numbers rank as they are to, the first four do not: half of the loss is theirs.
    assert loss_of(model, own) < 1e-5 < loss_of(model, own, [4])


def test_learning_lowers_the_loss(model: SentenceTransformer) -> None:
    taught, documents = torch.from_numpy(unit(2, 3)), unit(1, 20)
    loss_module = TeachingLoss(model, documents)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    features = dict(model.tokenizer(list(TEXTS), padding=True, return_tensors="pt"))
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = loss_module([dict(features)], taught)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2

"""Scores of held-out questions, worked out on paper."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from indexer.held_out import HeldOut
from indexer.metrics import Measure
from indexer.training_pair import PairKind, QueryShape, TrainingPair
from search.encoder import Vectors
from search.errors import EncoderError

PLACES = {"east": (1, 0), "north": (0, 1), "north-east": (1, 1), "far east": (9, 1), "low east": (1, 0.2)}


class Places:
    """Looks the vectors up."""

    def questions(self, texts: Sequence[str]) -> Vectors:
        return np.array([PLACES[text] for text in texts], np.float32)

    documents = questions


def pair(query: str, document: str, pmid: int, kind: PairKind = PairKind.TITLE) -> TrainingPair:
    return TrainingPair(kind, QueryShape.TITLE, query, document, pmid, query)


def test_the_document_must_be_found_among_all() -> None:
    held_out = HeldOut.of([pair("east", "low east", 1), pair("north", "north-east", 2), pair("far east", "east", 3)], least=1)
    scores = held_out.score(held_out.embed(Places()))
    by_question = dict(zip(scores.questions, scores.values[Measure.NDCG_10].tolist(), strict=True))
    # "east" itself lies nearer to the question than what is to be found, which comes second.
    assert by_question == {
        "title east": pytest.approx(1 / math.log2(3)),
        "title north": 1.0,
        "title far east": pytest.approx(1 / math.log2(3)),
    }


def test_every_kind_counts_alike() -> None:
    pairs = [pair("north", "north-east", 1), pair("north-east", "north", 2), pair("east", "low east", 3, PairKind.MESH)]
    held_out = HeldOut.of(pairs, least=1)
    scores = held_out.score(held_out.embed(Places()))
    by_kind = held_out.by_kind(scores)
    assert {kind: len(values) for kind, values in by_kind.items()} == {PairKind.TITLE: 2, PairKind.MESH: 1}
    assert held_out.mean(scores) == pytest.approx((by_kind[PairKind.TITLE].mean() + by_kind[PairKind.MESH].mean()) / 2)


def test_an_article_gives_one_document_and_a_question_may_have_two() -> None:
    held_out = HeldOut.of([pair("east", "low east", 1), pair("north", "far east", 1), pair("east", "far east", 0)], least=1)
    assert held_out.documents == {"1": "low east", "far east": "far east"}
    assert held_out.judgements == {"title east": {"1": 1, "far east": 1}}
    assert held_out.mean(held_out.score(held_out.embed(Places()))) == 1.0


def test_the_first_numbers_of_vectors() -> None:
    held_out = HeldOut.of([pair("east", "north-east", 1), pair("far east", "low east", 2)], least=1)
    assert held_out.mean(held_out.score(held_out.embed(Places()), dimension=1)) == pytest.approx((1 + 1 / math.log2(3)) / 2)


def test_kinds_with_few_questions_are_left_out() -> None:
    pairs = [pair("north", "north-east", 1), pair("east", "low east", 2), pair("far east", "east", 3, PairKind.MESH)]
    held_out = HeldOut.of(pairs, least=2)
    assert set(held_out.kinds.values()) == {PairKind.TITLE}
    assert len(held_out.documents) == 3
    with pytest.raises(EncoderError, match=r"at least 5 of a kind"):
        HeldOut.of(pairs, least=5)

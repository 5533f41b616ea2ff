"""Texts of one topic stand together."""

import itertools
import random

import pytest

pytest.importorskip("sklearn")

from indexer.topical_order import topical_order

TOPICS = {
    "heart": "heart ventricle artery valve murmur stenosis infarct pulse",
    "skin": "skin rash eczema itching dermatitis lesion psoriasis scaling",
    "bone": "bone fracture cast osteoporosis marrow femur spine callus",
    "eye": "eye retina cornea glaucoma lens cataract vision macula",
}


def texts(count: int) -> tuple[list[str], list[str]]:
    """Made-up texts and the topic of each."""
    chance = random.Random(0)
    topics = [chance.choice(list(TOPICS)) for _ in range(count)]
    return [" ".join(chance.choices(TOPICS[topic].split(), k=12)) for topic in topics], topics


def test_every_text_has_one_place() -> None:
    made, _ = texts(1_203)
    assert sorted(topical_order(made, 12, seed=0)) == list(range(len(made)))


def test_runs_have_one_topic() -> None:
    made, topics = texts(2_000)
    order = topical_order(made, 10, seed=0)
    runs = [{topics[place] for place in order[start : start + 10]} for start in range(0, 1_500, 10)]
    assert sum(len(run) == 1 for run in runs) > 0.9 * len(runs)


def test_runs_follow_by_chance() -> None:
    made, topics = texts(2_000)
    order = topical_order(made, 10, seed=0)
    firsts = [topics[place] for place in order[:1_500:10]]
    assert sum(one != after for one, after in itertools.pairwise(firsts)) > len(firsts) / 2
    assert order == topical_order(made, 10, seed=0)
    assert order != topical_order(made, 10, seed=1)


def test_few_texts_have_no_topics() -> None:
    assert sorted(topical_order(["one", "two", "three"], 2, seed=0)) == [0, 1, 2]

"""Titles as people would ask them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.question_forms import as_keywords, as_question, in_lay_words, subject


def questions(title: str) -> set[str | None]:
    """All that a title may become."""
    return {as_question(title, random.Random(seed)) for seed in range(40)}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (
            "Effect of dietary nitrate on blood pressure: a randomized trial.",
            {
                "What is the effect of dietary nitrate on blood pressure?",
                "Does dietary nitrate affect blood pressure?",
                "How does dietary nitrate influence blood pressure?",
                "Dietary nitrate and blood pressure",
            },
        ),
        (
            "Risk factors for hip fracture",
            {"What are the risk factors for hip fracture?", "What causes hip fracture?", "Who gets hip fracture?"},
        ),
        (
            "Metformin improves ovulation in polycystic ovary syndrome",
            {
                "Does metformin improve ovulation in polycystic ovary syndrome?",
                "What can improve ovulation in polycystic ovary syndrome?",
                "How does metformin improve ovulation in polycystic ovary syndrome?",
            },
        ),
        ("The role of ERCP in children", {"What is the role of ERCP in children?", "What does ERCP do in children?",
                                          "Does ERCP play a part in children?"}),
        ("Should we screen?", {"Should we screen?"}),
        ("[Should we screen?]", {"Should we screen?"}),
        ("Sarcoidosis", {None}),
    ],
)  # fmt: skip
def test_titles_become_questions(title: str, expected: set[str | None]) -> None:
    assert questions(title) == expected


def test_the_subject_of_a_title() -> None:
    assert subject("Heart failure (HFrEF) in women: a cohort study.") == "Heart failure in women"
    assert subject("[Asthma in children].") == "Asthma in children"


def test_keywords_are_telling_words_in_their_order() -> None:
    found = {as_keywords("Effects of vitamin D on low back pain in nurses", random.Random(seed)) for seed in range(60)}
    runs = ["vitamin D", "low back pain", "nurses"]
    assert found == {" ".join(run for place, run in enumerate(runs) if chosen >> place & 1) for chosen in range(1, 8)}
    assert as_keywords("A study of the results", random.Random(0)) is None


def test_lay_words() -> None:
    assert in_lay_words("Myocardial infarction and hypertension") == "heart attack and high blood pressure"
    assert in_lay_words("nonrenal rhinitisoid") == "nonrenal rhinitisoid"
    for letter in "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}\N{LATIN SMALL LETTER DOTLESS I}":
        assert in_lay_words(f"{letter}nfluenza") == f"{letter}nfluenza"


@given(st.text(), st.integers())
def test_any_text_is_taken(text: str, seed: int) -> None:
    chance = random.Random(seed)
    for question in (as_question(text, chance), as_keywords(text, chance), in_lay_words(text), subject(text)):
        assert question is None or isinstance(question, str)

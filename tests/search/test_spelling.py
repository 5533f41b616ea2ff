"""Suggestions for words that a small corpus does not have."""

import time
from collections.abc import Iterator

import pytest
from toy_index import build_rows, open_files

from search.open_generation import OpenGeneration
from search.results import Suggestion
from search.spelling import suggestions

ROWS = [
    {"pmid": 1, "title": "Asthma and hypertension", "abstract": "Diabetes, pneumonia and hypertension were treated."},
    {"pmid": 2, "title": "Hypertension", "abstract": "Statins for cholesterol. The status of statins."},
    {"pmid": 3, "title": "Statins", "abstract": "Statins again, of IL-6 and BRCA1.", "authors": ["Kaltenhauser J"]},
    {"pmid": 4, "title": "The gene of a mouse", "journal": "Zeitschrift", "keywords": ["oncogenes"], "mesh": ["Ischemia"]},
    {"pmid": 5, "title": "Leukämie und Müdigkeit"},
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenGeneration]:
    with open_files(build_rows(tmp_path_factory.mktemp("spelling"), ROWS)) as opened:
        yield opened


def suggested(files: OpenGeneration, text: str) -> list[tuple[str, str]]:
    return [(one.word, one.instead) for one in suggestions(text, files.catalogue, files.lexical)]


@pytest.mark.parametrize(
    ("word", "instead"),
    [
        ("ashtma", "asthma"),  # neighbours swapped
        ("asthmma", "asthma"),  # a letter doubled
        ("asthm", "asthma"),  # a letter missing
        ("pnemonia", "pneumonia"),
        ("diabtes", "diabetes"),
        ("hypertention", "hypertension"),
        ("hipertention", "hypertension"),  # two letters off in a long word
        ("chlolesterol", "cholesterol"),
        ("ASTHMMA", "asthma"),
        ("leukamia", "leukamie"),  # accents do not count
        ("mous", "mouse"),
    ],
)
def test_the_word_that_was_meant(files: OpenGeneration, word: str, instead: str) -> None:
    assert suggested(files, word) == [(word.lower(), instead)]


def test_the_nearest_comes_before_the_most_frequent(files: OpenGeneration) -> None:
    assert suggested(files, "statu") == [("statu", "status")]
    # Both are one letter off, and three articles have the one, one has the other.
    assert suggested(files, "statns") == [("statns", "statins")]


@pytest.mark.parametrize(
    "text",
    [
        "asthma",
        "Asthma, HYPERTENSION!",
        "treat treating treatment",  # the stem is known
        "Kaltenhauser",  # an author
        "zeitschrift",  # a journal
        "oncogenes",  # a keyword
        "ischemia",  # a heading
        "IL-7 BRCA2 il6 brca11",  # names
        "12345 1e5 2024",
        "gen",  # too short to guess
        "xyzzyxyzzy",  # nothing is near
        "",
        "?!",
        "µ β",
    ],
)
def test_no_word_is_suggested(files: OpenGeneration, text: str) -> None:
    assert suggested(files, text) == []


def test_each_word_once_and_never_more_than_a_few(files: OpenGeneration) -> None:
    assert suggested(files, "asthmma ashtma asthmma") == [("asthmma", "asthma"), ("ashtma", "asthma")]
    wrong = ["asthmma", "diabtes", "pnemonia", "hypertention", "chlolesterol", "stattins"]
    assert [word for word, _ in suggested(files, " ".join(wrong))] == wrong[:4]


def test_the_rest_of_a_question_stays_as_it_is(files: OpenGeneration) -> None:
    found = suggestions("does asthmma follow pneumonia", files.catalogue, files.lexical)
    assert found == (Suggestion("asthmma", "asthma"),)


def test_a_long_text_is_read_to_some_whole_word(files: OpenGeneration) -> None:
    assert suggested(files, "asthmma " + "asthma " * 500) == [("asthmma", "asthma")]
    assert suggested(files, "asthma " * 500 + "asthmma") == []
    # "hypertension" is cut within, and no part of it is taken for a misspelt word.
    assert suggested(files, "hypertension " * 500) == []


@pytest.mark.parametrize(
    "text",
    [
        "qwxz" * 25_000,
        "x" * 60,
        "x " * 50_000,
        " ".join(f"qwxz{chr(97 + number % 26)}" for number in range(10_000)),
        "\x00" * 9,
    ],
    ids=["one word", "the longest word", "letters", "unknown words", "NUL"],
)
def test_odd_texts_are_quick(files: OpenGeneration, text: str) -> None:
    suggested(files, text)
    started = time.process_time()
    suggested(files, text)
    assert time.process_time() - started < 0.1

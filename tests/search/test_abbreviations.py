"""Abbreviations of questions, by what a small corpus defines."""

import time
from collections.abc import Iterator
from itertools import count

import pytest
from toy_index import build_rows, open_files

from search.abbreviations import abbreviations_in
from search.open_generation import OpenGeneration
from search.results import Abbreviation

COPD = "chronic obstructive pulmonary disease"
LEUKEMIA = "acute lymphoblastic leukemia"
# Each text, and how many articles have it.
TEXTS = {
    f"Care of {COPD} (COPD).": 3,
    "COPD is common.": 2,
    # Three of 203 users of this word define it.
    f"Relapse of {LEUKEMIA} (ALL) in children.": 3,
    "They were all the same.": 200,
    "A computed tomography (CT) scan.": 2,
    "A connective tissue (CT) graft.": 2,
    "The chemotherapy (CT) was stopped.": 2,
    "We used fluorescence in situ hybridization (FISH).": 3,
    "They ate fish.": 20,
    # Three wordings of one meaning, against one of another.
    "A T-cell receptor (TCR) binds.": 2,
    "A T cell receptor (TCR) binds.": 1,
    "The T-cell receptors (TCR) bind.": 1,
    "The total cell ratio (TCR) fell.": 3,
    "An abbreviation that is defined once (AOD) is a misreading.": 1,
    "Patients with Alzheimer’s disease (AD) forget.": 1,  # noqa: RUF001
    "Patients with Alzheimer's disease (AD) remember.": 1,
    "Women with gestational diabetes mellitus (GDM) were seen.": 2,
    "Men with diabetes mellitus (DM) were seen.": 2,
    "Men with pulmonary hypertension (PH) were seen.": 2,
    "The potential of hydrogen (PH) rose.": 5,
    "In randomized controlled trials (RCTs) it failed.": 2,
    "We measured interleukin-6 (IL-6).": 2,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenGeneration]:
    pmids = count(1)
    rows = [{"pmid": next(pmids), "title": text} for text, number in TEXTS.items() for _ in range(number)]
    with open_files(build_rows(tmp_path_factory.mktemp("abbreviations"), rows)) as opened:
        yield opened


def added(files: OpenGeneration, text: str) -> list[str]:
    return [one.added for one in abbreviations_in(text, files.catalogue, files.lexical)]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Exercise in COPD?", [COPD]),
        ("(COPD)", [COPD]),
        ("copd exercise", [COPD]),
        ("EXERCISE IN COPD", [COPD]),
        # Both forms are there already.
        (f"{COPD} (COPD)", []),
        (f"{COPD} and copd", []),
        (f"exercise in {COPD}", ["COPD"]),
        (f"Exercise in {COPD.title()}, please", ["COPD"]),
        ("obstructive pulmonary disease", []),
        # A word whose users seldom define it is a word, in capitals or not.
        ("does ALL relapse", []),
        ("are all the same", []),
        (f"relapse of {LEUKEMIA}", []),
        # Many meanings, and none that most articles mean.
        ("a CT scan", []),
        # Written small, FISH is food.
        ("eating fish", []),
        ("EATING FISH", []),
        ("probes of FISH", ["fluorescence in situ hybridization"]),
        ("the TCR binds", ["t-cell receptor"]),
        ("the T-cell receptor binds", ["TCR"]),
        ("the total cell ratio", []),
        ("the AOD", []),
        ("what is AD", ["alzheimer's disease"]),
        ("alzheimer's disease", ["AD"]),
        ("Alzheimer’s disease", ["AD"]),  # noqa: RUF001
        # The longest form only.
        ("gestational diabetes mellitus", ["GDM"]),
        ("diabetes mellitus", ["DM"]),
        # Most articles mean something else by its short form.
        ("pulmonary hypertension", []),
        ("what RCTs found", ["randomized controlled trials"]),
        ("what rcts found", ["randomized controlled trials"]),
        ("il-6", ["interleukin-6"]),
        ("Interleukin-6 levels", ["IL-6"]),
        ("nothing of this kind", []),
        ("", []),
        ("?!", []),
    ],
)
def test_the_form_that_a_question_lacks(files: OpenGeneration, question: str, expected: list[str]) -> None:
    assert added(files, question) == expected


def test_they_stand_in_the_order_of_the_question_each_once(files: OpenGeneration) -> None:
    found = abbreviations_in("IL-6, diabetes mellitus, COPD and again IL-6", files.catalogue, files.lexical)
    assert found == (
        Abbreviation("IL-6", "interleukin-6", asked_short=True),
        Abbreviation("DM", "diabetes mellitus", asked_short=False),
        Abbreviation("COPD", COPD, asked_short=True),
    )


def test_the_beginning_of_a_long_text_is_enough(files: OpenGeneration) -> None:
    assert added(files, "COPD " + "word " * 200) == [COPD]
    assert added(files, "word " * 200 + "COPD") == []


@pytest.mark.parametrize(
    "text",
    [
        "a " * 50_000,
        "x" * 100_000,
        " ".join(f"word{number}" for number in range(15_000)),
        "(" * 100_000,
        "\x00",
        "IL-6 " * 20_000,
    ],
    ids=["letters", "one word", "words", "signs", "NUL", "one abbreviation"],
)
def test_odd_texts_are_quick(files: OpenGeneration, text: str) -> None:
    added(files, text)
    started = time.process_time()
    added(files, text)
    assert time.process_time() - started < 0.1

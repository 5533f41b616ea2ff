import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import article

from search.article import Article, MeshHeading, MeshQualifier
from search.telling_terms import _log_likelihood_ratios, telling_terms

ROOT = Path(__file__).resolve().parents[2]
WORDS = ["liver", "bone", "kidney", "spleen", "rats", "mice"]


def told(*groups: Sequence[Article]) -> list[tuple[str, ...]]:
    """The terms of groups of articles."""
    articles = [one for group in groups for one in group]
    return telling_terms(articles, np.repeat(np.arange(len(groups)), [len(group) for group in groups]))


def titled(*titles: str, first: int = 1, **fields: object) -> list[Article]:
    return [article(first + place, title, **fields) for place, title in enumerate(titles)]


def test_the_words_that_tell_groups_apart_and_not_what_all_have() -> None:
    statins = titled(*[f"Statins and liver {letter}" for letter in "abcde"])
    others = titled(*[f"Statins and the kidneys {letter}" for letter in "abcde"])
    assert told(statins, others) == [("liver",), ("kidneys",)]


def test_one_group_has_nothing_to_be_told_from() -> None:
    assert told(titled("Statins and liver", "Statins and liver")) == [()]


def test_no_articles() -> None:
    assert telling_terms([], np.array([], np.int64)) == []


def test_what_is_told_apart_by_chance_is_not_said() -> None:
    # Two groups of four: G² is 16 ln 2 = 11.1 where a term has one of them and nothing else, and less for all else.
    assert told(titled(*["Liver"] * 4), titled(*["Kidney"] * 4)) == [("Liver",), ("Kidney",)]
    assert told(titled(*["Liver"] * 3), titled(*["Kidney"] * 3)) == [(), ()]
    assert told(titled(*["Liver"] * 3, "Bone"), titled(*["Kidney"] * 4)) == [(), ("Kidney",)]


def test_the_most_telling_come_first_and_four_are_enough() -> None:
    words = ["liver", "bile", "ducts", "cells", "enzymes"]
    # Of eight articles all have the first word, one has not the last.
    group = [article(place, f"On: {'; '.join(words[: 5 - (place == 1)])}") for place in range(1, 9)]
    shown = told(group, titled(*["Kidney"] * 8))[0]
    assert shown == ("bile", "cells", "ducts", "liver")


def test_a_word_is_shown_in_the_phrase_that_most_of_its_articles_have() -> None:
    group = titled(*["Trials of pancreatic cancer"] * 6, *["Trials of pancreatic juice"] * 4)
    others = titled(*["Trials of bone"] * 10)
    assert told(group, others)[0] == ("pancreatic cancer",)
    group = titled(*["Trials of pancreatic cancer"] * 5, *["Trials of pancreatic juice"] * 5)
    assert told(group, others)[0] == ("pancreatic",)


def test_phrases_have_up_to_three_words_and_end_at_signs_and_stop_words() -> None:
    others = titled(*["Bone"] * 5)
    assert told(titled(*["Trial: low back pain"] * 5), others)[0] == ("low back pain", "Trial")
    assert told(titled(*["A chronic low back pain"] * 5), others)[0] == ("chronic low back", "pain")
    assert told(titled(*["Pain, back of knee"] * 5), others)[0] == ("back", "knee", "Pain")


@pytest.mark.parametrize("name", ["IL-6", "Parkinson's disease", "type 2 diabetes", "vitamin D", "low-density lipoprotein"])
def test_names_stay_whole(name: str) -> None:
    assert told(titled(*[f"The {name}"] * 5), titled(*["Bone"] * 5))[0] == (name,)


def test_numbers_and_single_letters_are_no_terms() -> None:
    assert told(titled(*["In 2010: n"] * 5), titled(*["Bone"] * 5))[0] == ()


def test_forms_of_one_word_count_as_one_and_the_commonest_is_shown() -> None:
    group = titled("On statins", "On statins", "On statins", "On a statin", "On a statin")
    assert told(group, titled(*["On bones"] * 5)) == [("statins",), ("bones",)]


def test_capitals_of_titles_are_not_taken_for_the_spelling() -> None:
    group = titled("Kidney stones", "KIDNEY", "Kidney trials", "The kidney", "Kidney failure")
    assert told(group, titled(*["On bones"] * 5))[0] == ("kidney",)
    written = [article(place, "Kidney Stones", "We removed kidney stones. Kidney stones came again.") for place in range(5)]
    assert told(written, titled(*["On bones"] * 5))[0] == ("kidney stones",)


def test_abstracts_count_for_terms_that_titles_have() -> None:
    group = [article(place, "Statins", "A trial of simvastatin.") for place in range(1, 9)]
    told_by_abstracts = titled("Simvastatin", "Simvastatin", first=9)
    assert told([*group, *told_by_abstracts], titled(*["Bone"] * 10))[0] == ("simvastatin", "Statins")
    # No title has "trial".
    assert told([*group, *told_by_abstracts], titled(*["Bone"] * 10))[1] == ("Bone",)


def test_words_that_abstracts_have_and_titles_hardly_do() -> None:
    group = [article(place, "Statins", "We saw results.") for place in range(21)]
    named = titled("Results of statins", "Results of statins")
    assert told([*group, *named], titled(*["Bone"] * 20))[0] == ("statins",)
    assert told([*group[:18], *named], titled(*["Bone"] * 20))[0] == ("results", "statins")


def test_main_headings_and_keywords_are_terms() -> None:
    major = (MeshHeading("Pancreatic Neoplasms", major=True), MeshHeading("Humans"))
    by_qualifier = (MeshHeading("Pancreatic Neoplasms", (MeshQualifier("surgery", major=True),)), MeshHeading("Humans"))
    group = [*titled("A", "B", "C", mesh=major), *titled("D", "E", mesh=by_qualifier)]
    others = titled("F", "G", "H", "I", "J", keywords=("gut-brain axis",))
    assert told(group, others) == [("Pancreatic Neoplasms",), ("gut-brain axis",)]


def test_a_term_tells_of_the_one_group_that_has_it_most() -> None:
    # Nearly all of the second group are about bones, too, and no others are.
    first, second = titled(*["Bone of rats"] * 20), titled(*["Bone of mice"] * 19, "Mice")
    assert told(first, second, titled(*["Liver"] * 20), titled(*["Heart"] * 20)) == [
        ("rats", "Bone"),
        ("mice",),
        ("Liver",),
        ("Heart",),
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sets(st.sampled_from(WORDS))), max_size=40))
def test_no_two_groups_share_a_term_and_each_is_commoner_inside(drawn: list[tuple[int, set[str]]]) -> None:
    articles = [article(place, "; ".join(sorted(words))) for place, (_, words) in enumerate(drawn)]
    groups = np.unique([group for group, _ in drawn], return_inverse=True)[1].astype(np.int64)
    found = telling_terms(articles, groups)
    shown = [term.lower() for terms in found for term in terms]
    assert len(shown) == len(set(shown))
    for group, terms in enumerate(found):
        inside = [words for own, (_, words) in zip(groups, drawn, strict=True) if own == group]
        for term in terms:
            everywhere = sum(term.lower() in words for _, words in drawn) / len(drawn)
            assert sum(term.lower() in words for words in inside) / len(inside) > everywhere


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1)), min_size=2, max_size=5))
def test_the_ratio_is_dunnings(drawn: list[tuple[int, float]]) -> None:
    sizes = [size for size, _ in drawn]
    inside = [round(size * share) for size, share in drawn]
    ratios = _log_likelihood_ratios(np.array(inside, np.float64)[:, None], np.array(sizes, np.float64))[:, 0]
    total, everywhere = sum(sizes), sum(inside)
    for size, count, ratio in zip(sizes, inside, ratios, strict=True):
        rows, columns = (size, total - size), (everywhere, total - everywhere)
        observed = ((count, size - count), (everywhere - count, total - size - everywhere + count))
        expected = 2 * sum(
            observed[i][j] * math.log(observed[i][j] * total / (rows[i] * columns[j]))
            for i in (0, 1)
            for j in (0, 1)
            if observed[i][j]
        )
        assert ratio == pytest.approx(expected if count * total > size * everywhere else 0.0, abs=1e-9)


PROGRAM = """
import numpy as np
from search.article import Article
from search.telling_terms import telling_terms
titles = ["Liver; bile; ducts; cells; enzymes; hepatitis"] * 8 + ["Bone; rats; mice; fracture; knee"] * 8
print(telling_terms([Article(place, title) for place, title in enumerate(titles)], np.arange(16) // 8))
"""


def test_terms_do_not_depend_on_how_sets_are_ordered() -> None:
    command = [sys.executable, "-c", PROGRAM]
    said = {
        subprocess.run(command, cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout for seed in "12"
    }
    assert len(said) == 1

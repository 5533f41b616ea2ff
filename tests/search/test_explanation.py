"""Sentences, marks, and the sentence that tells most."""

import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import ToyEncoder, article
from toy_index import build_rows, open_files

from search.article import AbstractSection, Article
from search.explanation import TITLE_LABEL, Matched, WordWeights, match, sentences
from search.nearest_sentence import nearest_sentences
from search.open_generation import OpenGeneration
from search.results import Sentence
from search.words import stems, whole_names


def texts(abstract: str) -> list[str]:
    return [sentence.text for sentence in sentences(article(1, "", abstract))]


def wanted(text: str, **weights: float) -> WordWeights:
    """Every stem of a text weighs 1 unless it is said what else it weighs."""
    return WordWeights({stem: weights.get(stem, 1.0) for stem in stems(text)}, dict.fromkeys(whole_names(text), 1.0))


def marked(sentence: Sentence) -> list[str]:
    return [sentence.text[start:end] for start, end in sentence.marks]


@pytest.mark.parametrize(
    "whole",
    [
        "Group A vs. Group B was compared.",
        "Smith et al. (2010) and Jones et al. 2011 found it.",
        "Shown in Fig. 2 and Figs. 3 and 4.",
        "Significant (p < 0.05) at 3.5 mg and 0.75 mg.",
        "Drugs, e.g. ACE inhibitors, i.e. Captopril, were given.",
        "We grew E. coli and S. Typhimurium.",
        "Written by J. R. Smith of the U.S. Army.",
        "Given to ca. 30 of approx. 40 patients, cf. Table 1.",
        "St. John's wort is not in No. 5 of Dr. House.",
        "It fell in Aspergillus spp. Among others.",
        "Is 1.5 more than 1.4?",
        "no capitals. here follows nothing",
        "The gene p53.2 and www.nlm.nih.gov/Pubs.",
        "One sentence without an end",
    ],
)
def test_what_is_one_sentence(whole: str) -> None:
    assert texts(whole) == [whole]


@pytest.mark.parametrize(
    ("abstract", "expected"),
    [
        ("We did it. It worked! Did it? Yes.", ["We did it.", "It worked!", "Did it?", "Yes."]),
        ("It fell (p < 0.05). In 12 of 13 it rose.", ["It fell (p < 0.05).", "In 12 of 13 it rose."]),
        ("It fell (by half.) It rose.", ["It fell (by half.)", "It rose."]),
        ('They said "it fell." "It rose," said we.', ['They said "it fell."', '"It rose," said we.']),
        ("It took 24 h. The others died.", ["It took 24 h.", "The others died."]),
        ("It was 5. 12 patients died.", ["It was 5.", "12 patients died."]),
        ("First.\n  Second.", ["First.", "Second."]),
        ("  ", []),
        ("", []),
    ],
)
def test_where_sentences_end(abstract: str, expected: list[str]) -> None:
    assert texts(abstract) == expected


def test_sections_give_their_labels_and_end_sentences() -> None:
    sections = (
        AbstractSection("One. Two", label="METHODS"),
        AbstractSection("Three.", label="RESULTS"),
        AbstractSection("Four."),
    )
    assert list(sentences(Article(1, "Title", sections))) == [
        Sentence("One.", "METHODS"),
        Sentence("Two", "METHODS"),
        Sentence("Three.", "RESULTS"),
        Sentence("Four."),
    ]


def test_the_sentence_with_the_most_telling_words_comes_first() -> None:
    found = match(
        article(1, "Asthma", "Patients rest. Asthma is here. Patients with wheeze."), wanted("asthma patients", asthma=3)
    )
    assert [sentence.text for sentence in found.sentences] == ["Asthma is here.", "Patients rest.", "Patients with wheeze."]
    assert found.words == ("asthma", "patients")
    assert found.found_in_sentences


def test_a_word_that_is_repeated_counts_once() -> None:
    found = match(article(1, "", "Asthma, asthma and asthma. Asthma in children."), wanted("asthma children"))
    assert found.sentences[0].text == "Asthma in children."


def test_the_title_stands_in_where_no_sentence_has_a_word() -> None:
    found = match(article(1, "Asthma in children", "Nothing. Of the kind."), wanted("asthma"))
    assert found.sentences[0] == Sentence("Asthma in children", TITLE_LABEL, marks=((0, 6),))
    assert found.found_in_sentences
    assert match(article(1, "Asthma"), wanted("asthma")).sentences == (Sentence("Asthma", TITLE_LABEL, marks=((0, 6),)),)


def test_nothing_matched() -> None:
    found = match(article(1, "Cough", "Nothing."), wanted("asthma"))
    assert (found.words, found.found_in_sentences) == ((), False)


def test_nothing_wanted() -> None:
    assert not match(article(1, "Cough", "Nothing."), WordWeights({}, {})).found_in_sentences


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("statin", "Statins and a statin's STATIN.", ["Statins", "statin", "STATIN"]),
        ("IL-6", "IL-6, IL6 and IL‑6 but interleukin.", ["IL-6", "IL6", "IL‑6"]),  # noqa: RUF001
        ("TGF-β1", "TGF-beta1 and TGF-β1.", ["TGF-beta1", "TGF-β1"]),
        ("NF-kB", "NF-kB binds.", ["NF-kB"]),
        ("muscle pain", "Muscle pain; pain in muscles.", ["Muscle", "pain", "pain", "muscles"]),
        ("the of and", "The end of it and more.", []),
        ("Müller", "Muller and Müller.", ["Muller", "Müller"]),
        ("β-blocker", "A beta-blocker or β blockers.", ["beta", "blocker", "β", "blockers"]),
        ("pain", "painting", []),
    ],
)
def test_marks_are_whole_words(question: str, text: str, expected: list[str]) -> None:
    (sentence,) = match(article(1, "", text), wanted(question)).sentences[-1:]
    assert marked(sentence) == expected


@given(
    st.lists(
        st.sampled_from(["IL-6", "statins", "of", "pain.", "(TNF-β)", "Ünder", "e.g.", "3.5", "—", "A.", "\n"]), max_size=25
    )
)
@settings(max_examples=150, deadline=None)
def test_marks_lie_in_their_sentence_in_order_and_cover_what_matched(words: list[str]) -> None:
    abstract = " ".join(words)
    found = match(article(1, "x", abstract), wanted("IL-6 statin TNF-beta pains under 3.5"))
    for sentence in found.sentences:
        ends = [0, *(place for mark in sentence.marks for place in mark)]
        assert ends == sorted(ends)
        assert ends[-1] <= len(sentence.text)
        for mark in marked(sentence):
            assert mark.casefold() in found.words
    squeezed = "".join(abstract.split())
    assert squeezed == "".join("".join(sentence.text.split()) for sentence in sentences(article(1, "", abstract)))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenGeneration]:
    with open_files(build_rows(tmp_path_factory.mktemp("explanation"), [{"pmid": 1, "title": "x"}])) as opened:
        yield opened


def test_the_nearest_sentence_of_each_article(files: OpenGeneration) -> None:
    encoder = ToyEncoder()
    candidates = [[Sentence("bb bb"), Sentence("a bb"), Sentence("a a", "RESULTS")], [], [Sentence("ccc")]]
    first, second, third = nearest_sentences(candidates, encoder.encode_query("x"), encoder, files)
    assert first == Sentence("a a", "RESULTS", similarity=1.0)
    assert second is None
    assert third is not None
    assert third.similarity == pytest.approx(0)


def test_no_sentences_are_not_encoded(files: OpenGeneration) -> None:
    encoder = ToyEncoder()
    assert nearest_sentences([[], []], np.ones(8, np.float32), encoder, files) == [None, None]
    assert encoder.embedded == []


def test_a_thousand_hits_are_explained_in_a_second() -> None:
    sentence = "Patients with asthma and IL-6 levels above 3.5 mg were treated with statins for muscle pain at twelve sites. "
    hits = [article(pmid, "Statins and pain", sentence * 10) for pmid in range(1, 1001)]
    question = wanted("statins and muscle pain in IL-6 asthma")
    started = time.process_time()
    found: list[Matched] = [match(hit, question) for hit in hits]
    assert time.process_time() - started < 1.5
    assert len(found[0].sentences) == 10

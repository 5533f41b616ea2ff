"""What a word is: folding, stems, stop words, and names in one piece whichever way they are typed."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.words import (
    STOP_WORDS,
    compounds,
    exact_words,
    names_asked,
    names_at,
    spelt_out,
    spelt_words,
    stem_counts,
    stems,
    whole_names,
    without_asking,
)

# Every line is one name, as it is found written.
SPELLINGS = [
    ("il6", ["IL-6", "IL6", "il-6", "IL\N{NON-BREAKING HYPHEN}6", "IL\N{HYPHEN}6", "IL\N{EN DASH}6"]),
    ("tgfbeta1", ["TGF-β1", "TGF-beta1", "TGFβ1", "TGFbeta1", "TGF-beta-1", "tgf-Beta1"]),
    ("5ht2a", ["5-HT2A", "5HT2A", "5-ht2a", "5-HT-2A"]),
    ("covid19", ["COVID-19", "COVID19", "Covid-19"]),
    ("brca1", ["BRCA1", "BRCA-1", "brca1"]),
    ("p53", ["p53", "P53", "p-53"]),
    ("nfkappab", ["NF-κB", "NFκB", "NF-kappaB", "NF-kappa-B"]),
    ("co2", ["CO2", "CO₂", "CO-2"]),
    ("18ffdg", ["18F-FDG", "¹⁸F-FDG"]),
    ("mug", ["µg", "μg"]),
    ("xray", ["X-ray", "x-ray"]),
]


@pytest.mark.parametrize(("name", "written"), [(name, one) for name, some in SPELLINGS for one in some])
def test_a_name_is_the_same_however_it_is_written(name: str, written: str) -> None:
    assert list(whole_names(written)) == [name]
    assert list(whole_names(f"(soluble {written}), levels")) == [name]
    assert list(names_at(f"of {written}.")) == [(name, 3, 3 + len(written))]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "heart attack",
        "cost-effectiveness",
        "long-term",
        "2019",
        "1-2",
        "10.5%",
        "the",
        "_",
        "---",
        "A" * 61 + "1",
        "\ud800",
    ],
)
def test_what_is_no_name(text: str) -> None:
    assert list(whole_names(text)) == []
    assert list(names_at(text)) == []


def test_names_stand_in_the_order_of_the_text() -> None:
    assert list(whole_names("BRCA1 and p53, then IL-6; BRCA1")) == ["brca1", "p53", "il6", "brca1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TGF-β1", "TGF-beta1"),
        ("κ-Casein and Δ9-THC in 5 µg", "kappa-Casein and delta9-THC in 5 mug"),
        ("ω-3, ς, ϕ, ϵ", "omega-3, sigma, phi, epsilon"),
        ("nothing Greek: naïve", "nothing Greek: naïve"),
        ("a\ud800b\udfffc", "a b c"),
    ],
)
def test_greek_is_spelt_out(text: str, expected: str) -> None:
    assert spelt_out(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sjögren's Syndrome", ["sjogren", "s", "syndrome"]),
        ("cost-effectiveness", ["cost", "effectiveness"]),
        ("TGF-β1", ["tgf", "beta1"]),
        ("The the NOT", ["the", "the", "not"]),
        ("mice, mouse", ["mice", "mouse"]),
        ("CO₂", ["co2"]),
        ("x" * 60 + " y", ["y"]),
        ("", []),
        ("?!\x00\n…", []),
    ],
)
def test_exact_words(text: str, expected: list[str]) -> None:
    assert exact_words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Statins and the muscles", ["statin", "muscl"]),
        ("vitamin A", ["vitamin"]),
        ("not with a", []),
        ("Randomised RANDOMISED trials", ["randomis", "randomis", "trial"]),
    ],
)
def test_stems(text: str, expected: list[str]) -> None:
    assert stems(text) == expected
    assert stem_counts(text) == {stem: expected.count(stem) for stem in expected}


def test_joined_words_are_their_parts() -> None:
    assert stems("cost-effectiveness") == stems("cost effectiveness")
    assert stems("TGF-β1") == stems("TGF-beta1")


def test_stop_words_have_no_stem() -> None:
    assert stems(" ".join(sorted(STOP_WORDS))) == []


def test_words_where_they_stand() -> None:
    assert [(found.group(), found.start()) for found in spelt_words("a naïve β_1")] == [
        ("a", 0),
        ("naïve", 2),
        ("β", 8),
        ("1", 10),
    ]


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_no_text_is_refused(text: str) -> None:
    assert all(word.strip() for word in exact_words(text))
    assert set(stem_counts(text)) == set(stems(text))
    assert [name for name, _, _ in names_at(text)] == list(whole_names(text))
    assert not any(name != name.strip() or len(name.split()) != 1 for name in whole_names(text))
    for _, start, end in names_at(text):
        assert list(whole_names(text[start:end])) == [name for name, at, _ in names_at(text) if at == start]


@pytest.mark.parametrize("unit", ["heart ", "IL-6 ", "a-", "β", "1", "\U0001f600", "\ud800", "\x00", "é" * 61 + " "])
def test_long_texts_are_quick(unit: str) -> None:
    text = (unit * 100_000)[:100_000]
    started = time.process_time()
    stems(text)
    exact_words(text)
    list(whole_names(text))
    assert time.process_time() - started < 2


def test_compound_words_in_small_letters_are_not_asked_for_as_names() -> None:
    asked = "IL-6 pre-school x-ray X-ray NF-kB TGF-β covid-19 cost-effectiveness"
    assert list(names_asked(asked)) == ["il6", "xray", "nfkb", "tgfbeta", "covid19"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Parkinson's disease", ["Parkinson's", "disease"]),
        ("low-density (LDL) IL\N{HYPHEN}6, patients' TGF-β1", ["low-density", "LDL", "IL\N{HYPHEN}6", "patients", "TGF-β1"]),
        ("a - b", ["a", "b"]),
        ("", []),
    ],
)
def test_words_with_what_is_joined_to_them(text: str, expected: list[str]) -> None:
    assert [found.group() for found in compounds(text)] == expected


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What eases a newborn's pain?", ["eas", "newborn", "pain"]),
        ("Crohn\N{RIGHT SINGLE QUOTATION MARK}s disease", ["crohn", "diseas"]),
        ("WHO guidelines on S. aureus", ["who", "guidelin", "s", "aureus"]),
        ("the 5's", ["5", "s"]),
    ],
)
def test_what_only_asks_and_the_s_of_a_possessive_are_no_words_of_a_question(question: str, words: list[str]) -> None:
    assert stems(without_asking(question)) == words

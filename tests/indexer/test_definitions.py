"""Abbreviations that abstracts define, the cases of Schwartz and Hearst's paper among them."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import article

from indexer.definitions import count_definitions, definitions
from search.catalogue import Definition


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        # The three of the paper.
        ("the heat shock protein (HSP) is", "HSP", "heat shock protein"),
        ("binds heat shock transcription factor (HSF)", "HSF", "heat shock transcription factor"),
        ("the Gcn5-related N-acetyltransferase (GNAT) superfamily", "GNAT", "gcn5-related n-acetyltransferase"),
        # Letters from within words, digits, hyphens, Greek, plurals.
        ("a deep muscular aponeurotic system layer (SMAS)", None, None),
        ("superficial muscular aponeurotic system (SMAS)", "SMAS", "superficial muscular aponeurotic system"),
        ("lipopolysaccharide (LPS)", "LPS", "lipopolysaccharide"),
        ("interleukin-6 (IL-6) and", "IL-6", "interleukin-6"),
        ("forced expiratory volume in 1 second (FEV1)", "FEV1", "forced expiratory volume in 1 second"),
        ("transforming growth factor-β (TGF-β)", "TGF-β", "transforming growth factor-β"),
        ("acute respiratory distress syndromes (ARDSs)", "ARDSs", "acute respiratory distress syndromes"),
        ("functional magnetic resonance imaging (fMRI)", "fMRI", "functional magnetic resonance imaging"),
        ("Alzheimer’s disease (AD)", "AD", "alzheimer's disease"),  # noqa: RUF001
        ("Epstein\N{NON-BREAKING HYPHEN}Barr virus (EBV)", "EBV", "epstein-barr virus"),
        ("in vitro fertilization (IVF)", "IVF", "in vitro fertilization"),
        ("sarco(endo)plasmic reticulum Ca-ATPase (SERCA)", "SERCA", "sarco(endo)plasmic reticulum ca-atpase"),
        # More in the parentheses than the abbreviation.
        ("chronic obstructive pulmonary disease (COPD; n = 35)", "COPD", "chronic obstructive pulmonary disease"),
        ("chronic obstructive pulmonary disease ( COPD , GOLD II)", "COPD", "chronic obstructive pulmonary disease"),
        # Only the words before it, of its own sentence.
        ("Patients rest. Acute care (AC)", "AC", "acute care"),
        ("Asthma is common. We saw care (AC)", None, None),
    ],
)
def test_definitions_one_by_one(text: str, short: str | None, long: str | None) -> None:
    assert list(definitions(text)) == ([] if short is None else [(short, long)])


@pytest.mark.parametrize(
    "text",
    [
        "all the patients (n = 35)",
        "all the patients (N=35)",
        "significantly better (p < 0.05)",
        "significantly better probability (P<0.05)",
        "a hazard (95% CI, 1.2-1.4)",
        "the dose in milligrams (mg) and microlitres (µl)",
        "temperature (37 °C)",
        "see the figure (Fig. 2) and the table (Table 1)",
        "nested ((outer (inner) text))",
        "empty () and ( ) and (, ) and (;)",
        "the same word (WORD) for word",
        "the HSP family (HSP)",
        "a year (1998)",
        "no match at all (XYZ)",
        "of the acetylated component (OAC)",
        "and room temperature plasma (ARTP)",
        "the first (a) and second (b)",
        "(HSP) at the beginning",
        "an open ( HSP",
    ],
)
def test_what_is_no_definition(text: str) -> None:
    assert list(definitions(text)) == []


def test_several_in_one_text_in_order() -> None:
    text = "Body mass index (BMI), computed tomography (CT) or magnetic resonance imaging (MRI) (n = 12)."
    assert list(definitions(text)) == [
        ("BMI", "body mass index"),
        ("CT", "computed tomography"),
        ("MRI", "magnetic resonance imaging"),
    ]


def test_an_article_counts_once() -> None:
    articles = [
        article(1, "Heat shock protein (HSP)", "Heat shock protein (HSP) and heat shock protein (HSP)."),
        article(2, "Nothing here", "The heat shock protein (HSP) and the body mass index (BMI)."),
        article(3, "Nothing here either"),
    ]
    found = sorted(count_definitions(articles), key=lambda one: one.short)
    assert found == [Definition("BMI", "body mass index", 1), Definition("HSP", "heat shock protein", 2)]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1_000_000,
        "(AB" * 300_000,
        "a" * 1_000_000 + " (AB)",
        "( " * 500_000,
        "heat shock protein (HSP) " * 40_000,
        "a (A-------B) " * 70_000,
        " " * 1_000_000 + "(AB)",
    ],
    ids=["parentheses", "open", "one word", "spaced", "true ones", "signs", "white space"],
)
def test_a_megabyte_takes_no_longer_than_reading_it(text: str) -> None:
    started = time.process_time()
    for _ in definitions(text):
        pass
    assert time.process_time() - started < 5


@given(st.text(st.sampled_from("aAbB1-µβ ().;,[]'’‑\n"), max_size=80))  # noqa: RUF001
@settings(max_examples=200, deadline=None)
def test_every_definition_keeps_its_promises(text: str) -> None:
    for short, long in definitions(text):
        assert 2 <= len(short) <= 10
        assert long == long.casefold()
        assert len(long) >= len(short) + 2
        assert long.count("(") == long.count(")")
        letters = [letter for letter in short.casefold() if letter.isalnum()]
        remaining = iter(long)
        assert all(letter in remaining for letter in letters)
        assert long[0] == letters[0] or not long[0].isalnum()

"""Conditions written out: as PubMed would have them, and so that reading them again gives the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.article import Flag
from search.condition import And, Condition, Flagged, Not, Or, Term, TermField, TextField, Words, Years
from search.condition_text import HAS_ABSTRACT
from search.errors import QueryError
from search.pubmed_syntax import describe, understand

ASTHMA = Term(TermField.MESH, "asthma")
REVIEW = Term(TermField.PUBLICATION_TYPE, "review")


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (And((ASTHMA, Years(2019, 2024), Not(REVIEW))), "asthma[mh] AND 2019:2024[dp] NOT review[pt]"),
        (Years(2019), "2019:3000[dp]"),
        (Years(None, 987), ":0987[dp]"),
        (Words(TextField.TITLE, "lung immun", prefix=True), '"lung immun*"[ti]'),
        (Words(TextField.ALL, "AND"), '"AND"[all]'),
        (Words(TextField.ALL, 'say "so"'), '"say  so "[all]'),
        (Or((ASTHMA, Not(REVIEW))), "asthma[mh] OR (NOT review[pt])"),
        (And((REVIEW, Or((Not(ASTHMA), REVIEW)))), "review[pt] AND (NOT asthma[mh] OR review[pt])"),
        (Not(And((ASTHMA, REVIEW))), "NOT (asthma[mh] AND review[pt])"),
        (And((HAS_ABSTRACT, ASTHMA)), "hasabstract[text] AND asthma[mh]"),
        (And((ASTHMA, Flagged(Flag.TITLE_ONLY))), "asthma[mh] NOT hasabstract[text]"),
        (And((ASTHMA,)), "asthma[mh]"),
        (And(()), "every article"),
        (Or(()), "no article"),
        (Flagged(Flag.RETRACTED), "retracted[flag]"),
        (Or((Term(TermField.AUTHOR, "smith"), Term(TermField.AUTHOR, "smith ", prefix=True))), "smith[au]"),
        (Term(TermField.AUTHOR, "smith j", prefix=True), "smith j[au]"),
        (Term(TermField.AUTHOR, "smi", prefix=True), "smi*[au]"),
    ],
)
def test_describe(condition: Condition, text: str) -> None:
    assert describe(condition) == text


def leaves() -> st.SearchStrategy[str]:
    words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).map(
        lambda text: text.replace("*", "").replace('"', "")
    )
    tag = st.sampled_from(["ti", "ab", "tiab", "ot", "tw", "mh", "majr", "sh", "pt", "au", "1au", "ta", "la"])
    tagged = st.builds('"{}{}"[{}]'.format, words, st.sampled_from(["", "*"]), tag)
    year = st.integers(0, 9999).map("{:04}".format)
    ranges = st.builds("{}:{}[dp]".format, year | st.just(""), year | st.just(""))
    untagged = st.builds('"{}"'.format, words)
    return (
        tagged | ranges | untagged | st.sampled_from(["hasabstract", "immun*", "lung function", "7[pmid]", "10.1000/a(b)[doi]"])
    )


def queries() -> st.SearchStrategy[str]:
    def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operator = st.sampled_from([" AND ", " OR ", " NOT ", " "])
        return st.builds("({}{}{}{})".format, st.sampled_from(["", "NOT "]), parts, operator, parts)

    return st.recursive(leaves(), joined, max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(queries())
def test_what_is_described_means_the_same(text: str) -> None:
    try:
        condition = understand(text).condition
    except QueryError:
        return
    if condition is not None:
        assert understand(describe(condition)).condition == condition


def test_the_deepest_condition_can_be_described() -> None:
    condition = understand("a OR b NOT (" * 50 + "c[ti]" + ")" * 50).condition
    assert condition is not None
    assert understand(describe(condition)).condition == condition

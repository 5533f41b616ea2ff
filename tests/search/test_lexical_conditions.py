"""Conditions as queries of the lexical index: against the bitmaps of the columns and against a slow reference."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from condition_trees import trees
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import article

from search.article import Article, Author, Flag, MeshHeading, MeshQualifier
from search.columns import Columns, ColumnsWriter
from search.condition import And, Condition, Flagged, Not, Or, Term, TermField, TextField, Words, Years
from search.errors import QueryError
from search.filter_terms import condition_of, normalised, terms_of
from search.lexical import LexicalIndex
from search.lexical_conditions import query_of
from search.lexical_writer import LexicalWriter
from search.words import exact_words

RETRACTED = ("Retracted Publication",)


@contextlib.contextmanager
def indexed(folder: Path, articles: Sequence[Article], hits_at_once: int = 1000) -> Iterator[LexicalIndex]:
    with LexicalWriter(folder / "lexical") as writer:
        writer.append(articles)
    with contextlib.closing(LexicalIndex(folder / "lexical", hits_at_once)) as index:
        yield index


def found(index: LexicalIndex, condition: Condition) -> list[int]:
    pmids: list[int] = index._matching(query_of(condition, index._schema)).tolist()
    return pmids


def texts_of(one: Article, field: TextField) -> list[str]:
    """The texts in which the words of a condition are looked for; a phrase lies within one of them."""
    titles, abstracts, keywords = [one.title], [one.abstract], list(one.keywords)
    others = [author.name for author in one.authors] + [one.journal, one.journal_abbreviation]
    return {
        TextField.TITLE: titles,
        TextField.ABSTRACT: abstracts,
        TextField.TITLE_ABSTRACT: titles + abstracts,
        TextField.KEYWORDS: keywords,
        TextField.ALL: titles + abstracts + keywords + [heading.descriptor for heading in one.mesh] + others,
    }[field]


def stand_in(phrase: Sequence[str], words: Sequence[str], *, prefix: bool) -> bool:
    """Whether a phrase stands in the words of a text."""
    for at in range(len(words) - len(phrase) + 1):
        *whole, last = zip(phrase, words[at:], strict=False)
        if all(one == other for one, other in whole) and (last[1].startswith(last[0]) if prefix else last[0] == last[1]):
            return True
    return False


def meets(one: Article, condition: Condition) -> bool:  # noqa: PLR0911  (one return a kind of condition)
    """What a condition means, one article at a time."""
    match condition:
        case And(parts):
            return all(meets(one, part) for part in parts)
        case Or(parts):
            return any(meets(one, part) for part in parts)
        case Not(part):
            return not meets(one, part)
        case Years(first, last):
            return one.year is not None and (first or 0) <= one.year <= (9999 if last is None else last)
        case Flagged(flag):
            return flag in one.flags
        case Words(field, text, prefix):
            words = exact_words(text)
            return bool(words) and any(stand_in(words, exact_words(there), prefix=prefix) for there in texts_of(one, field))
        case Term(TermField.PMID, value):
            return int(value) == one.pmid
        case Term(field, value, prefix):
            having = [term.value for term in terms_of(one) if term.field is field]
            return any(term.startswith(value) for term in having) if prefix else value in having
    raise TypeError(condition)


ARTICLES = [
    article(
        11,
        "Cost-effectiveness of IL-6 in heart attack",
        "We studied TGF-β1. The heart was Sjögren's.",
        year=1999,
        keywords=("heart attack", "stroke risk"),
        authors=(Author("Smith", "John", "J"), Author("Lee", initials="KA")),
        journal="The Journal of β-Cells",
    ),
    article(22, "Heart failure attack", "Cost, effectiveness.", year=2005, publication_types=RETRACTED),
    article(33, "Attacks", mesh=(MeshHeading("Heart Attack, Acute"),), authors=(Author(collective_name="The κ-Team"),)),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LexicalIndex]:
    with indexed(tmp_path_factory.mktemp("conditions"), ARTICLES) as index:
        yield index


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (And(()), [11, 22, 33]),
        (Or(()), []),
        (Not(And(())), []),
        (Not(Or(())), [11, 22, 33]),
        (Not(Not(Years(2000))), [22]),
        (Or((Not(Years(2000)), Words(TextField.TITLE, "failure"))), [11, 22, 33]),
        (Or((Not(And(())), Years(None, 1999))), [11]),
        (And((Not(Years(2000)), Not(Words(TextField.TITLE, "attacks")))), [11]),
        (And((Or(()), Years())), []),
        (Years(), [11, 22]),
        (Not(Years()), [33]),
        (Years(0, 0), []),
        (Years(-7, 1999), [11]),
        (Years(2005, 2**70), [22]),
        (Years(2**70), []),
        (Years(None, -1), []),
        (Flagged(Flag.RETRACTED), [22]),
        (Flagged(Flag.TITLE_ONLY), [33]),
        (Term(TermField.PMID, "22"), [22]),
        (Term(TermField.PMID, "99999999"), []),
        (Term(TermField.AUTHOR, "smith j"), [11]),
        (Term(TermField.AUTHOR, "smith", prefix=True), [11]),
        (Term(TermField.LAST_AUTHOR, "lee ka"), [11]),
        (Words(TextField.TITLE, "heart attack"), [11]),
        (Words(TextField.TITLE, "attack heart"), []),
        (Words(TextField.TITLE, "heart at", prefix=True), [11]),
        (Words(TextField.TITLE, "hea attack", prefix=True), []),
        (Words(TextField.TITLE, "attack", prefix=True), [11, 22, 33]),
        (Words(TextField.TITLE, "attack"), [11, 22]),
        (Words(TextField.TITLE, "COST EFFECTIVENESS"), [11]),
        (Words(TextField.ABSTRACT, "cost-effectiveness"), [22]),
        (Words(TextField.TITLE_ABSTRACT, "cost/effectiveness"), [11, 22]),
        (Words(TextField.TITLE_ABSTRACT, "attack cost"), []),
        (Words(TextField.TITLE_ABSTRACT, "attack we", prefix=True), []),
        (Words(TextField.KEYWORDS, "heart attack"), [11]),
        (Words(TextField.KEYWORDS, "attack stroke"), []),
        (Words(TextField.KEYWORDS, "attack str", prefix=True), []),
        (Words(TextField.ALL, "J Lee"), []),
        (Words(TextField.ALL, "J L", prefix=True), []),
        (Words(TextField.ALL, "smith j"), [11]),
        (Words(TextField.ALL, "attack, acute"), [33]),
        (Words(TextField.ALL, "β cells"), [11]),
        (Words(TextField.ALL, "kappa-team"), [33]),
        (Words(TextField.ALL, "κ"), [33]),
        (Words(TextField.ABSTRACT, "tgf beta1"), [11]),
        (Words(TextField.ABSTRACT, "Sjogren’s"), [11]),  # noqa: RUF001  (as pages print it)
        (Words(TextField.TITLE, "of"), [11]),
        (Words(TextField.TITLE, ""), []),
        (Words(TextField.TITLE, "", prefix=True), []),
        (Words(TextField.TITLE, "-*-", prefix=True), []),
        (Not(Words(TextField.TITLE, "?")), [11, 22, 33]),
        (Words(TextField.ALL, "\ud800"), []),
        (Words(TextField.ALL, "heart\udc00attack"), [11, 33]),
        (Term(TermField.DOI, "\ud800"), []),
        (Term(TermField.DOI, "\ud800", prefix=True), []),
    ],
)
def test_matching(index: LexicalIndex, condition: Condition, expected: list[int]) -> None:
    assert found(index, condition) == expected


SIGNS = [
    *"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "é",
    "学",
    "\U0001f600",
    " ",
    "\x00",
    "\x01",
    "\u2028",
    "a*b",
    "(?i)",
    "[a-z]",
    "\\d",
    ".*",
    "a|b",
]


def test_signs_of_regular_expressions_are_signs(tmp_path: Path) -> None:
    values = {pmid: f"10.1/{sign}{pmid}{sign}z" for pmid, sign in enumerate(SIGNS, 100)}
    with indexed(tmp_path, [article(pmid, "T", doi=value) for pmid, value in values.items()]) as index:
        for pmid, value in values.items():
            whole = normalised(TermField.DOI, value)
            assert found(index, Term(TermField.DOI, whole)) == [pmid]
            assert found(index, Term(TermField.DOI, whole[:-1], prefix=True)) == [pmid]
            assert found(index, Term(TermField.DOI, whole[:-1])) == []
            assert found(index, Term(TermField.DOI, whole + ".", prefix=True)) == []


@pytest.mark.parametrize("letter", ["a", ".", "é", "学", "\U0001f600"])
def test_values_longer_than_a_regular_expression_may_be(tmp_path: Path, letter: str) -> None:
    """Groups sign with the names of all their members."""
    with indexed(tmp_path, [article(1, "T", authors=(Author(collective_name=f"x{letter * 3000}y"),))]) as index:
        name = condition_of(TermField.AUTHOR, f"x{letter * 3000}y")
        assert found(index, name) == [1]
        assert found(index, condition_of(TermField.AUTHOR, f"x{letter * 2000}", truncated=True)) == [1]
        assert found(index, condition_of(TermField.AUTHOR, f"z{letter * 2000}", truncated=True)) == []


def test_beginnings_that_too_many_words_have(tmp_path: Path) -> None:
    with indexed(tmp_path, [article(1, "Heart " + " ".join(f"a{number}z" for number in range(20_000)))]) as index:
        assert found(index, Words(TextField.TITLE, "a", prefix=True)) == [1]
        assert found(index, Words(TextField.TITLE, "heart a0", prefix=True)) == [1]
        with pytest.raises(QueryError, match="write more letters"):
            found(index, Words(TextField.TITLE, "heart a", prefix=True))


def test_hits_read_in_stretches(tmp_path: Path) -> None:
    pmids = [*range(1, 20), *range(1000, 1007), 90_000]
    with indexed(tmp_path, [article(pmid, "odd" if pmid % 2 else "even") for pmid in pmids], hits_at_once=8) as index:
        assert index.pmids().tolist() == pmids
        assert found(index, Words(TextField.TITLE, "odd")) == [pmid for pmid in pmids if pmid % 2]
        assert found(index, Not(Words(TextField.TITLE, "odd"))) == [pmid for pmid in pmids if not pmid % 2]


PHRASES = ["heart attack", "attack", "heart", "cost-effectiveness", "IL-6", "TGF-β1", "attack heart", "of the heart", "Sjögren"]
TEXTS = st.lists(st.sampled_from([*PHRASES, "the", "stroke.", "6"]), max_size=4).map(" ".join)
NAMES = ["Asthma", "Asthma*", "as.hma", "a(b)|c", 'say "x"', "#1 @home <b>", "x & y ~ z", "a/b", "学校", "Sjögren’s", "A+B"]  # noqa: RUF001
HEADINGS = st.builds(
    MeshHeading,
    st.sampled_from(NAMES),
    st.lists(st.builds(MeshQualifier, st.sampled_from(["drug therapy", "genetics"]), st.booleans()), max_size=2).map(tuple),
    st.booleans(),
)
AUTHORS = st.one_of(
    st.builds(
        Author, st.sampled_from(["Smith", "Smithson", "O'Neil", "Müller-Li"]), st.just(""), st.sampled_from(["", "J", "JA"])
    ),
    st.builds(Author, collective_name=st.sampled_from(["The κ-Team", "Heart Attack Group"])),
)
ROWS = st.fixed_dictionaries(
    {
        "title": TEXTS,
        "abstract": TEXTS,
        "year": st.sampled_from([None, 1999, 2005, 2024]),
        "keywords": st.lists(st.sampled_from(PHRASES), max_size=3).map(tuple),
        "publication_types": st.lists(st.sampled_from(["Review", *RETRACTED]), max_size=2).map(tuple),
        "languages": st.lists(st.sampled_from(["eng", "fre"]), max_size=1).map(tuple),
        "journal": st.sampled_from(["", "Heart", "Heart (B. Ed.)"]),
        "doi": st.sampled_from(["", "10.1/(a)", "10.1/A.B", "10.1/axb", "10.1/<x>&~#@"]),
        "mesh": st.lists(HEADINGS, max_size=2).map(tuple),
        "authors": st.lists(AUTHORS, max_size=2).map(tuple),
    }
)
CORPORA = st.dictionaries(st.integers(1, 300), ROWS, max_size=25).map(
    lambda rows: [article(pmid, **rows[pmid]) for pmid in sorted(rows)]
)
VALUES = [
    *NAMES,
    "asth",
    "heart",
    "heart (b",
    "smith",
    "smith j",
    "o",
    "",
    "10.1/a",
    "10.1/(",
    "10.1/<x>&~#@",
    "review",
    "eng",
    "the a",
]
LEAVES = st.one_of(
    st.builds(
        lambda field, text, prefix: Term(field, normalised(field, text), prefix),
        st.sampled_from([field for field in TermField if field is not TermField.PMID]),
        st.sampled_from(VALUES),
        st.booleans(),
    ),
    st.builds(
        Words, st.sampled_from(TextField), st.sampled_from([*PHRASES, "att", "heart a", "?", "c", "Smith J"]), st.booleans()
    ),
    st.builds(Term, st.just(TermField.PMID), st.integers(0, 300).map(str)),
    st.builds(Years, st.none() | st.integers(1990, 2030), st.none() | st.integers(1990, 2030)),
    st.builds(Flagged, st.sampled_from([Flag.RETRACTED, Flag.TITLE_ONLY])),
)
TREES = trees(LEAVES)


@settings(max_examples=40, deadline=None)
@given(articles=CORPORA, conditions=st.lists(TREES, min_size=5, max_size=15), hits_at_once=st.sampled_from([7, 1000]))
def test_both_legs_select_the_same(articles: list[Article], conditions: list[Condition], hits_at_once: int) -> None:
    with tempfile.TemporaryDirectory() as folder, indexed(Path(folder), articles, hits_at_once) as index:
        with ColumnsWriter(Path(folder) / "columns") as writer:
            writer.append(articles)
        columns = Columns.open(Path(folder) / "columns")
        for condition in conditions:
            expected = [one.pmid for one in articles if meets(one, condition)]
            assert found(index, condition) == expected
            assert columns.select(condition, index.pmids_of).pmids().tolist() == expected


def test_leaves_are_asked_for_by_the_columns(index: LexicalIndex) -> None:
    leaf = Words(TextField.TITLE, "attack")
    assert index.pmids_of(leaf).tolist() == [11, 22]
    assert index.pmids_of(leaf).dtype == np.int64
    assert index.pmids_of(Words(TextField.TITLE, "none")).dtype == np.int64

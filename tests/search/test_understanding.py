"""What is made of a text: looked up, filtered, ranked, and what is said of it."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_index import build_rows, open_files

from search.article import Flag
from search.condition import And, Flagged, Not, Or, Term, TermField, TextField, Words, Years
from search.errors import QueryError
from search.filters import Filters
from search.mesh_tree import MeshTree
from search.open_generation import OpenGeneration
from search.results import Abbreviation, Suggestion, Understanding
from search.understanding import Request, both, read_text, readable

TREE = MeshTree.of(
    [
        ("Lung Diseases", "C08.381"),
        ("Asthma", "C08.381.495"),
        ("Status Asthmaticus", "C08.381.495.1"),
        ("Review", "V02.600"),
        ("Systematic Review", "V02.600.500"),
    ]
)
DOI = "10.1016/S0140-6736(05)71083-7"
COPD = "chronic obstructive pulmonary disease"
ROWS = [
    {"pmid": 11, "title": f"On {COPD} (COPD)", "doi": DOI, "mesh": ["Asthma"]},
    {"pmid": 12, "title": f"More on {COPD} (COPD)", "authors": ["Smith JA"]},
    {"pmid": 1050, "title": "The year 2019"},
]
ASTHMA = Term(TermField.MESH, "asthma")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenGeneration]:
    with open_files(build_rows(tmp_path_factory.mktemp("understanding"), ROWS)) as opened:
        yield opened


def read(files: OpenGeneration, text: str, filters: Filters | None = None, tree: MeshTree | None = None) -> Request:
    return read_text(text, filters or Filters(), files, tree)


def test_free_text_is_a_question_and_no_filter(files: OpenGeneration) -> None:
    request = read(files, "does it help in lung disease")
    assert request == Request(Understanding("does it help in lung disease"), None)
    assert request.question_in_full == "does it help in lung disease"


@pytest.mark.parametrize(
    "text", ["11", "011", " 11 ", "PMID 11", "pmid:11", "PMID: 11", "https://pubmed.ncbi.nlm.nih.gov/11/", "11[pmid]"]
)
def test_a_pmid_is_looked_up(files: OpenGeneration, text: str) -> None:
    request = read(files, text)
    if text == "11[pmid]":
        assert (request.found, request.question, request.condition) == (None, "", Term(TermField.PMID, "11"))
    else:
        assert request == Request(Understanding("", filter="11[pmid]"), Term(TermField.PMID, "11"), (11,))


@pytest.mark.parametrize(
    "text", [DOI, DOI.lower(), f"doi:{DOI}", f"DOI {DOI}", f"https://doi.org/{DOI}", f"http://dx.doi.org/{DOI}"]
)
def test_a_doi_is_looked_up(files: OpenGeneration, text: str) -> None:
    assert read(files, text).found == (11,)


def test_what_is_looked_up_and_not_there_is_said_and_asked_as_words(files: OpenGeneration) -> None:
    for text, said in (
        ("99999999", "No article of this index is 99999999[pmid]: it was searched for as words."),
        ("10.1000/none", "No article of this index is 10.1000/none[doi]: it was searched for as words."),
    ):
        request = read(files, text)
        assert (request.found, request.condition, request.question) == (None, None, text)
        assert request.understanding.notes == (said,)


def test_a_year_is_a_pmid_only_where_there_is_one(files: OpenGeneration) -> None:
    assert read(files, "1050").found == (1050,)
    assert read(files, "2019").question == "2019"


def test_a_lookup_is_not_filtered(files: OpenGeneration) -> None:
    assert read(files, "11", Filters(year_from=2020)).found == (11,)


def test_syntax_filters_beside_the_question(files: OpenGeneration) -> None:
    request = read(files, "asthma[mh] NOT review[pt] 2019:2024[dp] does it help")
    assert request.question == "does it help"
    assert request.understanding.filter == "asthma[mh] NOT review[pt] AND 2019:2024[dp]"
    assert request.condition == And((ASTHMA, Not(Term(TermField.PUBLICATION_TYPE, "review")), Years(2019, 2024)))


def test_filters_and_syntax_are_both_met_and_only_the_syntax_is_described(files: OpenGeneration) -> None:
    request = read(files, "asthma[mh] lung", Filters(year_from=2019, has_abstract=True))
    filters = And((Years(2019, None), Not(Flagged(Flag.TITLE_ONLY))))
    assert request.condition == And((filters, ASTHMA))
    assert request.understanding.filter == "asthma[mh]"


def test_filters_alone(files: OpenGeneration) -> None:
    request = read(files, "lung", Filters(year_to=2019))
    assert (request.condition, request.understanding.filter) == (And((Years(None, 2019),)), "")


def test_only_a_filter_leaves_no_question(files: OpenGeneration) -> None:
    assert read(files, "smith j[au]").question == ""
    assert read(files, "2019[dp] AND hasabstract").question == ""


def test_a_topic_is_also_a_question(files: OpenGeneration) -> None:
    request = read(files, '"lung diseases"[mh] AND cough[tiab]')
    assert request.question == "lung diseases cough"
    assert request.condition == And((Term(TermField.MESH, "lung diseases"), Words(TextField.TITLE_ABSTRACT, "cough")))


def test_headings_without_a_tree_say_so(files: OpenGeneration) -> None:
    said = "Searched without narrower headings: asthma, lung diseases. With NLM's MeSH file (--mesh-tree) they are found, too."
    assert read(files, "asthma[mh] OR lung diseases[mh]").understanding.notes == (said,)
    assert read(files, "smith j[au]").understanding.notes == ()


def test_headings_with_a_tree_take_the_narrower_ones_in(files: OpenGeneration) -> None:
    request = read(files, "asthma[mh]", tree=TREE)
    assert request.understanding.notes == ("asthma was searched with 1 narrower heading.",)
    assert request.understanding.filter == "asthma[mh]"
    assert request.condition == Or((ASTHMA, Term(TermField.MESH, "status asthmaticus")))
    assert read(files, "status asthmaticus[mh]", tree=TREE).understanding.notes == ()


def test_abbreviations_are_added_in_full_for_the_encoder(files: OpenGeneration) -> None:
    request = read(files, "Exercise in COPD")
    assert request.question == "Exercise in COPD"
    assert request.question_in_full == f"Exercise in COPD ({COPD})"
    assert request.understanding.abbreviations == (Abbreviation("COPD", COPD, asked_short=True),)


@pytest.mark.parametrize("text", ["copd AND exacerbation", "copd NOT smith j[au]", "asthma[mh] AND copd", "copd[ti]"])
def test_words_that_filter_are_asked_in_one_form(files: OpenGeneration, text: str) -> None:
    request = read(files, text)
    assert request.understanding.abbreviations == ()
    assert request.question_in_full == request.question


@pytest.mark.parametrize(
    ("filters", "notes"),
    [
        (Filters(mesh=("lung diseases.",)), ["lung diseases. was searched with 2 narrower headings."]),
        (Filters(mesh=("Asthma/drug therapy", "Asthma")), ["Asthma was searched with 1 narrower heading."]),
        (Filters(publication_types=("Review",)), ["Review was searched with 1 narrower heading."]),
        (Filters(mesh=("Asthma*", "Status Asthmaticus"), journals=("Asthma",)), []),
    ],
)
def test_filters_say_which_narrower_headings_they_took_in(files: OpenGeneration, filters: Filters, notes: list[str]) -> None:
    assert list(read(files, "lung", filters, TREE).understanding.notes) == notes


def test_only_the_question_is_spelt_and_spoken_out(files: OpenGeneration) -> None:
    request = read(files, "smith j[au] chronik copd")
    assert request.understanding.suggestions == (Suggestion("chronik", "chronic"),)
    assert [one.added for one in request.understanding.abbreviations] == [COPD]
    assert read(files, "lung NOT (chronik COPD)").understanding.suggestions == ()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (None, None, None),
        (And(()), None, None),
        (And(()), And(()), None),
        (ASTHMA, None, ASTHMA),
        (And(()), ASTHMA, ASTHMA),
        (ASTHMA, Years(2019, None), And((ASTHMA, Years(2019, None)))),
    ],
)
def test_two_conditions_as_one(first: And | None, second: And | None, expected: And | None) -> None:
    assert both(first, second) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("  asthma\n", "asthma"), ("na\udcffve", "na?ve"), ("\ud800", "?"), ("", ""), ("β", "β"), ("\U0001f600", "\U0001f600")],
)
def test_texts_that_utf_8_can_hold(text: str, expected: str) -> None:
    assert readable(text) == expected


WORDS = [
    "asthma",
    "COPD",
    "the",
    "smith j",
    "11",
    "2019",
    "10.1016/x",
    "hasabstract",
    "IL-6",
    "a*",
    "asth*",
    "β",
    "日本語",
    "😀",
]
SYNTAX = [
    "AND",
    "OR",
    "NOT",
    "(",
    ")",
    '"',
    "“",
    ":",
    "*",
    "[mh]",
    "[tiab]",
    "[au]",
    "[dp]",
    "[pmid]",
    "[doi]",
    "[xyz]",
    "[text]",
]
SIGNS = [
    "[]",
    "[ ]",
    "/",
    "\\",
    "'",
    "~",
    "^",
    "-",
    "—",
    "%",
    "{",
    "}",
    "İ",
    "ﬁ",
    "\x00",
    "\ud800",
    "e\u0301",
    "\u200b",
    "\u202e",
]


@given(st.lists(st.sampled_from(WORDS + SYNTAX + SIGNS), max_size=10).map(" ".join))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_odd_texts_are_read_or_refused_in_a_sentence(files: OpenGeneration, text: str) -> None:
    for tree in (None, TREE):
        try:
            request = read(files, readable(text), tree=tree)
        except QueryError as error:
            assert str(error)  # noqa: PT017
        else:
            assert isinstance(request.question_in_full, str)


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_or_refused_in_a_sentence(files: OpenGeneration, text: str) -> None:
    try:
        read(files, readable(text))
    except QueryError as error:
        assert str(error)  # noqa: PT017

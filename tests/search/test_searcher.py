"""The searcher on an index whose vectors can be worked out on paper: histograms of word lengths."""

import gc
import json
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from conftest import BuildToy
from toy import article, load_toy
from toy_index import build_rows

from search import Filters, Mode, Searcher
from search.article import Article, Flag
from search.command import hits
from search.errors import BrokenIndex, IndexVersion, NoIndex, QueryError
from search.manifest import FORMAT_VERSION
from search.results import Sentence, Sort

RETRACTED = ("Retracted Publication",)
ARTICLES = [
    article(11, "a a a", year=2000),  # histogram (3, 0, 0): only one-letter words
    article(12, "a a bb", year=2005),
    article(13, "a bb bb", year=2010),
    article(14, "bb bb bb", "ccc", year=2015),
    article(15, "a a a", year=2016, publication_types=RETRACTED),
    article(16, "ccc ccc"),
]
DOI = "10.1016/S0140-6736(05)71083-7"
COPD = "chronic obstructive pulmonary disease"
# What filters look at, and words for the lexical leg.
ROWS = [
    {
        "pmid": 101,
        "title": "Asthma in children",
        "abstract": "Asthma is common. Vitamin D helps in asthma of children.",
        "year": 2010,
        "journal": "The Lancet",
        "authors": ["Smith JA", "Jones B"],
        "mesh": ["*Asthma/drug therapy", "Child"],
        "publication_types": ["Review"],
        "languages": ["eng"],
        "doi": DOI,
    },
    {
        "pmid": 102,
        "title": "Statins and muscle pain",
        "abstract": "Muscle pain under statins. Asthma was no reason to stop.",
        "year": 2015,
        "journal": "Chest",
        "authors": ["Smithson J"],
        "mesh": ["Asthma/etiology", "Muscles"],
        "publication_types": ["Randomized Controlled Trial"],
        "languages": ["ger"],
    },
    {"pmid": 103, "title": "Asthma", "year": 2020, "journal": "Chest", "authors": ["Smith J"], "languages": ["fre"]},
    {"pmid": 104, "title": "Asthma, withdrawn", "year": 2021, "authors": ["Smith J"], "publication_types": [*RETRACTED]},
    {"pmid": 105, "title": "Statins", "abstract": "Nothing but statins.", "authors": ["Jones B"], "mesh": ["Muscles"]},
    {"pmid": 106, "title": f"Smoking and {COPD} (COPD)", "abstract": "Smokers stop."},
    {"pmid": 107, "title": f"Exercise in {COPD} (COPD)", "abstract": "IL-6 fell."},
]


@pytest.fixture
def searcher(build_toy: BuildToy, tmp_path: Path) -> Iterator[Searcher]:
    build_toy(ARTICLES)
    with Searcher.open(tmp_path / "index", load=load_toy) as opened:
        yield opened


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_rows(tmp_path_factory.mktemp("rows"), ROWS)


@pytest.fixture(scope="module")
def library(index: Path) -> Iterator[Searcher]:
    with Searcher.open(index, load=load_toy) as opened:
        yield opened


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    """Many articles, more than a leg's depth, of a few words; one in thirty is retracted."""
    words = ["asthma", "statin", "a", "bb", "ccc", "lung", "heart"]
    rows = [
        {
            "pmid": number,
            "title": " ".join(words[(number * step) % 7] for step in (1, 2, 5)),
            "abstract": " ".join(words[(number // step) % 7] for step in range(2, 2 + number % 9)),
            "year": 1990 + number % 30,
            "mesh": ["Asthma"] if number % 2 else [],
            "publication_types": list(RETRACTED) if number % 30 == 0 else [],
        }
        for number in range(1, 1501)
    ]
    with Searcher.open(build_rows(tmp_path_factory.mktemp("crowd"), rows), load=load_toy) as opened:
        yield opened


def ids(results: object) -> list[int]:
    return [hit.pmid for hit in results]  # type: ignore[attr-defined]


def test_by_meaning_ids_and_scores_are_exact(searcher: Searcher) -> None:
    results = searcher.search("x", k=3, mode="dense")
    assert [(hit.rank, hit.pmid) for hit in results] == [(1, 11), (2, 12), (3, 13)]
    # Cosine of (1, 0) with (3, 0), (2, 1) and (1, 2).
    assert [hit.score for hit in results] == pytest.approx([1, 2 / math.sqrt(5), 1 / math.sqrt(5)])
    assert results[0].article.title == "a a a"
    assert [hit.why.dense_rank for hit in results] == [1, 2, 3]
    assert [hit.why.similarity for hit in results] == [hit.score for hit in results]
    assert results[0].why.lexical_rank is results[0].why.lexical_score is None


def test_by_words_only_what_holds_them_is_found(library: Searcher) -> None:
    results = library.search("muscle pain", mode="lexical")
    # 105 has the heading "Muscles", and no pain.
    assert ids(results) == [102, 105]
    assert [hit.why.lexical_rank for hit in results] == [1, 2]
    assert [hit.why.lexical_score for hit in results] == [hit.score for hit in results]
    assert results[0].why.dense_rank is results[0].why.similarity is None
    assert ids(library.search("asthma vitamin", mode="lexical"))[0] == 101


def test_by_words_no_encoder_is_needed(index: Path) -> None:
    def gone(_name: str) -> None:
        raise AssertionError

    with Searcher.open(index, load=gone) as opened:  # type: ignore[arg-type]
        assert ids(opened.search("statins", mode="lexical", explain=3)) == [105, 102]
        assert ids(opened.search("smith j[au]")) == [103, 101]
        assert ids(opened.search("101")) == [101]
        assert ids(opened.similar([103], k=1)) == [102]


def test_hybrid_is_the_default_and_ranks_by_both(library: Searcher) -> None:
    results = library.search("asthma")
    assert results.mode is Mode.HYBRID
    # 103 is "Asthma" and nothing else; 101 has the word most often; 105 and others do not have it.
    why = {hit.pmid: hit.why for hit in results}
    assert [(why[pmid].dense_rank, why[pmid].lexical_rank) for pmid in (103, 101, 105)] == [(1, 3), (3, 1), (6, None)]
    assert set(ids(results)[:3]) == {101, 102, 103}
    assert [hit.score for hit in results] == sorted((hit.score for hit in results), reverse=True)


def test_hybrid_without_a_word_to_look_for_goes_by_meaning(searcher: Searcher) -> None:
    assert ids(searcher.search("a", k=2)) == [11, 12]


@pytest.mark.parametrize("question", ["the and of", "?!", "—"])
def test_by_words_without_a_word(library: Searcher, question: str) -> None:
    with pytest.raises(QueryError, match=r"has no word that could be looked for\. Use --mode hybrid, or other words\."):
        library.search(question, mode="lexical")


FILTERS = [
    Filters(),
    Filters(year_from=2000, year_to=2010),
    Filters(mesh=("asthma",)),
    Filters(has_abstract=True),
    Filters(include_retracted=True),
    Filters(year_from=2019, mesh=("asthma",), include_retracted=True),
]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_ranking_does_not_depend_on_k(crowd: Searcher, mode: Mode, filters: Filters) -> None:
    for question in ("asthma lung", "statin", "heart ccc[tiab]"):
        for options in ({}, {"unlike": [1, 2]}):
            everything = crowd.search(question, 1000, filters, mode, **options)  # type: ignore[arg-type]
            few = crowd.search(question, 10, filters, mode, **options)  # type: ignore[arg-type]
            assert [(hit.pmid, hit.score, hit.why) for hit in everything[:10]] == [
                (hit.pmid, hit.score, hit.why) for hit in few
            ]
            assert len(few) == min(10, len(everything)) > 0
            page = crowd.search(question, 10, filters, mode, skip=5, **options)  # type: ignore[arg-type]
            assert page.hits == everything[5:15]
            assert list(page.ranked) == [hit.pmid for hit in everything]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_a_filter_leaves_exactly_what_meets_it(crowd: Searcher, mode: Mode, filters: Filters) -> None:
    for hit in crowd.search("asthma statin lung heart ccc bb", 1000, filters, mode):
        year, headings = hit.article.year or 0, [heading.descriptor for heading in hit.article.mesh]
        assert (filters.year_from or 0) <= year <= (filters.year_to or 9999)
        assert not filters.mesh or headings == ["Asthma"]
        assert hit.article.abstract or not filters.has_abstract
        assert filters.include_retracted or Flag.RETRACTED not in hit.article.flags


@pytest.mark.parametrize("mode", Mode)
def test_a_thousand_are_there_although_some_are_hidden(crowd: Searcher, mode: Mode) -> None:
    results = crowd.search("asthma statin lung heart ccc bb", 1000, mode=mode)
    assert len(results) == 1000
    assert 0 < results.hidden_retracted < 1000


def test_years_are_filtered_before_the_cut(searcher: Searcher) -> None:
    assert ids(searcher.search("x", k=1, filters=Filters(year_from=2010), mode="dense")) == [13]
    assert ids(searcher.search("x", k=9, filters=Filters(year_from=2005, year_to=2010), mode="dense")) == [12, 13]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(journals=("lancet",)), {101}),
        (Filters(journals=("Chest", "The Lancet")), {101, 102, 103}),
        (Filters(mesh=("asthma",)), {101, 102}),
        (Filters(mesh=("Asthma/drug therapy",)), {101}),
        (Filters(mesh=("Asthma / Etiology", "Child")), {101, 102}),
        (Filters(mesh=("asth*",)), {101, 102}),
        (Filters(publication_types=("review",)), {101}),
        (Filters(authors=("smith j",)), {101, 103}),
        (Filters(authors=("Smith JA",)), {101}),
        (Filters(authors=("smith",)), {101, 103}),
        (Filters(authors=("smith*",)), {101, 102, 103}),
        (Filters(languages=("german",)), {102}),
        (Filters(languages=("en", "fre")), {101, 103}),
        (Filters(year_from=2015), {102, 103}),
        (Filters(has_abstract=True), {101, 102}),
        (Filters(journals=("Chest",), has_abstract=True, year_to=2015), {102}),
        (Filters(include_retracted=True), {101, 102, 103, 104}),
        (Filters(authors=("Smith J",), include_retracted=True), {101, 103, 104}),
        (Filters(journals=("Nowhere",)), set()),
        (Filters(year_from=1900, year_to=1901), set()),
    ],
    ids=str,
)
def test_filters_of_every_kind(library: Searcher, mode: Mode, filters: Filters, expected: set[int]) -> None:
    results = library.search("asthma", filters=filters, mode=mode)
    # The dense leg finds everything that passes, the lexical one only what has the word.
    assert {pmid for pmid in ids(results) if pmid <= 104} == expected
    assert results.filters == filters
    if not expected:
        assert (len(results), results.hidden_retracted) == (0, 0)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asthma[mh] asthma", {101, 102}),
        ("asthma/drug therapy[mh] AND asthma[tiab]", {101}),
        ("asthma[majr] asthma", {101}),
        ("asthma[tiab] NOT review[pt]", {102, 103}),
        ("(lancet[ta] OR chest[ta]) AND 2010:2015[dp] AND asthma[tiab]", {101, 102}),
        ('"muscle pain"[tiab] asthma', {102}),
        ("asthma NOT children", {102, 103}),
        ("asthma AND hasabstract", {101, 102}),
        ("ger[la] asthma", {102}),
        ("nothing[mh] asthma", set()),
    ],
)
def test_pubmed_s_syntax_filters(library: Searcher, mode: Mode, text: str, expected: set[int]) -> None:
    assert set(ids(library.search(text, mode=mode))) == expected


def test_syntax_and_filters_are_both_met(library: Searcher) -> None:
    results = library.search("asthma[mh] asthma", filters=Filters(languages=("ger",)))
    assert ids(results) == [102]
    assert results.understood.question == "asthma"
    assert results.understood.filter == "asthma[mh]"


def test_only_a_filter_gives_the_newest_first(library: Searcher) -> None:
    results = library.search("smith j[au]")
    assert [(hit.pmid, hit.score) for hit in results] == [(103, 0), (101, 0)]
    assert results.hidden_retracted == 1
    assert (results.understood.question, results.understood.filter) == ("", "smith j[au]")
    assert ids(library.search("smith j[au]", filters=Filters(include_retracted=True))) == [104, 103, 101]
    assert ids(library.search("smith j[au]", filters=Filters(year_to=2015))) == [101]
    assert ids(library.search("smith j[au]", unlike=[103])) == [101]
    assert ids(library.search("nobody x[au]")) == []


@pytest.mark.parametrize(
    "text", ["101", "pmid 101", "https://pubmed.ncbi.nlm.nih.gov/101/", DOI, f"https://doi.org/{DOI.lower()}"]
)
@pytest.mark.parametrize("mode", Mode)
def test_what_is_named_is_found_where_the_filters_let_it(library: Searcher, text: str, mode: Mode) -> None:
    results = library.search(text, filters=Filters(has_abstract=True), mode=mode, explain=3)
    assert ids(results) == [101]
    assert results.understood.notes == ()
    assert ids(library.search(text, filters=Filters(year_from=2020), mode=mode)) == []
    assert ids(library.search(text, unlike=[101], mode=mode)) == []


def test_a_retracted_article_that_is_named_is_shown(library: Searcher) -> None:
    results = library.search("104")
    assert (ids(results), results.hidden_retracted) == ([104], 0)


@pytest.mark.parametrize("text", ["99999999", "10.1000/none"])
def test_what_is_named_and_not_there_is_searched_as_words(library: Searcher, text: str) -> None:
    results = library.search(text, k=2)
    assert len(results) == 2
    assert [note.endswith("it was searched for as words.") for note in results.understood.notes] == [True]


def test_an_abbreviation_finds_both_forms(library: Searcher) -> None:
    results = library.search("copd", mode="lexical")
    assert set(ids(results)) == {106, 107}
    assert results.understood.abbreviations[0].long == COPD
    assert "obstructive" in results[0].why.words


def test_a_misspelt_word_is_only_said(library: Searcher) -> None:
    results = library.search("asthmma statins", mode="lexical")
    assert [(one.word, one.instead) for one in results.understood.suggestions] == [("asthmma", "asthma")]
    assert ids(results) == [105, 102]


def test_retracted_articles_are_hidden_counted_and_shown_on_demand(searcher: Searcher) -> None:
    hidden = searcher.search("x", k=2, mode="dense")
    assert (ids(hidden), hidden.hidden_retracted) == ([11, 12], 1)
    shown = searcher.search("x", k=2, filters=Filters(include_retracted=True), mode="dense")
    assert (ids(shown), shown.hidden_retracted) == ([15, 11], 0)
    assert Flag.RETRACTED in shown[0].article.flags


@pytest.mark.parametrize("mode", Mode)
def test_retracted_articles_are_hidden_in_every_mode(library: Searcher, mode: Mode) -> None:
    hidden = library.search("asthma withdrawn", mode=mode)
    assert 104 not in ids(hidden)
    assert hidden.hidden_retracted == 1
    shown = library.search("asthma withdrawn", filters=Filters(include_retracted=True), mode=mode)
    assert (104 in ids(shown), shown.hidden_retracted) == (True, 0)


def test_as_many_are_hidden_as_would_be_shown(build_toy: BuildToy, tmp_path: Path) -> None:
    # Three retracted ones lie between the first and the second hit, and only one of them would be among the first two.
    near = [article(20 + number, "a a a bb", publication_types=RETRACTED) for number in range(3)]
    build_toy([article(11, "a a a"), *near, article(12, "a a bb")])
    with Searcher.open(tmp_path / "index", load=load_toy) as searcher:
        hidden = searcher.search("x", k=2, mode="dense")
        shown = searcher.search("x", k=2, filters=Filters(include_retracted=True), mode="dense")
    assert (ids(hidden), hidden.hidden_retracted) == ([11, 12], 1)
    assert ids(shown) == [11, 22]


def test_a_retracted_article_below_the_last_hit_is_not_counted(searcher: Searcher) -> None:
    assert searcher.search("ccc", k=1, mode="dense").hidden_retracted == 0


def test_no_hits_is_an_answer(searcher: Searcher) -> None:
    results = searcher.search("x", filters=Filters(year_from=1900, year_to=1901))
    assert (len(results), results.hidden_retracted) == (0, 0)


@pytest.mark.parametrize("mode", Mode)
def test_unlike_leaves_out_and_moves_away(library: Searcher, mode: Mode) -> None:
    assert 103 in ids(library.search("asthma", mode=mode))
    assert 103 not in ids(library.search("asthma", mode=mode, unlike=[103]))
    with pytest.raises(QueryError, match="PMID 99 is not in this index"):
        library.search("asthma", mode=mode, unlike=[99])


def test_unlike_turns_the_question(searcher: Searcher) -> None:
    # 13 is (1, 2), nearest to (1, 1); away from 14, (0, 3, 1), one-letter words count for more.
    assert ids(searcher.search("x yy", k=1, mode="dense")) == [13]
    assert ids(searcher.search("x yy", k=1, mode="dense", unlike=[14])) == [12]


def test_newest_first(library: Searcher) -> None:
    by_date = library.search("asthma", sort=Sort.DATE)
    years = [hit.article.year or 0 for hit in by_date]
    assert years == sorted(years, reverse=True)
    assert ids(by_date)[:3] == [103, 102, 101]
    assert [hit.rank for hit in by_date] == list(range(1, len(by_date) + 1))
    assert set(ids(by_date)) == set(ids(library.search("asthma")))
    # Where years are equal or unknown, the newest PMID is first.
    assert ids(by_date)[3:] == [107, 106, 105]


class Judge:
    """A cross-encoder that likes small PMIDs, and knows which articles it was given."""

    depth = 3

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[int]]] = []

    def scores(self, query: str, articles: Sequence[Article]) -> npt.NDArray[np.float32]:
        self.asked.append((query, [one.pmid for one in articles]))
        return np.array([-one.pmid for one in articles], np.float32)


def test_a_cross_encoder_orders_the_first_anew(library: Searcher) -> None:
    judge, before = Judge(), ids(library.search("asthma[tiab] asthma in COPD"))
    after = library.search("asthma[tiab] asthma in COPD", rerank=judge)
    assert ids(after) == sorted(before[:3]) + before[3:]
    assert [hit.why.rerank_score for hit in after] == [-hit.pmid for hit in after[:3]] + [None] * (len(after) - 3)
    assert judge.asked == [("asthma in COPD", before[:3])]


@pytest.mark.parametrize(("k", "skip"), [(0, 0), (1001, 0), (1, 1000), (10, 991), (1, -1)])
def test_hits_beyond_a_thousand_are_refused(library: Searcher, k: int, skip: int) -> None:
    with pytest.raises(QueryError, match="1,000"):
        library.search("asthma", k, skip=skip)


def test_similar_articles_come_in_pages(crowd: Searcher) -> None:
    everything = crowd.similar([1], k=1000)
    assert crowd.similar([1], k=3, skip=4).hits == everything[4:7]
    assert list(everything.ranked) == [hit.pmid for hit in everything]


def test_a_cross_encoder_s_order_does_not_depend_on_k(crowd: Searcher) -> None:
    many, few = (crowd.search("asthma lung", k, rerank=Judge()) for k in (1000, 2))
    assert ids(many)[:2] == ids(few)
    assert [hit.why.rerank_score for hit in few] == [-hit.pmid for hit in few]


def test_what_has_no_question_is_not_judged(library: Searcher) -> None:
    judge = Judge()
    assert ids(library.search("smith j[au]", rerank=judge)) == [103, 101]
    assert judge.asked == []


def test_every_hit_has_its_words_and_the_sentence_that_holds_most_of_them(library: Searcher) -> None:
    why = library.search("vitamin for asthma in children", k=1)[0].why
    assert why.words == ("asthma", "children", "vitamin")
    assert why.sentence == Sentence("Vitamin D helps in asthma of children.", marks=((0, 7), (19, 25), (29, 37)))
    assert why.nearest is None


def test_the_first_hits_are_explained_by_meaning(searcher: Searcher) -> None:
    results = searcher.search("ccc", k=3, mode="dense", explain=2)
    assert [hit.why.nearest is not None for hit in results] == [True, True, False]
    # The title has the word, and there is no other sentence.
    assert results[0].why.nearest == Sentence("ccc ccc", "title", marks=((0, 3), (4, 7)), similarity=1.0)


def test_of_all_sentences_or_of_those_that_hold_most_words(build_toy: BuildToy, tmp_path: Path) -> None:
    # "ddd" is as long as "ccc", so it is the nearest in meaning; the others hold the question's word.
    build_toy([article(11, "x", "Ccc eeeee eeeee. Ccc eeeee. Ccc eeeee eeeee ffff. Ddd.")])
    with Searcher.open(tmp_path / "index", load=load_toy) as opened:
        few = opened.search("ccc", explain=1)[0].why.nearest
        whole = opened.search("ccc", explain=1, whole=True)[0].why.nearest
        assert few is not None
        assert few.text == "Ccc eeeee."
        assert whole is not None
        # Four letters with its full stop: the toy counts them.
        assert whole.similarity is not None
        assert few.similarity is not None
        assert whole.similarity >= few.similarity


def test_the_nearest_sentence_of_an_article(searcher: Searcher) -> None:
    one = article(1, "ccc", "a bb. Ccc dd ee. Bb a ccc.")
    found = searcher.nearest_sentence("xxx", one)
    assert found is not None
    assert found.text == "Bb a ccc." or found.similarity is not None
    assert searcher.nearest_sentence("xxx", article(1, "ccc")) is None


def test_similar_leaves_out_what_it_was_given(searcher: Searcher) -> None:
    assert ids(searcher.similar([11], k=2)) == [12, 13]
    assert ids(searcher.similar([11, 12], k=1)) == [13]
    assert searcher.similar([11], k=2)[0].why.similarity == pytest.approx(2 / math.sqrt(5))


def test_similarity_to_several_is_a_cosine(searcher: Searcher) -> None:
    first, second = np.array([1, 0]), np.array([1, 2]) / math.sqrt(5)
    middle = (first + second) / np.linalg.norm(first + second)
    found = searcher.similar([11, 13], k=1)
    assert ids(found) == [12]
    assert found[0].score == pytest.approx(float(middle @ np.array([2, 1])) / math.sqrt(5))


def test_unlike_moves_away(searcher: Searcher) -> None:
    # 13 is (1, 2); away from 14, (0, 3, 1), the one-letter words count for more.
    assert ids(searcher.similar([13], unlike=[14], k=1)) == [12]


def test_similar_to_a_text(searcher: Searcher) -> None:
    results = searcher.similar([], text="x x yy", k=2, explain=1)
    # (2, 1) is 12's own vector, and a text leaves no article out.
    assert ids(results) == [12, 11]
    assert results[0].score == pytest.approx(1)
    assert results.query == "like “x x yy…”"
    assert results[0].why.nearest is not None


def test_similar_to_articles_and_a_text_but_unlike_others(searcher: Searcher) -> None:
    # Half way between (1, 0) and (0, 1), where 12 and 13 are equally near, and then away from (2, 1).
    assert ids(searcher.similar([11], text="yy yy yy", k=3)) == [13, 12, 14]
    assert ids(searcher.similar([11], unlike=[12], text="yy yy yy", k=3)) == [13, 14, 16]
    assert searcher.similar([11], unlike=[12], text="yy").query == "like 11, “yy…” unlike 12"


def test_similar_keeps_filters_and_hides_retracted_articles(searcher: Searcher) -> None:
    hidden = searcher.similar([11], k=2)
    assert (ids(hidden), hidden.hidden_retracted) == ([12, 13], 1)
    assert ids(searcher.similar([11], k=9, filters=Filters(year_to=2005))) == [12]
    assert ids(searcher.similar([11], k=1, filters=Filters(include_retracted=True))) == [15]


@pytest.mark.parametrize("options", [{}, {"text": "asthma lung"}, {"unlike": [9, 10]}])
def test_similar_does_not_depend_on_k(crowd: Searcher, options: dict[str, object]) -> None:
    many, few = (crowd.similar([7, 8], k=k, **options) for k in (1000, 5))  # type: ignore[arg-type]
    assert ids(many)[:5] == ids(few)
    assert not set(ids(many)) & {7, 8, *options.get("unlike", ())}  # type: ignore[misc]


def test_similar_to_nothing(searcher: Searcher) -> None:
    for text in ("", "  ", "\n"):
        with pytest.raises(QueryError, match="Give at least one PMID, or a text"):
            searcher.similar([], text=text)


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_an_empty_question(searcher: Searcher, query: str) -> None:
    with pytest.raises(QueryError, match="The question is empty"):
        searcher.search(query)


@pytest.mark.parametrize("k", [0, -1, 1001])
def test_a_number_of_hits_out_of_range(searcher: Searcher, k: int) -> None:
    with pytest.raises(QueryError, match="from 1 to 1,000"):
        searcher.search("x", k=k)
    with pytest.raises(QueryError, match="from 1 to 1,000"):
        searcher.similar([11], k=k)


def test_a_mode_that_is_none(searcher: Searcher) -> None:
    with pytest.raises(QueryError, match="A search mode is one of dense, lexical, hybrid; found 'fuzzy'"):
        searcher.search("x", mode="fuzzy")


def test_an_order_that_is_none(searcher: Searcher) -> None:
    with pytest.raises(QueryError, match="An order is one of relevance, date; found 'size'"):
        searcher.search("x", sort="size")


def test_faulty_syntax(library: Searcher) -> None:
    with pytest.raises(QueryError, match="Column 12: expected a closing parenthesis"):
        library.search("asthma[mh] (")


def test_a_pmid_that_is_not_in_the_index(searcher: Searcher) -> None:
    with pytest.raises(QueryError, match="PMID 99 is not in this index of 6 articles"):
        searcher.similar([99])


def test_a_number_that_is_no_pmid(searcher: Searcher) -> None:
    with pytest.raises(QueryError, match="at most 8 digits"):
        searcher.similar([2**63])


def test_bytes_that_are_no_text_are_asked_about_all_the_same(library: Searcher) -> None:
    results = library.search("asthma \udcff", mode="lexical")
    assert ids(results) == [101, 102, 103]
    assert results.query == "asthma ?"


def test_json_has_the_contract_s_keys(searcher: Searcher) -> None:
    document = json.loads(json.dumps(searcher.search("x", k=1, explain=1).to_json()))
    assert list(document) == ["query", "mode", "filters", "understood", "took_ms", "hidden_retracted", "index", "results"]
    assert list(document["index"]) == ["articles", "last_file", "updated", "encoder"]
    assert list(document["filters"]) == [field.name for field in fields(Filters)]
    expected = "rank pmid score title abstract authors journal year publication_types mesh doi flags why"
    assert list(document["results"][0]) == expected.split()


def test_threads_get_the_same_answers(library: Searcher) -> None:
    queries = ["asthma", "statins in muscle", "copd", "smith j[au]", "asthma[mh] asthma", "101", "asthmma"]
    filters = [None, Filters(languages=("eng",)), Filters(year_from=2015)]
    expected = {(query, one): library.search(query, filters=one).hits for query in queries for one in filters}
    wrong: list[str] = []

    def ask() -> None:
        for (query, one), found in list(expected.items()) * 3:
            if library.search(query, filters=one).hits != found:
                wrong.append(query)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_else_a_searcher_tells(searcher: Searcher) -> None:
    assert (searcher.summary.articles, searcher.summary.encoder) == (6, "toy")
    assert searcher.corpus_note == ""
    assert searcher.pmids().tolist() == [11, 12, 13, 14, 15, 16]
    assert searcher.load_encoder() is searcher.load_encoder()


def test_a_known_item_is_ranked_as_if_it_had_no_title(searcher: Searcher) -> None:
    vector = load_toy("").encode_query("ccc")
    # 14 would be the nearest to "ccc" but for 16, whose vector is the same and which is newer.
    assert searcher.rank_known_item("ccc", 14, vector, "dense") == 2
    # Behind 16 and, of those that have nothing in common with the question, behind 15, which is newer.
    assert searcher.rank_known_item("ccc", 14, load_toy("").encode_query("x"), "dense") == 3


def test_closing_lets_go_of_the_generation(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    opened = Searcher.open(tmp_path / "index", load=load_toy)
    links = Path(opened._files.lexical._linked.name)
    assert links.is_dir()
    opened.close()
    opened.close()
    assert not links.exists()
    dropped = Searcher.open(tmp_path / "index", load=load_toy)
    links = Path(dropped._files.lexical._linked.name)
    del dropped
    gc.collect()
    assert not links.exists()


def test_the_number_of_hits_on_a_command_line() -> None:
    import argparse

    assert hits("1000") == 1000
    with pytest.raises(argparse.ArgumentTypeError, match="at most 1,000 hits, found 1,001"):
        hits("1001")


def test_a_reader_keeps_its_generation_and_learns_of_a_new_one(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    with Searcher.open(tmp_path / "index", load=load_toy) as before:
        build_toy([article(77, "a")])
        assert not before.is_current()
        assert ids(before.search("x", k=1)) == [11]
        with Searcher.open(tmp_path / "index", load=load_toy) as after:
            assert after.is_current()
            assert ids(after.search("x", k=1)) == [77]


def test_no_index_yet(tmp_path: Path) -> None:
    with pytest.raises(NoIndex, match=r"no index in .*nowhere yet. Run `pubmed-index build"):
        Searcher.open(tmp_path / "nowhere")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir")
    with pytest.raises(NoIndex, match="a folder without an index in it"):
        Searcher.open(tmp_path)


def test_a_build_that_never_finished(tmp_path: Path) -> None:
    (tmp_path / "generations" / "0001.partial").mkdir(parents=True)
    with pytest.raises(NoIndex, match="no build of it was finished"):
        Searcher.open(tmp_path)


def edit_manifest(index: Path, old: str, new: str) -> None:
    path = index / "generations" / "0001" / "manifest.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_another_format_version(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    edit_manifest(tmp_path / "index", f'"format_version": {FORMAT_VERSION}', '"format_version": 99')
    with pytest.raises(IndexVersion, match=f"has index format 99; this version of the project reads format {FORMAT_VERSION}"):
        Searcher.open(tmp_path / "index")


def test_an_altered_manifest(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    edit_manifest(tmp_path / "index", '"retracted": 1', '"retracted": 0')
    with pytest.raises(BrokenIndex, match="does not match its checksum"):
        Searcher.open(tmp_path / "index")


@pytest.mark.parametrize("content", ["", "0009\n", "../../etc\n", "latest"])
def test_a_current_that_names_nothing(build_toy: BuildToy, tmp_path: Path, content: str) -> None:
    build_toy(ARTICLES)
    (tmp_path / "index" / "current").write_text(content)
    with pytest.raises(BrokenIndex, match="Build the index again"):
        Searcher.open(tmp_path / "index")


def files_of(index: Path) -> list[Path]:
    return sorted(path for path in (index / "generations" / "0001").rglob("*") if path.is_file())


def test_every_file_that_is_missing_or_cut_is_noticed_on_opening(build_toy: BuildToy, tmp_path: Path) -> None:
    index = tmp_path / "index"
    build_toy(ARTICLES)
    for path in files_of(index):
        whole = path.read_bytes()
        path.unlink()
        with pytest.raises(BrokenIndex, match="missing"):
            Searcher.open(index)
        path.write_bytes(whole[:-1])
        if whole:
            with pytest.raises(BrokenIndex):
                Searcher.open(index)
        path.write_bytes(whole)
    Searcher.open(index).close()


def test_the_whole_article_comes_back(searcher: Searcher) -> None:
    found = searcher.article(14)
    assert isinstance(found, Article)
    assert found.abstract == "ccc"
    assert searcher.article(999) is None

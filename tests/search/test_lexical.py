"""The lexical index: BM25 by its formula, filters against a slow reference, names before their parts, and damage."""

import contextlib
import itertools
import math
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import article

from search.article import Article, Author, MeshHeading
from search.columns import Columns, ColumnsWriter, Selection
from search.condition import And, Condition, Not, TextField, Words, Years
from search.errors import BrokenIndex, StorageFull
from search.lexical import LexicalIndex, LexicalQuery
from search.lexical_fields import Ranked
from search.lexical_writer import LexicalWriter
from search.scored import Scored

K1, B = 1.2, 0.75


def write(folder: Path, articles: Sequence[Article], *, per_segment: int = 10_000) -> Path:
    with LexicalWriter(folder) as writer:
        for start in range(0, len(articles), per_segment):
            if start:
                writer._writer.commit()
            writer.append(articles[start : start + per_segment])
    return folder


@contextlib.contextmanager
def indexed(folder: Path, articles: Sequence[Article], *, per_segment: int = 10_000) -> Iterator[LexicalIndex]:
    with contextlib.closing(LexicalIndex(write(folder / "lexical", articles, per_segment=per_segment))) as index:
        yield index


def abstracts(*texts: str) -> list[Article]:
    return [article(pmid, "", text) for pmid, text in enumerate(texts, 1)]


def bm25(term: str, one: Article, all_: Sequence[Article]) -> float:
    """Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, with Lucene's idf."""
    words = [other.abstract.split() for other in all_]
    having = sum(term in some for some in words)
    idf = math.log(1 + (len(all_) - having + 0.5) / (having + 0.5))
    mine, mean_length = one.abstract.split(), sum(map(len, words)) / len(all_)
    frequency = mine.count(term)
    return idf * frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * len(mine) / mean_length))


TOPICS = abstracts(
    "statin", "statin muscl", "statin statin pain pain pain", "muscl pain liver", "liver", "heart heart heart heart"
)


@pytest.mark.parametrize("per_segment", [10_000, 2, 1])
def test_scores_are_bm25_in_any_number_of_segments(tmp_path: Path, per_segment: int) -> None:
    weights = {"statin": 1.0, "pain": 0.5, "liver": 2.0}
    expected = {one.pmid: sum(weight * bm25(term, one, TOPICS) for term, weight in weights.items()) for one in TOPICS}
    with indexed(tmp_path, TOPICS, per_segment=per_segment) as index:
        found = index.search(LexicalQuery({Ranked.ABSTRACT: weights}), 10)
    assert found.pmids.tolist() == sorted([1, 2, 3, 4, 5], key=lambda pmid: -expected[pmid])
    assert found.scores.tolist() == pytest.approx([expected[pmid] for pmid in found.pmids.tolist()], rel=1e-6)


def test_fields_are_summed_by_their_weights(tmp_path: Path) -> None:
    with indexed(tmp_path, [article(1, "Statin", "Statin."), article(2, "Other", "Other.")]) as index:
        (title, abstract, both) = (
            index.search(LexicalQuery(words), 10).scores[0]
            for words in (
                {Ranked.TITLE: {"statin": 0.5}},
                {Ranked.ABSTRACT: {"statin": 1.0}},
                {Ranked.TITLE: {"statin": 0.5}, Ranked.ABSTRACT: {"statin": 1.0}},
            )
        )
    # Both fields have one word in either article, so that only the weights tell them apart.
    assert abstract == pytest.approx(math.log(1 + 1.5 / 1.5))
    assert (title, both) == pytest.approx((abstract / 2, abstract * 1.5))


def test_equal_scores_stand_newest_first(tmp_path: Path) -> None:
    with indexed(tmp_path, abstracts(*["statin"] * 30), per_segment=7) as index:
        found = index.search(index.query("statins"), 100)
    assert found.pmids.tolist() == list(range(30, 0, -1))
    assert len(set(found.scores.tolist())) == 1


# Parts of names are frequent words, as they are in PubMed; every abstract has some name or other.
NOISE = [
    f"{first} {second} {number} {other} XR{row}"
    for row, (first, second, number, other) in enumerate(
        itertools.product(("il", "p", "covid"), ("tgf", "brca", "co"), (6, 1, 53, 19), (2, 5, "beta1", "ht2a"))
    )
]
SPELLINGS = [
    (["IL-6", "IL6", "il-6", "IL\N{NON-BREAKING HYPHEN}6"], "IL receptors in 6 patients"),
    (["TGF-β1", "TGF-beta1", "TGFβ1", "TGFbeta1"], "TGF receptors and beta1 blockers"),
    (["5-HT2A", "5HT2A", "5-ht2a"], "HT2A in 5 patients"),
    (["COVID-19", "COVID19", "Covid-19"], "Covid in 19 patients"),
    (["BRCA1", "BRCA-1", "brca1"], "BRCA in 1 patient"),
    (["p53", "P53", "p-53"], "Treatment P in 53 patients"),
    (["CO2", "CO₂"], "CO in 2 patients"),
]


@pytest.mark.parametrize("place", ["title", "abstract"])
@pytest.mark.parametrize(("written", "parts"), SPELLINGS)
def test_names_are_found_whole_and_before_their_parts(tmp_path: Path, written: list[str], parts: str, place: str) -> None:
    texts = [*(f"Serum {one} levels" for one in written), f"Serum {parts}", *NOISE]
    articles = [article(pmid, text) if place == "title" else article(pmid, "", text) for pmid, text in enumerate(texts, 1)]
    names = set(range(1, len(written) + 1))
    with indexed(tmp_path, articles) as index:
        for one in written:
            for question in (one, f"{one} levels", f"what are {one}, levels"):
                found = index.search(index.query(question), 100).pmids.tolist()
                assert set(found[: len(names)]) == names, (question, found)


def test_joined_words_match_their_parts(tmp_path: Path) -> None:
    with indexed(tmp_path, [article(1, "Cost-effectiveness"), article(2, "Cost effectiveness"), article(3, "Other")]) as index:
        for question in ("cost-effectiveness", "cost effectiveness", "Effectiveness and COSTS"):
            assert index.search(index.query(question), 10).pmids.tolist() == [2, 1]


def test_people_and_journals_are_ranked(tmp_path: Path) -> None:
    articles = [
        article(1, "Something", authors=(Author("Müller", "Anna", "A"),)),
        article(2, "Else", journal="Journal of β-Cells"),
        article(3, "Third", mesh=(MeshHeading("Asthma"),)),
        article(4, "Fourth", keywords=("TGF-β1",)),
    ]
    with indexed(tmp_path, articles) as index:
        found = {
            text: index.search(index.query(text), 10).pmids.tolist() for text in ("muller", "β cells", "asthma", "TGFbeta1")
        }
    assert found == {"muller": [1], "β cells": [2], "asthma": [3], "TGFbeta1": [4]}


@pytest.mark.parametrize(
    "text", ["", "the of and", "?!", "\ud800", "\x00\x1f", "\U0001f600", "not with a", "\N{COMBINING ACUTE ACCENT}"]
)
def test_nothing_to_look_for(tmp_path: Path, text: str) -> None:
    with indexed(tmp_path, TOPICS) as index:
        query = index.query(text)
        assert query.is_empty
        assert index.search(query, 10).pmids.tolist() == []
        assert index.wanted(text).stems == index.wanted(text).names == {}


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LexicalIndex]:
    with indexed(tmp_path_factory.mktemp("topics"), TOPICS) as index:
        yield index


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=80), st.text(st.characters(exclude_categories=()), max_size=20))
def test_no_question_is_refused(topics: LexicalIndex, text: str, also: str) -> None:
    query = topics.query(f"statin {text}", [also])
    assert set(topics.search(query, 10).pmids.tolist()) >= {1, 2, 3}
    topics.wanted(text)
    topics.pmids_of(Words(TextField.ALL, text, prefix=True))


def test_a_half_of_a_surrogate_pair_parts_words(topics: LexicalIndex) -> None:
    assert topics.query("statin\ud800muscles") == topics.query("statin muscles")


@pytest.mark.parametrize("unit", ["statin ", "IL-{} ", "word{} ", "a-", "\U0001f600", "\ud800 x"])
def test_long_questions_are_quick(topics: LexicalIndex, unit: str) -> None:
    text = "".join(unit.format(number) for number in range(100_000 // len(unit)))[:100_000]
    started = time.process_time()
    query = topics.query(text)
    topics.search(query, 1000)
    topics.wanted(text)
    assert time.process_time() - started < 3
    assert max(map(len, query.words.values())) <= 32


def test_forms_that_the_question_lacks_weigh_little(topics: LexicalIndex) -> None:
    words = topics.query("liver pain", ["heart statin muscles", "the"]).words[Ranked.ABSTRACT]
    assert words == {"liver": 1.0, "pain": 1.0, **dict.fromkeys(("heart", "statin", "muscl"), 0.5 / 3)}


def test_a_word_that_is_asked_again_counts_for_less_each_time(topics: LexicalIndex) -> None:
    """BM25's own term for it: (k3 + 1) n / (k3 + n), with k3 = 1."""
    words = topics.query("pain pain pain liver liver heart").words[Ranked.ABSTRACT]
    assert words == {"pain": pytest.approx(2 * 3 / 4), "liver": pytest.approx(2 * 2 / 3), "heart": 1.0}


def test_words_that_only_ask_are_not_looked_for(topics: LexicalIndex) -> None:
    asked = topics.query("What does pain have to do with the liver, and how did statins help?").words[Ranked.ABSTRACT]
    assert list(asked) == ["pain", "liver", "statin", "help"]
    # In capitals they are abbreviations: dissolved oxygen.
    assert "do" in topics.query("DO in rivers").words[Ranked.ABSTRACT]


def test_words_and_what_they_are_near_to(topics: LexicalIndex) -> None:
    assert [topics.has_word(word) for word in ("statin", "statins", "zebra", "the")] == [True, True, False, False]
    assert [topics.document_frequency(word) for word in ("statin", "pain", "zebra")] == [3, 2, 0]
    assert sorted(topics.pmids_near("sttain", 1, 10).tolist()) == [1, 2, 3]
    assert topics.pmids_near("zebra", 1, 10).tolist() == []


def corpus(count: int) -> list[Article]:
    """Zipf's words in abstracts of many lengths, so that few scores are equal; years from 1900 to 1999."""
    random_ = random.Random(5)
    words = [f"w{number}" for number in range(60)]
    weights = [1 / (number + 1) for number in range(60)]
    return [
        article(
            3 * pmid,
            "T",
            " ".join(random_.choices(words, weights, k=random_.randint(1, 39))),
            year=1900 + random_.randrange(100),
        )
        for pmid in range(1, count + 1)
    ]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LexicalIndex, Columns]]:
    folder, articles = tmp_path_factory.mktemp("many"), corpus(400)
    with ColumnsWriter(folder / "columns") as writer:
        writer.append(articles)
    with indexed(folder, articles, per_segment=90) as index:
        yield index, Columns.open(folder / "columns")


FILTERS: dict[str, Condition] = {
    "all": Years(1900, 1999),
    "nearly all": Years(1903, 1999),
    "half": Years(1950, None),
    "a word": Words(TextField.ABSTRACT, "w2"),
    "without a word": Not(Words(TextField.ABSTRACT, "w0")),
    "a fifth": Years(1980, None),
    "few": And((Years(1990, 1992), Not(Words(TextField.ABSTRACT, "w1")))),
    "none": Years(2050, None),
}


@pytest.mark.parametrize("depth", [1, 5, 40, 150, 1000])
@pytest.mark.parametrize("text", ["w1", "w0 w3 w40", "w55", "w0 w1 w2 w3 w4 w5 w6 w7", "zebra"])
@pytest.mark.parametrize("name", FILTERS)
def test_filters_equal_the_slow_reference(many: tuple[LexicalIndex, Columns], name: str, text: str, depth: int) -> None:
    index, columns = many
    condition = FILTERS[name]
    passing = columns.select(condition, index.pmids_of)
    query = index.query(text)
    whole = index.search(query, len(index))
    expected = whole.inside(passing)
    score_of = dict(zip(whole.pmids.tolist(), whole.scores.tolist(), strict=True))
    for tree in (condition, None):
        found = index.search(query, depth, passing, tree)
        assert found.scores.tolist() == pytest.approx(expected.scores[:depth].tolist(), rel=1e-5)
        assert found.scores.tolist() == pytest.approx([score_of[pmid] for pmid in found.pmids.tolist()], rel=1e-5)
        assert passing.contains(found.pmids).all()
        assert np.all(np.diff(found.scores) <= 0)
        if len(expected.pmids) <= depth:
            assert set(found.pmids.tolist()) == set(expected.pmids.tolist())


def test_a_filter_that_the_best_do_not_pass(tmp_path: Path) -> None:
    """The filter keeps nearly all articles, but for the first hundred hits."""
    articles = [
        article(pmid, "T", "statin " * (5 if pmid <= 100 else 1), year=2000 if pmid <= 100 else 2020) for pmid in range(1, 401)
    ]
    with indexed(tmp_path, articles) as index:
        passing = selection(range(101, 401), 400)
        for condition in (Years(2020), None):
            found = index.search(index.query("statin"), 20, passing, condition)
            assert len(found.pmids) == 20
            assert found.pmids.min() > 100


def selection(pmids: Sequence[int], largest: int) -> Selection:
    bits = np.zeros((largest // 64 + 1) * 64, np.bool_)
    bits[list(pmids)] = True
    return Selection.of(np.packbits(bits, bitorder="little"))


def test_no_articles(tmp_path: Path) -> None:
    with indexed(tmp_path, []) as index:
        assert len(index) == 0
        assert index.pmids().tolist() == []
        assert index.search(index.query("statin"), 10).pmids.tolist() == []
        assert index.search(index.query("statin"), 10, selection([], 64), Years()).pmids.tolist() == []
        assert not index.has_word("statin")


def test_the_score_of_an_article_without_its_title(tmp_path: Path) -> None:
    filler = abstracts("liver heart", "heart", "pain liver")
    with indexed(tmp_path, [*filler, article(9, "Statin IL-6", "Statin pain.")]) as index:
        query = index.query("statin pain IL-6")
        assert index.score_without_title(index.query("IL-6"), 9) == index.score_without_title(index.query("?"), 9) == 0.0
        assert index.score_without_title(index.query("statin"), 1) == 0.0
        score = index.score_without_title(query, 9)
    (tmp_path / "untitled").mkdir()
    with indexed(tmp_path / "untitled", [*filler, article(9, "", "Statin pain.")]) as index:
        found = index.search(index.query("statin pain IL-6"), 10)
    assert score == pytest.approx(dict(zip(found.pmids.tolist(), found.scores.tolist(), strict=True))[9])


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which open indexes have their links, for this test alone."""
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_nothing_is_left_or_changed_in_the_folder(tmp_path: Path, links: Path) -> None:
    writer = LexicalWriter(tmp_path / "lexical")
    with writer:
        writer.append(TOPICS)
    before = state(tmp_path / "lexical")
    assert {name.split(".")[-1] for name in before} == {"json", "fast", "fieldnorm", "idx", "pos", "store", "term"}
    for path in (tmp_path / "lexical").iterdir():
        path.chmod(0o444)
    (tmp_path / "lexical").chmod(0o555)
    try:
        index = LexicalIndex(tmp_path / "lexical")
        assert index.search(index.query("statin"), 10).pmids.tolist() == [1, 2, 3]
        index.close()
        index.close()
        # What follows a folder's commits looks at it every half second.
        time.sleep(0.7)
        assert state(tmp_path / "lexical") == before
    finally:
        (tmp_path / "lexical").chmod(0o755)
    assert list(links.iterdir()) == []


def test_threads_share_an_index(many: tuple[LexicalIndex, Columns]) -> None:
    index, columns = many
    passing = columns.select(FILTERS["half"], index.pmids_of)

    def ask(number: int) -> list[int]:
        return index.search(index.query(f"w{number} w2"), 50, passing, FILTERS["half"]).pmids.tolist()

    expected = [ask(number) for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, list(range(20)) * 5)) == expected * 5


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("written") / "lexical", corpus(300))


def ask_everything(folder: Path) -> None:
    with contextlib.closing(LexicalIndex(folder)) as index:
        index.search(index.query("w1 w2"), 10)
        index.pmids_of(Words(TextField.ABSTRACT, "w1 w2"))
        index.has_word("w3")


@pytest.mark.parametrize("damage", ["missing", "cut short", "empty", "other bytes"])
@pytest.mark.parametrize("kind", ["meta.json", "fast", "fieldnorm", "idx", "pos", "store", "term"])
def test_a_damaged_file(tmp_path: Path, written: Path, kind: str, damage: str) -> None:
    shutil.copytree(written, tmp_path / "lexical")
    (path,) = (tmp_path / "lexical").glob(kind if kind == "meta.json" else f"*.{kind}")
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut short": content[: len(content) // 2], "empty": b""}.get(damage, content[::-1]))
    with pytest.raises(
        BrokenIndex, match=r"The lexical index in .* cannot be read .* Run `pubmed-index verify`, or build again"
    ):
        ask_everything(tmp_path / "lexical")


@pytest.mark.parametrize("kind", ["fast", "pos"])
def test_a_flipped_byte_that_tantivy_panics_at(tmp_path: Path, written: Path, kind: str) -> None:
    shutil.copytree(written, tmp_path / "lexical")
    (path,) = (tmp_path / "lexical").glob(f"*.{kind}")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 255
    path.write_bytes(content)
    with contextlib.suppress(BrokenIndex):
        ask_everything(tmp_path / "lexical")


def test_no_folder(tmp_path: Path, links: Path) -> None:
    with pytest.raises(BrokenIndex, match="build again"):
        LexicalIndex(tmp_path / "lexical")
    (tmp_path / "lexical").mkdir()
    with pytest.raises(BrokenIndex, match="build again"):
        LexicalIndex(tmp_path / "lexical")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BrokenIndex, match="build again"):
        LexicalIndex(tmp_path / "file")
    assert list(links.iterdir()) == []


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(StorageFull, match="run the same command again"):
            write(tmp_path / "lexical", [article(pmid, f"heart{pmid} attack{pmid}") for pmid in range(1, 5000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_an_error_while_writing_is_itself(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="'int' object"), LexicalWriter(tmp_path / "lexical") as writer:
        writer.append([5])  # type: ignore[list-item]
    assert [path.name for path in (tmp_path / "lexical").glob(".tantivy*")] == []


def test_the_same_articles_rank_the_same(tmp_path: Path) -> None:
    rankings: list[Scored] = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with indexed(tmp_path / name, corpus(200)) as index:
            rankings.append(index.search(index.query("w1 w5 w30"), 100))
    assert rankings[0].pmids.tolist() == rankings[1].pmids.tolist()
    assert rankings[0].scores.tolist() == rankings[1].scores.tolist()

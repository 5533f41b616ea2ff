"""The ranking of one question: feedback by hand, retracted articles, articles that are no answer, and known items."""

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import write_jsonl
from toy import ToyEncoder, article, histogram, load_toy

from indexer.build import Build
from indexer.progress import Silent
from indexer.sources import find_sources
from search import Filters, Mode, Searcher
from search.answer import Hits
from search.article import Article
from search.columns import Selection
from search.condition import Condition, Years
from search.encoder import Metric, Vectors
from search.explanation import WordWeights
from search.fusion import Fusion
from search.index_folder import IndexFolder
from search.lexical import LexicalIndex, LexicalQuery
from search.open_generation import OpenGeneration
from search.ranking import Asked, KnownItem, Ranker, Ranking, RankingSettings
from search.regularization import regularized
from search.results import DEPTH, Sort
from search.scored import Scored

RETRACTED = ("Retracted Publication",)
MODES = list(Mode)
PLAIN = RankingSettings(
    fusion=Fusion.RECIPROCAL_RANK, dense_weight=0.5, feedback_hits=2, feedback_weight=0.0, neighbour_weight=0.0
)


def build(folder: Path, articles: Sequence[Article]) -> Path:
    folder.mkdir()
    source = write_jsonl(folder / "articles.jsonl", articles)
    Build(IndexFolder(folder / "index"), ToyEncoder(), Silent()).run(find_sources([source]))
    return folder / "index"


@contextlib.contextmanager
def opened(index: Path) -> Iterator[OpenGeneration]:
    generation = IndexFolder(index).published()
    with contextlib.closing(OpenGeneration.open(generation, generation.read_manifest())) as files:
        yield files


def ranker(files: OpenGeneration, settings: RankingSettings = PLAIN) -> Ranker:
    return Ranker(files, Metric.COSINE, settings)


def hidden_among(files: OpenGeneration, ranking: Ranking, k: int) -> int:
    return Hits(files, "").hidden(ranking, k, Sort.RELEVANCE)


def asked(files: OpenGeneration, text: str, mode: Mode = Mode.HYBRID) -> Asked:
    """A question as the legs take it, without filters."""
    vector = None if mode is Mode.LEXICAL else histogram(text.split())
    return Asked(vector, None if mode is Mode.DENSE else files.lexical.query(text))


def unit(vector: Vectors) -> Vectors:
    return vector / np.linalg.norm(vector)


# What counts for the dense leg is how long the words are, for the lexical leg which they are.
ARTICLES = [
    article(1, "hip hop", "ab abcd", year=2000),
    article(2, "hip", "abcd abcd abcd", year=2001),
    article(3, "ab ab", "ab hip", year=2010),
    article(4, "abcdef abcdef", "ab", year=2011),
    article(5, "hop abcde", "abcde", year=2012),
    article(6, "hip hip", "hip", year=2013, publication_types=RETRACTED),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenGeneration]:
    with opened(build(tmp_path_factory.mktemp("ranking") / "few", ARTICLES)) as files:
        yield files


@dataclass(frozen=True, slots=True)
class Fused:
    """Two legs as they were asked, by reciprocal ranks."""

    lexical: list[int]
    dense: list[int]

    def order(self) -> list[int]:
        scores: dict[int, float] = {}
        for leg in (self.lexical, self.dense):
            for rank, pmid in enumerate(leg, 1):
                scores[pmid] = scores.get(pmid, 0) + 0.5 / (60 + rank)
        return sorted(scores, key=lambda pmid: (-scores[pmid], -pmid))


def test_feedback_moves_the_vector_towards_the_mean_of_the_first_hits(files: OpenGeneration) -> None:
    question = asked(files, "hip hop")
    without = ranker(files).rank(question)
    assert without.lexical is not None
    assert without.dense is not None
    assert without.fused.pmids.tolist() == Fused(without.lexical.pmids.tolist(), without.dense.pmids.tolist()).order()
    first, second = files.vectors.get(without.fused.pmids[:2])
    moved = unit(histogram(["hip", "hop"]) + 0.7 * (first + second) / 2)
    ranking = ranker(files, replace(PLAIN, feedback_weight=0.7)).rank(question)
    assert ranking.lexical is not None
    assert ranking.dense is not None
    assert ranking.fed_back is not None
    assert ranking.lexical.pmids.tolist() == without.lexical.pmids.tolist()
    assert ranking.dense.scores.tolist() == without.dense.scores.tolist()
    expected = {pmid: float(files.vectors.get([pmid])[0] @ moved) for pmid in (1, 2, 3, 4, 5)}
    fed_back = ranking.fed_back
    assert dict(zip(fed_back.pmids.tolist(), fed_back.scores.tolist(), strict=True)) == pytest.approx(expected)
    assert fed_back.scores.tolist() != pytest.approx(without.dense.scores.tolist())
    assert ranking.fused.pmids[0] == without.fused.pmids[0]


@pytest.mark.parametrize("unseen", [[], [1, 2]])
def test_many_questions_are_fed_back_as_each_of_them_is(files: OpenGeneration, unseen: list[int]) -> None:
    """As the formula has it, and with hits from among the articles that are not left out."""
    texts = ["hip hop", "abcd", "ab hip"]
    passing = (files.columns.everything() - files.columns.retracted()).without(unseen)
    settings = replace(PLAIN, fusion=Fusion.MIN_MAX, feedback_weight=0.7)
    vectors = np.stack([histogram(text.split()) for text in texts])
    with ThreadPoolExecutor(2) as threads:
        found = ranker(files, settings).fed_back(vectors, list(map(files.lexical.query, texts)), passing, threads)
    for text, vector in zip(texts, found, strict=True):
        alone = ranker(files, replace(settings, feedback_weight=0.0)).rank(replace(asked(files, text), passing=passing))
        hits = files.vectors.get(alone.fused.pmids[:2])
        assert not set(alone.fused.pmids.tolist()) & set(unseen)
        assert vector.tolist() == pytest.approx(unit(histogram(text.split()) + 0.7 * hits.mean(axis=0)).tolist(), abs=1e-6)


@pytest.mark.parametrize("text", ["hip hop", "abcd hop", "abcdef ab hip"])
def test_hits_are_raised_by_others_that_they_resemble(files: OpenGeneration, text: str) -> None:
    """All but the first one, which stays first; `alone` is the ranking as it was before."""
    question = asked(files, text)
    without = ranker(files).rank(question)
    ranking = ranker(files, replace(PLAIN, neighbours=2, neighbour_weight=0.9, regularized_hits=4)).rank(question)
    assert ranking.alone is not None
    assert ranking.alone.pmids.tolist() == without.fused.pmids.tolist()
    raised = regularized(without.fused, files.vectors.get(without.fused.pmids[:4]), 2, 0.9)
    assert ranking.fused.pmids.tolist() == raised.led_by(without.fused.first(1)).pmids.tolist()
    assert ranking.fused.pmids.tolist() != without.fused.pmids.tolist()
    assert ranking.fused.pmids[0] == without.fused.pmids[0]


@pytest.mark.parametrize("sort", list(Sort))
def test_hits_say_from_where_they_were_raised(files: OpenGeneration, sort: Sort) -> None:
    """By their ranks, however they are sorted: 3 came from the fourth place to the first, 5 from the third to the second."""
    before, after = (Scored(np.array(pmids), np.zeros(5, np.float32)) for pmids in ([1, 2, 5, 3, 4], [3, 5, 1, 2, 4]))
    ranking = Ranking(after, None, None, after, alone=before)
    hits = Hits(files, "").of(ranking, 5, WordWeights({}, {}), sort)
    assert {hit.pmid: hit.why.raised_from for hit in hits} == {3: 4, 5: None, 1: None, 2: None, 4: None}


@pytest.mark.parametrize("mode", [Mode.DENSE, Mode.LEXICAL])
def test_one_leg_alone_is_not_fed_back(files: OpenGeneration, mode: Mode) -> None:
    question = asked(files, "hip hop", mode)
    ranking = ranker(files, replace(PLAIN, feedback_weight=5.0)).rank(question)
    leg = ranking.dense if mode is Mode.DENSE else ranking.lexical
    assert leg is not None
    assert np.array_equal(leg.pmids, ranking.fused.pmids)
    assert np.array_equal(leg.scores, ranking.fused.scores)
    assert (ranking.lexical is None, ranking.dense is None) == (mode is Mode.DENSE, mode is Mode.LEXICAL)
    if mode is Mode.DENSE:
        expected = files.vectors.get(leg.pmids) @ histogram(["hip", "hop"])
        assert leg.scores.tolist() == pytest.approx(expected.tolist())


def test_a_vector_is_moved_by_rocchio() -> None:
    vector, others = np.array([3, 4], np.float32), np.array([[2, 0], [0, 2]], np.float32)
    product = Ranker(None, Metric.INNER_PRODUCT, PLAIN)  # type: ignore[arg-type]
    cosine = replace(product, metric=Metric.COSINE)
    assert product.moved(vector, 0.5, others).tolist() == [3.5, 4.5]
    assert product.moved(vector, -1, others).tolist() == [2, 3]
    assert cosine.moved(vector, 0.5, others).tolist() == pytest.approx([3.5 / 32.5**0.5, 4.5 / 32.5**0.5])
    assert cosine.moved(vector, -1, np.stack([vector])).tolist() == [0, 0]
    assert cosine.moved(vector, 0.5, others[:0]) is vector


@pytest.mark.parametrize("feedback_weight", [0.0, 1.0])
@pytest.mark.parametrize("fusion", list(Fusion))
@pytest.mark.parametrize("mode", MODES)
def test_as_many_are_hidden_as_would_be_shown(
    files: OpenGeneration, mode: Mode, fusion: Fusion, feedback_weight: float
) -> None:
    """Number 6 is the best for `hip` in both legs."""
    ranks = ranker(files, replace(PLAIN, fusion=fusion, feedback_weight=feedback_weight))
    question = asked(files, "hip", mode)
    hidden, shown = ranks.rank(question), ranks.rank(replace(question, show_retracted=True))
    assert 6 not in hidden.fused.pmids.tolist()
    assert shown.fused.pmids.tolist()[0] == 6
    assert [hidden_among(files, hidden, k) for k in (1, 2, 1000)] == [1, 1, 1]
    assert [hidden_among(files, shown, k) for k in (1, 2, 1000)] == [0, 0, 0]
    if not feedback_weight:
        assert hidden.with_retracted.pmids.tolist() == shown.fused.pmids.tolist()
        assert hidden.with_retracted.scores.tolist() == pytest.approx(shown.fused.scores.tolist())


@pytest.mark.parametrize("mode", MODES)
def test_filters(files: OpenGeneration, mode: Mode) -> None:
    condition = Years(2001, 2011)
    passing = files.columns.select(condition, files.lexical.pmids_of)
    question = asked(files, "hip ab", mode)
    ranking = ranker(files).rank(replace(question, passing=passing, condition=condition))
    whole = ranker(files).rank(question).fused.pmids.tolist()
    expected = {2, 3, 4} if mode is not Mode.LEXICAL else {2, 3, 4} & set(whole)
    assert set(ranking.fused.pmids.tolist()) == expected
    if mode is not Mode.HYBRID:
        assert ranking.fused.pmids.tolist() == [pmid for pmid in whole if pmid in expected]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_no_answer_is_left_out(files: OpenGeneration, mode: Mode) -> None:
    question = asked(files, "hip hop", mode)
    whole = ranker(files).rank(question).fused.pmids.tolist()
    left = ranker(files).rank(replace(question, without=(1, 2, 777)))
    assert set(left.fused.pmids.tolist()) == set(whole) - {1, 2}


def test_nothing_found(files: OpenGeneration) -> None:
    ranking = ranker(files).rank(Asked(None, files.lexical.query("zebra")))
    assert ranking.fused.pmids.tolist() == []
    assert hidden_among(files, ranking, 10) == 0
    # The dense leg still has an answer, and is fed back by its own first hits.
    hybrid = ranker(files).rank(asked(files, "zebra"))
    assert len(hybrid.fused.pmids) == 5
    none = Selection.of(np.zeros(8, np.uint8))
    assert ranker(files).rank(replace(asked(files, "hip"), passing=none, condition=Years(1, 2))).fused.pmids.tolist() == []


def test_what_was_looked_up_is_not_ranked(files: OpenGeneration) -> None:
    given = np.array([6, 2, 5], np.int64)
    shown = ranker(files).unranked(given, show_retracted=True)
    assert (shown.fused.pmids.tolist(), shown.fused.scores.tolist()) == ([6, 2, 5], [0, 0, 0])
    assert hidden_among(files, shown, 10) == 0
    hidden = ranker(files).unranked(given, show_retracted=False)
    assert hidden.fused.pmids.tolist() == [2, 5]
    assert [hidden_among(files, hidden, k) for k in (1, 10)] == [1, 1]


MANY = [
    *(article(pmid, "retracted hip", "hip", publication_types=RETRACTED) for pmid in range(1, 131)),
    *(article(pmid, "hip", f"hip {'abcde ' * (pmid % 7)}") for pmid in range(200, 1400)),
]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenGeneration]:
    with opened(build(tmp_path_factory.mktemp("ranking") / "many", MANY)) as files:
        yield files


class Listening:
    """A lexical index that remembers how it was asked."""

    def __init__(self, index: LexicalIndex) -> None:
        self._index = index
        self.filtered: list[tuple[Selection | None, Condition | None]] = []

    def search(self, query: LexicalQuery, depth: int, passing: Selection | None, condition: Condition | None) -> Scored:
        self.filtered.append((passing, condition))
        return self._index.search(query, depth, passing, condition)


@pytest.mark.parametrize("mode", MODES)
def test_many_retracted_among_the_candidates(many: OpenGeneration, mode: Mode) -> None:
    ranks = ranker(many, replace(PLAIN, fusion=Fusion.MIN_MAX))
    ranking = ranks.rank(asked(many, "hip", mode))
    assert len(ranking.fused.pmids) == DEPTH
    assert ranking.fused.pmids.min() >= 200
    for leg in (ranking.lexical, ranking.dense):
        assert leg is None or len(leg.pmids) == DEPTH
    shown = ranks.rank(replace(asked(many, "hip", mode), show_retracted=True))
    assert len(shown.fused.pmids) == DEPTH
    assert [hidden_among(many, ranking, k) for k in (1, 10, 1000)] == [
        int((shown.fused.pmids[:k] < 200).sum()) for k in (1, 10, 1000)
    ]


@pytest.mark.parametrize("mode", [Mode.DENSE, Mode.LEXICAL])
def test_a_thousand_are_left_of_what_is_an_answer(many: OpenGeneration, mode: Mode) -> None:
    without = tuple(range(1200, 1300))
    ranking = ranker(many).rank(replace(asked(many, "hip", mode), without=without))
    assert len(ranking.fused.pmids) == DEPTH
    assert not set(ranking.fused.pmids.tolist()) & set(without)
    assert ranking.fused.pmids.min() >= 200


def test_retracted_articles_are_kept_out_by_a_condition(many: OpenGeneration) -> None:
    """As a list of PMIDs, all the others would be 40 million."""
    for passing, condition in ((None, None), (many.columns.everything(), Years(None, None))):
        listening = Listening(many.lexical)
        question = replace(asked(many, "retracted hip", Mode.LEXICAL), passing=passing, condition=condition)
        ranker(replace(many, lexical=listening)).rank(question)  # type: ignore[arg-type]
        (first, again) = listening.filtered
        assert first == (passing, condition)
        assert again[0] is not None
        assert again[0].count == 1200
        assert again[1] is not None


KNOWN = [
    article(21, "statins muscle pain", "Statins cause weakness of a muscle in adults"),
    article(22, "liver disease after alcohol", "Alcohol harms the liver and its cells severely"),
    article(23, "heart failure in diabetes", "Diabetes and a weak heart occur together"),
    article(24, "asthma in children", "Children with asthma wheeze at night and cough"),
    article(25, "a trial of nothing", "Placebo was given for nothing, and pain followed muscle"),
    article(26, "sleep", "Night shifts disturb sleep, and children sleep longer"),
    article(27, "alcohol, sleep and asthma", "None"),
    article(28, "zzz", "Liver cells die at night of statins and alcohol"),
]
UNTITLED = {one.pmid: replace(one, title="") for one in KNOWN}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("known")
    build(folder / "all", KNOWN)
    for pmid, untitled in UNTITLED.items():
        build(folder / str(pmid), [untitled if one.pmid == pmid else one for one in KNOWN])
    return folder


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("one", KNOWN, ids=lambda one: str(one.pmid))
def test_known_items_rank_as_they_would_without_their_title(known: Path, one: Article, mode: Mode) -> None:
    vector = ToyEncoder().encode_documents([UNTITLED[one.pmid]])[0]
    with Searcher.open(known / "all" / "index", load=load_toy) as searcher:
        rank = searcher.rank_known_item(one.title, one.pmid, vector, mode)
    with Searcher.open(known / str(one.pmid) / "index", load=load_toy) as searcher:
        found = [hit.pmid for hit in searcher.search(one.title, k=1000, mode=mode, filters=Filters(include_retracted=True))]
    assert rank == (found.index(one.pmid) + 1 if one.pmid in found else None)


def test_a_known_item_that_nothing_finds(files: OpenGeneration) -> None:
    opposite = KnownItem(3, -histogram(["hip"]), 0.0)
    lexical = ranker(files).rank(asked(files, "hip", Mode.LEXICAL), opposite)
    assert 3 not in lexical.fused.pmids.tolist()
    dense = ranker(files).rank(asked(files, "hip", Mode.DENSE), opposite)
    assert dense.fused.pmids.tolist()[-1] == 3
    assert dense.fused.scores[-1] == pytest.approx(-1)


@pytest.mark.parametrize("mode", MODES)
def test_ranking_does_not_depend_on_k(known: Path, mode: Mode) -> None:
    with Searcher.open(known / "all" / "index", load=load_toy) as searcher:
        whole = [(hit.pmid, hit.score) for hit in searcher.search("statins and alcohol at night", k=1000, mode=mode)]
        for k in (1, 2, 5):
            assert [(hit.pmid, hit.score) for hit in searcher.search("statins and alcohol at night", k=k, mode=mode)] == whole[
                :k
            ]


def invariants(ranking: Ranking) -> None:
    assert len(ranking.fused.pmids) == len(set(ranking.fused.pmids.tolist())) <= DEPTH
    assert np.all(np.diff(ranking.fused.scores) <= 0)
    legs = [leg for leg in (ranking.lexical, ranking.fed_back or ranking.dense) if leg is not None]
    assert set(ranking.fused.pmids.tolist()) <= {pmid for leg in legs for pmid in leg.pmids.tolist()}


@pytest.mark.parametrize("fusion", list(Fusion))
@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("text", ["hip", "abcde hip", "retracted", "abcde abcde", "zebra"])
def test_rankings(many: OpenGeneration, text: str, mode: Mode, metric: Metric, fusion: Fusion) -> None:
    settings = replace(RankingSettings(), fusion=fusion)
    for shown in (False, True):
        invariants(Ranker(many, metric, settings).rank(replace(asked(many, text, mode), show_retracted=shown)))

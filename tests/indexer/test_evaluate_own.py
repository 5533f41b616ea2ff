"""The tests that need no judgements: what is drawn, what counts as right, and when a test cannot be made."""

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from math import log2
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from conftest import BuildToy
from running import Run, in_process
from toy import ToyEncoder, article, histogram, load_toy

from indexer.cli import main
from indexer.evaluate_own import (
    NotMeasurable,
    RankedTest,
    SharedMesh,
    citation_links,
    draw,
    evaluate_own,
    known_items,
    shared_mesh,
)
from indexer.evaluation_report import Source, report_own
from indexer.metrics import Measure
from indexer.progress import Silent
from indexer.provenance import Provenance
from search import Searcher
from search.article import Article, Correction, MeshHeading, MeshQualifier
from search.encoder import Vectors
from search.errors import QueryError
from search.filters import Filters
from search.results import IndexSummary, Mode, SearchResult, SearchResults, Why


class Shelf:
    """Articles of which those with the nearest PMIDs are the most similar, the lower first; known items have given ranks."""

    def __init__(
        self, articles: Sequence[Article], ranks: Mapping[int, int | None] | None = None, refused: Collection[int] = ()
    ) -> None:
        self._articles = {one.pmid: one for one in articles}
        self._ranks = ranks or {}
        self._refused = refused
        self.read: list[int] = []
        self.asked: dict[int, tuple[str, Vectors]] = {}

    def pmids(self) -> npt.NDArray[np.int64]:
        return np.array(sorted(self._articles), np.int64)

    def article(self, pmid: int) -> Article | None:
        self.read.append(pmid)
        return self._articles.get(pmid)

    def similar(self, pmids: Sequence[int], *, k: int, filters: Filters) -> SearchResults:
        assert filters.include_retracted
        (pmid,) = pmids
        nearest = sorted(self._articles.keys() - {pmid}, key=lambda other: (abs(other - pmid), other))[:k]
        hits = [SearchResult(rank, one, -rank, self._articles[one], Why(rank, 0)) for rank, one in enumerate(nearest, 1)]
        return SearchResults("", Mode.DENSE, filters, 0.0, 0, IndexSummary(0, "", "", ""), tuple(hits))

    def rank_known_item(self, query: str, pmid: int, vector: Vectors, mode: Mode) -> int | None:
        if mode is not Mode.DENSE or pmid in self._refused:
            raise QueryError(f"No {mode} for {pmid}.")
        self.asked[pmid] = (query, vector)
        return self._ranks.get(pmid, 1)


def numbered(count: int, **fields: Callable[[int], object]) -> list[Article]:
    return [
        article(pmid, f"title {pmid}", f"an abstract {pmid}", **{name: of(pmid) for name, of in fields.items()})
        for pmid in range(1, count + 1)
    ]


def measured(test: RankedTest | NotMeasurable, mode: Mode = Mode.DENSE) -> dict[Measure, float]:
    assert isinstance(test, RankedTest)
    return {measure: one.mean for measure, one in test.summary.estimates[mode].items()}


def test_articles_are_drawn_until_enough_qualify_and_never_all_of_a_large_corpus() -> None:
    shelf = Shelf(numbered(1_000))
    drawn = draw(shelf, 20, lambda one: one.pmid % 2 == 0)
    assert len(drawn.qualified) == 20
    assert [one.pmid for one in drawn.articles] == shelf.read
    assert [one for one in drawn.articles if one.pmid % 2 == 0] == list(drawn.qualified)
    assert draw(shelf, 20, lambda one: one.pmid % 2 == 0) == drawn
    rare = draw(shelf, 20, lambda one: one.pmid == 0)
    assert (len(rare.articles), len(rare.qualified)) == (5 * 20, 0)
    assert len({one.pmid for one in rare.articles}) == 100
    assert len(draw(shelf, 1_000, lambda _: True).qualified) == 1_000


def test_known_items_are_asked_by_title_and_found_by_abstract_alone() -> None:
    shelf = Shelf(numbered(20), ranks={1: None, 2: 4, 3: 50})
    figures = measured(known_items(shelf, ToyEncoder(), [Mode.DENSE], wanted=1_000, progress=Silent()))
    assert figures == pytest.approx(
        {
            Measure.MRR: (17 + 0 + 1 / 4 + 1 / 50) / 20,
            Measure.RECALL_1: 17 / 20,
            Measure.RECALL_10: 18 / 20,
            Measure.RECALL_100: 19 / 20,
        }
    )
    assert set(shelf.asked) == set(range(1, 21))
    for pmid, (query, vector) in shelf.asked.items():
        assert query == f"title {pmid}"
        assert vector.tolist() == histogram(["an", "abstract", str(pmid)]).tolist()


def test_articles_that_are_no_known_items() -> None:
    retracted = article(100, "title", "abstract", corrections=(Correction("RetractionIn"),))
    others = [article(101, "title"), article(102, "", "abstract"), retracted]
    test = known_items(Shelf([*numbered(20), *others]), ToyEncoder(), [Mode.DENSE], wanted=1_000, progress=Silent())
    assert isinstance(test, RankedTest)
    assert test.questions == 20


def test_titles_that_are_refused_are_counted_and_a_mode_that_is_refused_is_said() -> None:
    shelf = Shelf(numbered(20), refused=[5])
    test = known_items(shelf, ToyEncoder(), tuple(Mode), wanted=1_000, progress=Silent())
    assert measured(test)[Measure.RECALL_1] == 19 / 20
    assert isinstance(test, RankedTest)
    assert test.refused_questions == {Mode.DENSE: 1}
    assert set(test.refused) == {Mode.LEXICAL, Mode.HYBRID}
    with pytest.raises(QueryError, match="No hybrid for"):
        known_items(shelf, ToyEncoder(), [Mode.HYBRID], wanted=1_000, progress=Silent())


def test_citation_links() -> None:
    # Everyone cites the next one (rank 2: the one before is as near; rank 1 for the first), itself and one that is elsewhere.
    shelf = Shelf(numbered(30, references=lambda pmid: (pmid + 1, pmid, 999)))
    figures = measured(citation_links(shelf, 1_000, Silent()))
    assert figures[Measure.MRR] == pytest.approx((1 + 28 / 2) / 29)
    assert figures[Measure.NDCG_10] == pytest.approx((1 + 28 / log2(3)) / 29)
    assert figures[Measure.RECALL_10] == figures[Measure.RECALL_100] == 1


def test_shared_mesh_against_its_definition() -> None:
    def mesh(pmid: int) -> tuple[MeshHeading, ...]:
        decade = f"Topic {pmid // 10}"
        own = MeshHeading(decade, (MeshQualifier("therapy", major=True),)) if pmid % 2 else MeshHeading(decade, major=True)
        return (own, MeshHeading("Humans"))

    articles = numbered(200, mesh=mesh)
    test = shared_mesh(Shelf(articles), 1_000, Silent())
    assert isinstance(test, SharedMesh)

    def nearest(pmid: int) -> list[int]:
        return sorted(set(range(1, 201)) - {pmid}, key=lambda other: (abs(other - pmid), other))[:10]

    shares = [np.mean([other // 10 == pmid // 10 for other in nearest(pmid)]) for pmid in range(1, 201)]
    assert test.questions == 200
    assert test.nearest.mean == pytest.approx(np.mean(shares))
    assert test.random.low < 9 / 199 < test.random.high
    assert test.lift is not None
    assert test.lift.mean == pytest.approx(test.nearest.mean / test.random.mean)
    assert test.lift.low < test.lift.mean < test.lift.high
    assert test.p < 0.001


@pytest.mark.parametrize(
    ("articles", "expected"),
    [
        (numbered(30), ("no citation links in any of the 30 articles drawn", "no MeSH in any of the 30 articles drawn")),
        (
            numbered(
                30,
                references=lambda pmid: (1,) if pmid < 5 else (),
                mesh=lambda pmid: (MeshHeading("Heart", major=pmid == 1),),
            ),
            (
                "only 3 of the 30 articles drawn cite others of this index; at least 20 are needed",
                "only 1 of the 30 articles drawn have major MeSH headings; at least 20 are needed",
            ),
        ),
    ],
)
def test_what_cannot_be_measured(articles: list[Article], expected: tuple[str, str]) -> None:
    shelf = Shelf(articles)
    found = (citation_links(shelf, 1_000, Silent()), shared_mesh(shelf, 1_000, Silent()))
    assert found == tuple(map(NotMeasurable, expected))


def test_a_corpus_without_abstracts() -> None:
    shelf = Shelf([article(pmid, "title") for pmid in range(1, 40)])
    test = known_items(shelf, ToyEncoder(), [Mode.DENSE], wanted=1_000, progress=Silent())
    assert test == NotMeasurable("no title with an abstract in any of the 39 articles drawn")


class SlowKnownItems(Searcher):
    """Ranks a known item as it is defined: all other articles by their own vectors, this one by the vector given."""

    def rank_known_item(self, query: str, pmid: int, vector: Vectors, mode: Mode) -> int | None:
        asked = self.load_encoder().encode_query(query)
        others = [hit for hit in self.search(query, 1000, mode=mode) if hit.pmid != pmid]
        own = float(vector @ asked)
        return 1 + sum((hit.score, hit.pmid) > (own, pmid) for hit in others)


def test_all_three_on_a_real_index(build_toy: BuildToy, tmp_path: Path) -> None:
    # Every pair of lengths once: the title is the first word, the abstract both.
    words = ["a", "bb", "ccc", "dddd", "eeeee"]
    pairs = {pmid: (words[pmid % 5], words[pmid // 5 % 5]) for pmid in range(1, 26)}
    build_toy([article(pmid, first, f"{first} {second}") for pmid, (first, second) in pairs.items()])
    with SlowKnownItems.open(tmp_path / "index", load=load_toy) as searcher:
        evaluation = evaluate_own(searcher, searcher.load_encoder(), [Mode.DENSE])
    figures = measured(evaluation.known_items)
    # An article of two equal words scores 1 without its title, too. The others fall from 2 / sqrt(5) to 1 / sqrt(2), behind the
    # other four with the same first word, and before all without it.
    assert figures[Measure.RECALL_1] == 1 / 5
    assert figures[Measure.MRR] == pytest.approx((1 + 4 / 5) / 5)
    assert evaluation.citation_links == NotMeasurable("no citation links in any of the 25 articles drawn")
    assert evaluation.shared_mesh == NotMeasurable("no MeSH in any of the 25 articles drawn")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs `pubmed-index evaluate`."""
    monkeypatch.setenv("COLUMNS", "120")
    with in_process(main, capsys) as run:
        yield functools.partial(run, "evaluate")


def test_the_command_on_the_sample(command: Run, built_index: Path) -> None:
    document = command("--own", "--index", built_index, "--sample", 20, "--mode", "dense", "--json").document
    assert (document["index"]["generation"], document["index"]["articles"]) == ("0001", 150)
    assert document["produced_by"]["command"].startswith("pubmed-index evaluate --own --index ")
    assert document["known_items"]["questions"] == 20
    assert document["known_items"]["estimates"]["dense"]["recall@10"]["mean"] > 0.5
    assert document["citation_links"].keys() == {"not_measurable"}
    assert document["shared_mesh"].keys() & {"not_measurable", "nearest"}


def test_the_tables(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shelf = Shelf(numbered(40, mesh=lambda pmid: (MeshHeading(f"T{pmid // 20}", major=True),)), ranks={1: 2}, refused=[2])
    evaluation = evaluate_own(shelf, ToyEncoder(), [Mode.DENSE, Mode.LEXICAL])
    report_own(evaluation, {}, Source(ToyEncoder().identity, Provenance("", "", None, "")), as_json=False)
    page = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in page.splitlines()]
    assert "mode MRR@1000 recall@1 recall@10 recall@100" in lines
    assert any(line.startswith("dense 96.2 95.0 97.5 97.5") for line in lines)  # 38.5, 38, 39 and 39 of 40
    assert "dense: questions that were refused and score 0: 1" in lines
    assert any(line.startswith("lexical: not measured. No lexical for") for line in lines)
    assert "not measurable: no citation links in any of the 40 articles drawn" in lines
    assert any(line.startswith("nearest 10 random 10 times as many p") for line in lines)
    assert any(line.endswith("< 0.001") for line in lines)


def test_an_index_that_is_not_there(command: Run, tmp_path: Path) -> None:
    done = command("--own", "--index", tmp_path / "nowhere")
    assert done.code == 1
    assert "There is no index in" in done.err

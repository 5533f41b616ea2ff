"""What is news in an answer: with real builds and updates of an index whose every article answers."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import write_jsonl
from pubmed_files import write_pubmed_file
from toy import ToyEncoder, article, load_toy

from indexer.build import Build
from indexer.history import roll_back
from indexer.progress import Silent
from indexer.sources import find_sources
from indexer.update import Update, UpdateSummary
from search import Searcher
from search.article import FIRST_LOCAL_ID, Article
from search.index_folder import IndexFolder
from search.look import Look
from search.results import DEPTH, Mode, Sort

QUESTION = "lung"


def lungs(pmids: Sequence[int], text: str = "lung") -> list[Article]:
    """Articles that answer the question, the longer the later."""
    return [article(pmid, f"{text} {'and so on ' * (pmid % 7)}", "It is so.") for pmid in pmids]


@dataclasses.dataclass
class World:
    """NLM's files as they come, and an index of them."""

    folder: Path
    number: int = 0

    @property
    def index(self) -> IndexFolder:
        return IndexFolder(self.folder / "index")

    def write(self, articles: Sequence[Article], deleted: Sequence[int] = (), year: int = 26) -> Path:
        self.number += 1
        return write_pubmed_file(self.folder / "files", self.number, articles, deleted, year=year)

    def build(self, *files: Path) -> None:
        Build(self.index, ToyEncoder(), Silent()).run(find_sources(files))

    def update(self, *files: Path, force: bool = False) -> UpdateSummary:
        return Update(self.index, ToyEncoder, Silent(), force=force).run(find_sources(files))

    def look(self, sort: Sort = Sort.RELEVANCE) -> Look:
        with Searcher.open(self.index.root, load=load_toy) as searcher:
            ranked = searcher.search(QUESTION, mode=Mode.LEXICAL, sort=sort).ranked
            return Look(ranked, searcher.arrivals.state())

    def news(self, look: Look, sort: Sort = Sort.RELEVANCE) -> list[int]:
        with Searcher.open(self.index.root, load=load_toy) as searcher:
            ranked = searcher.search(QUESTION, mode=Mode.LEXICAL, sort=sort).ranked
            news = searcher.arrivals.since(look, ranked)
            assert [pmid for pmid in ranked if pmid in news] == list(news)
            return sorted(news)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A baseline of two files: ten articles that answer, and ten that do not."""
    world = World(tmp_path)
    world.build(world.write(lungs(range(1, 11))), world.write([article(pmid, "heart") for pmid in range(11, 21)]))
    return world


def test_what_an_index_held(world: World) -> None:
    state = world.look().index
    manifest = world.index.published().read_manifest()
    assert (state.generation, state.made, state.largest_pmid) == ("0001", manifest.created, 20)
    assert state.files == tuple(source.sha256[:16] for source in manifest.sources)


def test_without_a_change_nothing_is_new(world: World) -> None:
    assert world.news(world.look()) == []


def test_what_an_update_brings_is_new_once(world: World) -> None:
    before = world.look()
    world.update(world.write([*lungs([30, 31]), article(32, "heart")]))
    assert world.news(before) == [30, 31]
    between = world.look()
    assert world.news(between) == []
    world.update(world.write(lungs([40])))
    assert (world.news(before), world.news(between)) == ([30, 31, 40], [40])


def test_an_article_with_a_smaller_pmid_than_others_is_as_new(world: World) -> None:
    world.update(world.write(lungs([50])))
    before = world.look()
    world.update(world.write(lungs([25])))
    assert world.news(before) == [25]


def test_a_revision_of_what_was_seen_is_not_new(world: World) -> None:
    before = world.look()
    world.update(world.write(lungs([3], "lung and heart")))
    assert world.news(before) == []


def test_a_revision_that_makes_an_article_answer_is_news(world: World) -> None:
    before = world.look()
    world.update(world.write([article(12, "heart", "and lung")]))
    assert world.news(before) == [12]


def test_what_was_deleted_and_restored_is_no_news_to_who_saw_it(world: World) -> None:
    before = world.look()
    world.update(world.write([], [4]))
    without = world.look()
    world.update(world.write(lungs([4])))
    assert (world.news(before), world.news(without)) == ([], [4])


def test_a_merged_delta_keeps_what_came_when(world: World) -> None:
    before = world.look()
    assert world.update(world.write(lungs(range(30, 45)))).merged
    between = world.look()
    assert world.update(world.write(lungs(range(60, 75)))).merged
    assert world.news(before) == [*range(30, 45), *range(60, 75)]
    assert world.news(between) == [*range(60, 75)]


def test_files_out_of_order_are_new_when_they_come(world: World) -> None:
    early, late = world.write(lungs([30])), world.write(lungs([31]))
    world.update(late)
    before = world.look()
    world.update(early, force=True)
    assert world.news(before) == [30]


def test_files_that_are_not_of_nlm_s_series(world: World) -> None:
    before = world.look()
    other = write_jsonl(world.folder / "own.jsonl", lungs([500, 501]))
    world.update(other)
    between = world.look()
    world.update(write_jsonl(other, lungs([500, 501, 502])))
    assert (world.news(before), world.news(between)) == ([500, 501, 502], [502])


def test_a_build_from_the_same_files_and_more(world: World) -> None:
    before = world.look()
    world.build(*(world.folder / "files").iterdir(), world.write(lungs([30])))
    assert world.news(before) == [30]


def test_going_back_is_no_news(world: World) -> None:
    first = world.look()
    world.update(world.write(lungs([30])))
    second = world.look()
    roll_back(world.index)
    assert (world.news(first), world.news(second)) == ([], [])
    assert world.look().index.is_before(second.index)
    assert not second.index.is_before(first.index)


def test_a_short_answer_over_other_files_is_compared_as_it_is(world: World) -> None:
    before = world.look()
    world.build(world.write(lungs([2, 5, 8, 15, 30]), year=27))
    assert world.news(before) == [15, 30]


def test_local_ids_are_no_measure_of_what_comes_later(world: World) -> None:
    world.update(write_jsonl(world.folder / "own.jsonl", lungs([FIRST_LOCAL_ID + 5])))
    assert world.look().index.largest_pmid == 20


# --- Answers that are cut off at 1,000 ------------------------------------------------------------------------------


@pytest.fixture
def large(tmp_path: Path) -> World:
    """More articles that answer than are ranked."""
    world = World(tmp_path)
    world.build(world.write(lungs(range(1, 1101))))
    assert len(world.look().pmids) == DEPTH
    return world


def test_an_article_that_only_rose_is_not_new(large: World) -> None:
    before = large.look()
    died = list(before.pmids[:20])
    newcomer = [article(2000, "lung")]
    large.update(large.write(newcomer, died))
    after = large.look()
    assert len(set(after.pmids) - set(before.pmids)) == 20
    assert large.news(before) == [2000]


def test_a_baseline_of_other_files_brings_only_greater_pmids(large: World) -> None:
    before = large.look()
    large.build(large.write([*lungs(range(21, 1101)), article(2000, "lung")], year=27))
    assert len(set(large.look().pmids) - set(before.pmids)) > 1
    assert large.news(before) == [2000]
    newest = large.look(Sort.DATE)
    assert len(newest.pmids) == 200
    assert large.news(newest, Sort.DATE) == []

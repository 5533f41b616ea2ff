"""Searches of a base and a delta against brute force over the final state. Small whole numbers have exact inner products."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_parts import PARTS, Parts, pmids_of
from toy import article

from search.article import Article
from search.candidates import Candidates
from search.columns import Columns, ColumnsWriter, Selection
from search.condition import Not, Term, Words, Years
from search.encoder import Vectors
from search.live_candidates import LiveCandidates
from search.live_columns import LiveColumns
from search.live_vectors import LiveVectors
from search.scored import Scored
from search.vectors import Pmids, VectorFile

DIMENSION = 4
QUERY = np.array([1, -2, 3, 1], np.float32)


def drawn(pmids: Pmids, seed: int) -> VectorFile:
    vectors = np.random.default_rng(seed).integers(-3, 4, (len(pmids), DIMENSION))
    return VectorFile(pmids, vectors.astype(np.float32))


def nowhere(_leaf: Term | Words) -> Pmids:
    raise AssertionError("asked for what stands in the columns")


class Opened:
    """Both parts, searched as one, and by brute force."""

    def __init__(self, folder: Path, parts: Parts, flat_limit: int = 200_000) -> None:
        base, delta = drawn(pmids_of(parts.base), 0), drawn(pmids_of(parts.delta), 1) if parts.delta else None
        self.columns = LiveColumns(
            _columns(folder / "base", parts.base), _columns(folder / "delta", parts.delta) if delta else None, parts.dead
        )
        self.vectors = LiveVectors(base, delta, parts.dead)
        self.candidates = LiveCandidates(
            _candidates(folder / "base.faiss", base, flat_limit),
            _candidates(folder / "delta.faiss", delta, flat_limit) if delta else None,
            self.columns,
        )

    def brute_force(self, query: Vectors, depth: int, passing: Selection | None) -> Scored:
        pmids = self.columns.pmids
        all_of_them = Scored.ranked(pmids, self.vectors.get(pmids) @ query)
        return (all_of_them if passing is None else all_of_them.inside(passing)).first(depth)


def _columns(folder: Path, articles: Sequence[Article]) -> Columns:
    with ColumnsWriter(folder) as writer:
        writer.append(articles)
    return Columns.open(folder)


def _candidates(path: Path, vectors: VectorFile, flat_limit: int) -> Candidates:
    Candidates.build(path, vectors, flat_limit)
    return Candidates.open(path, vectors)


def equal(ours: Scored, theirs: Scored) -> bool:
    return (ours.pmids.tolist(), ours.scores.tolist()) == (theirs.pmids.tolist(), theirs.scores.tolist())


@settings(max_examples=60, deadline=None)
@given(parts=PARTS, depth=st.integers(0, 60), years=st.builds(Years, st.integers(1998, 2025)))
def test_both_parts_equal_brute_force(parts: Parts, depth: int, years: Years) -> None:
    with tempfile.TemporaryDirectory() as folder:
        opened = Opened(Path(folder), parts)
        for passing in (None, opened.columns.select(years, nowhere), opened.columns.select(Not(years), nowhere)):
            found, exact = opened.candidates.search(QUERY, depth, passing), opened.brute_force(QUERY, depth, passing)
            assert found.scores.tolist() == exact.scores.tolist() == (opened.vectors.get(found.pmids) @ QUERY).tolist()
            # Which of those with the least score are among them is FAISS's choice.
            above = exact.scores > exact.scores.min(initial=np.inf)
            assert found.where(above).pmids.tolist() == exact.where(above).pmids.tolist()


def test_a_base_too_large_to_compare_one_by_one(tmp_path: Path) -> None:
    base = [article(pmid, "T", year=2000 + pmid % 2) for pmid in range(1, 36_000)]
    delta = [article(pmid, "T", year=2000) for pmid in (*range(1, 3_000, 3), *range(50_000, 50_100))]
    opened = Opened(tmp_path, Parts(base, delta, set(range(2, 3_000, 3))))
    for passing in (None, opened.columns.select(Years(2000, 2000), nowhere), opened.columns.everything()):
        found, exact = (search(QUERY, 500, passing) for search in (opened.candidates.search, opened.brute_force))
        assert opened.columns.everything().contains(found.pmids).all()
        assert found.scores.tolist() == exact.scores.tolist() == (opened.vectors.get(found.pmids) @ QUERY).tolist()


@pytest.mark.parametrize("deleted", [set(), {2, 3, 4}])
def test_a_base_in_inverted_lists(tmp_path: Path, deleted: set[int]) -> None:
    articles = [article(pmid, "T") for pmid in range(1, 2_000)]
    opened = Opened(tmp_path, Parts(articles, [article(pmid, "T") for pmid in range(5_000, 5_050)], deleted), flat_limit=100)
    found, exact = opened.candidates.search(QUERY, 500), opened.brute_force(QUERY, 500, None)
    assert opened.columns.everything().contains(found.pmids).all()
    assert np.isin(exact.first(10).pmids, found.pmids).all()
    assert equal(found, Scored.ranked(found.pmids, opened.vectors.get(found.pmids) @ QUERY))


def test_a_base_of_which_nothing_lives(tmp_path: Path) -> None:
    opened = Opened(tmp_path, Parts([article(5, "T"), article(6, "T")], [article(5, "T")], {6}))
    assert opened.candidates.search(QUERY, 10).pmids.tolist() == [5]


def test_a_ranking_does_not_depend_on_its_depth(tmp_path: Path) -> None:
    articles = [article(pmid, "T") for pmid in range(1, 200)]
    opened = Opened(tmp_path, Parts(articles, articles[50:90], {3, 4}))
    longest = opened.candidates.search(QUERY, 1000)
    for depth in (1, 10, 100):
        assert equal(opened.candidates.search(QUERY, depth), longest.first(depth))

"""Columns of a base and a delta against the columns of one part that has the final state."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from condition_trees import trees
from hypothesis import given, settings
from hypothesis import strategies as st
from live_parts import PARTS, Parts
from toy import article

from search.article import Article, Flag, MeshHeading
from search.columns import Columns, ColumnsWriter, PmidsOf, Selection
from search.condition import And, Condition, Flagged, Not, Term, TermField, TextField, Words, Years
from search.live_columns import LiveColumns
from search.vectors import Pmids

LEAVES = st.one_of(
    st.builds(Term, st.just(TermField.MESH), st.sampled_from(["asthma", "humans", "h", ""]), st.booleans()),
    st.builds(Term, st.just(TermField.PUBLICATION_TYPE), st.just("review")),
    st.builds(Term, st.just(TermField.AUTHOR), st.sampled_from(["smith", "li", "zebra"])),
    st.builds(Term, st.just(TermField.PMID), st.integers(1, 2_400).map(str)),
    st.builds(Years, st.none() | st.integers(1998, 2025), st.none() | st.integers(1998, 2025)),
    st.builds(Flagged, st.sampled_from([Flag.RETRACTED, Flag.TITLE_ONLY])),
)
BASE = [article(pmid, "T", year=1990 + pmid) for pmid in (1, 2, 3, 70)]
DELTA = [article(2, "T", year=2020), article(300, "T", "A.")]


def columns_of(folder: Path, articles: Sequence[Article]) -> Columns:
    with ColumnsWriter(folder) as writer:
        writer.append(articles)
    return Columns.open(folder, 64)


def live_columns(folder: Path, parts: Parts) -> LiveColumns:
    delta = columns_of(folder / "delta", parts.delta) if parts.delta else None
    return LiveColumns(columns_of(folder / "base", parts.base), delta, parts.dead)


def by_author(articles: Sequence[Article]) -> PmidsOf:
    """What the lexical index does for conditions that stand in no column."""

    def pmids_of(leaf: Term | Words) -> Pmids:
        assert isinstance(leaf, Term)
        return np.array([one.pmid for one in articles if any(a.last_name.lower() == leaf.value for a in one.authors)], np.int64)

    return pmids_of


def members(selection: Selection | None) -> list[int]:
    assert selection is not None
    found: list[int] = np.flatnonzero(np.unpackbits(selection.bitmap, bitorder="little")).tolist()
    assert len(found) == selection.count
    return found


@settings(max_examples=100, deadline=None)
@given(parts=PARTS, conditions=st.lists(trees(LEAVES), min_size=1, max_size=5))
def test_both_parts_equal_one_of_the_final_state(parts: Parts, conditions: list[Condition]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = live_columns(Path(folder), parts), columns_of(Path(folder) / "one", parts.live)
        pmids = theirs.pmids
        assert len(ours) == len(pmids)
        assert ours.pmids.tolist() == members(ours.everything()) == pmids.tolist()
        assert ours.years.tolist() == theirs.years.tolist()
        assert ours.years_of(pmids[::-2]).tolist() == theirs.years_of(pmids[::-2]).tolist()
        for flag in (Flag.RETRACTED, Flag.TITLE_ONLY):
            assert members(ours.having(flag)) == members(theirs.having(flag))
        asked = by_author(parts.live)
        for condition in conditions:
            assert members(ours.select(condition, asked)) == members(theirs.select(condition, asked))


@settings(max_examples=50, deadline=None)
@given(parts=PARTS, condition=trees(LEAVES))
def test_each_part_is_searched_for_its_own_share(parts: Parts, condition: Condition) -> None:
    with tempfile.TemporaryDirectory() as folder:
        columns = live_columns(Path(folder), parts)
        passing = columns.select(condition, by_author(parts.live))
        newer = {one.pmid for one in parts.delta}
        assert members(columns.in_base(passing)) == [pmid for pmid in members(passing) if pmid not in newer]
        assert members(columns.in_delta(passing)) == [pmid for pmid in members(passing) if pmid in newer]
        everything = columns.in_base(None)
        alive = sorted({one.pmid for one in parts.base} - set(parts.dead.tolist()))
        assert (everything is None) == (not len(parts.dead))
        assert everything is None or members(everything) == alive
        assert columns.in_delta(None) is None


def test_the_dead_of_the_base_still_count_where_only_the_number_is_asked_for(tmp_path: Path) -> None:
    base = [article(pmid, "T", mesh=(MeshHeading("Asthma"),)) for pmid in (1, 2, 3)]
    delta = [article(pmid, "T", mesh=(MeshHeading("Asthma"),)) for pmid in (2, 9)]
    columns = live_columns(tmp_path, Parts(base, delta, {3}))
    asthma = Term(TermField.MESH, "asthma")
    assert (columns.count(asthma), columns.select(asthma, by_author([])).count) == (5, 3)
    assert columns.count(Term(TermField.MESH, "child")) == 0


def test_selections_combine_wherever_they_lie(tmp_path: Path) -> None:
    columns = live_columns(tmp_path, Parts(BASE, DELTA, {3}))
    everything, untitled = columns.everything(), columns.having(Flag.TITLE_ONLY)
    assert members(everything) == [1, 2, 70, 300]
    assert members(everything - untitled) == [300]
    assert members(columns.select(Years(1992), by_author([])) & untitled) == [2, 70]
    assert members(everything - columns.retracted()) == [1, 2, 70, 300]


def test_a_base_alone_is_read_as_it_is(tmp_path: Path) -> None:
    base = columns_of(tmp_path / "base", BASE)
    columns = LiveColumns(base, None, np.empty(0, np.int64))
    assert columns.pmids is base.pmids
    assert columns.years is base.years
    assert columns.in_base(None) is None


def test_opening_reads_no_rows(tmp_path: Path) -> None:
    base = columns_of(tmp_path / "base", BASE)
    len(LiveColumns(base, columns_of(tmp_path / "delta", DELTA), np.array([2])))
    assert "_everything" not in vars(base)


def test_what_stands_in_no_column_is_asked_for_once(tmp_path: Path) -> None:
    asked = []

    def pmids_of(leaf: Term | Words) -> Pmids:
        asked.append(leaf)
        return np.array([300, 2, 1], np.int64)

    words = Words(TextField.TITLE, "statins")
    columns = live_columns(tmp_path, Parts(BASE, DELTA, set()))
    assert members(columns.select(And((words, Not(Years(2020)))), pmids_of)) == [1, 300]
    assert asked == [words]


@pytest.mark.parametrize("delta", [DELTA, []])
def test_threads_see_the_same(tmp_path: Path, delta: list[Article]) -> None:
    columns = live_columns(tmp_path, Parts(BASE, delta, {3}))

    def seen(_: int) -> tuple[list[int], ...]:
        retracted, years = columns.retracted(), columns.years
        return columns.pmids.tolist(), years.tolist(), members(columns.everything()), members(retracted)

    with ThreadPoolExecutor(8) as threads:
        first, *others = threads.map(seen, range(32))
    assert all(other == first for other in others)

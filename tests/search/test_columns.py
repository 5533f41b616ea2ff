"""Filter columns: the bitmap of what passes, against a slow reference."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search import Filters
from search.article import Flag
from search.catalogue import FilterValues
from search.columns import Columns, Selection
from search.errors import BrokenIndex, QueryError

VALUES = FilterValues(
    pmids=np.array([2, 7, 8, 64, 1000], np.int64),
    years=np.array([1999, 2005, 0, 2005, 2020], np.uint16),
    flags=np.array([0, Flag.RETRACTED, 0, Flag.TITLE_ONLY, Flag.RETRACTED | Flag.TITLE_ONLY], np.uint8),
)


def members(selection: Selection) -> list[int]:
    found: list[int] = np.flatnonzero(np.unpackbits(selection.bitmap, bitorder="little")).tolist()
    assert len(found) == selection.count
    return found


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), [2, 8, 64]),
        (Filters(include_retracted=True), [2, 7, 8, 64, 1000]),
        (Filters(year_from=2000), [64]),
        (Filters(year_from=2000, include_retracted=True), [7, 64, 1000]),
        (Filters(year_to=2004), [2]),
        (Filters(year_from=0, include_retracted=True), [2, 7, 64, 1000]),
        (Filters(year_from=2005, year_to=2005, include_retracted=True), [7, 64]),
        (Filters(has_abstract=True), [2, 8]),
        (Filters(year_from=1990, year_to=1991), []),
    ],
)
def test_passing(filters: Filters, expected: list[int]) -> None:
    assert members(Columns(VALUES).selections(filters).passing) == expected


@given(
    rows=st.dictionaries(st.integers(1, 5000), st.tuples(st.integers(0, 2030), st.integers(0, 63))),
    first=st.integers(1900, 2030),
    length=st.integers(0, 100),
)
def test_passing_equals_the_slow_reference(rows: dict[int, tuple[int, int]], first: int, length: int) -> None:
    pmids = sorted(rows)
    values = FilterValues(
        np.array(pmids, np.int64),
        np.array([rows[pmid][0] for pmid in pmids], np.uint16),
        np.array([rows[pmid][1] for pmid in pmids], np.uint8),
    )
    passing = Columns(values).selections(Filters(year_from=first, year_to=first + length)).passing
    assert members(passing) == [
        pmid for pmid in pmids if first <= rows[pmid][0] <= first + length and not rows[pmid][1] & Flag.RETRACTED
    ]


def test_hidden_are_the_retracted_that_would_pass() -> None:
    columns = Columns(VALUES)
    assert members(columns.selections(Filters(year_from=2000)).hidden) == [7, 1000]
    assert members(columns.selections(Filters(year_to=2000)).hidden) == []
    assert members(columns.selections(Filters(include_retracted=True)).hidden) == []


def test_without_leaves_the_original_alone() -> None:
    selection = Columns(VALUES).selections(Filters()).passing
    assert members(selection.without([8, 5, 999_999_999])) == [2, 64]
    assert members(selection) == [2, 8, 64]


def test_a_reserved_filter_is_refused_not_ignored() -> None:
    with pytest.raises(QueryError, match="not by publication types"):
        Columns(VALUES).selections(Filters(publication_types=("Review",)))


def test_files_come_back(tmp_path: Path) -> None:
    Columns.write(tmp_path / "columns", VALUES)
    columns = Columns.open(tmp_path / "columns")
    assert columns.pmids.tolist() == VALUES.pmids.tolist()
    assert columns.title_only_and_retracted() == (2, 2)


def test_a_missing_column(tmp_path: Path) -> None:
    Columns.write(tmp_path / "columns", VALUES)
    (tmp_path / "columns" / "years.npy").unlink()
    with pytest.raises(BrokenIndex, match=r"columns in .* cannot be read"):
        Columns.open(tmp_path / "columns")

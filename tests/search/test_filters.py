"""Filters: how a year range is written."""

import pytest

from search import Filters
from search.errors import QueryError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2015", (2015, 2015)),
        ("2015:2024", (2015, 2024)),
        ("2015:", (2015, None)),
        (":2024", (None, 2024)),
        ("", (None, None)),
        (" 2015 : 2024 ", (2015, 2024)),
    ],
)
def test_years(text: str, expected: tuple[int | None, int | None]) -> None:
    assert Filters.years(text) == expected


@pytest.mark.parametrize("text", ["soon", "2015-2024", "2015:2020:2024", "20.5"])
def test_years_that_are_none(text: str) -> None:
    with pytest.raises(QueryError, match="A year range is written 2015"):
        Filters.years(text)


def test_lists_become_tuples() -> None:
    assert Filters(mesh=["Humans"]) == Filters(mesh=("Humans",))  # type: ignore[arg-type]


def test_a_backward_range_is_refused() -> None:
    with pytest.raises(QueryError, match="put the earlier year first"):
        Filters(year_from=2024, year_to=2015)

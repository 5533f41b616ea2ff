"""The order of files: each after all that were applied before it, and of the same year."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from indexer.collecting import StampedSource
from indexer.file_order import gaps, require_order
from indexer.parsed_file import SourceFile, SourceFormat
from search.errors import SourceError
from search.manifest import AppliedSource

EXPORT = (0, 3)


def name_of(year: int, number: int) -> str:
    return f"pubmed{year % 100}n{number:04d}.xml.gz" if year else f"export{number}.xml"


def files(*places: tuple[int, int], folder: str = "new", content: str = "a") -> list[StampedSource]:
    return [
        StampedSource(SourceFile(Path(folder) / name_of(*place), SourceFormat.PUBMED_XML, *place), place[1], content)
        for place in places
    ]


def applied(*places: tuple[int, int]) -> list[AppliedSource]:
    return [AppliedSource(name_of(*place), "2026-01-01", 1, 0, 0, *place, "a") for place in places]


BEFORE = applied((2026, 1), (2026, 4), EXPORT, (2026, 2))


@pytest.mark.parametrize(
    "after",
    [[], [(2026, 5)], [(2026, 5), (2026, 9)], [EXPORT], [(0, 1), (2026, 5)]],
    ids=["none", "one", "two", "other", "both"],
)
def test_what_comes_after_all_is_taken(after: Sequence[tuple[int, int]]) -> None:
    require_order(files(*after), BEFORE, "index")


@pytest.mark.parametrize("before", [[], applied(EXPORT)])
def test_without_files_of_the_series_any_may_be_the_first(before: Sequence[AppliedSource]) -> None:
    require_order(files((2025, 7), (2025, 8)), before, "index")
    assert list(gaps(files((2025, 7)), before)) == []


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ((2026, 3), r"pubmed26n0003\.xml\.gz comes before pubmed26n0004\.xml\.gz, which was applied already\. Build anew"),
        ((2026, 2), r"pubmed26n0002\.xml\.gz was applied before with other content\."),
        ((2026, 4), r"pubmed26n0004\.xml\.gz was applied before with other content\."),
        ((2027, 1), r"is of 2027's files and the index of 2026's: .* Build from the files of 2027 with `pubmed-index build"),
        ((2025, 9), r"is of 2025's files and the index of 2026's: .* Build from the files of 2026 with `pubmed-index build"),
    ],
)
def test_what_does_not_is_refused_with_the_reason(place: tuple[int, int], why: str) -> None:
    with pytest.raises(SourceError, match=why) as refused:
        require_order(files((2026, 5), place), BEFORE, "some/index")
    assert "--index some/index" in str(refused.value)
    assert "With --force it is read nevertheless" in str(refused.value)


def test_one_number_with_two_contents_is_refused() -> None:
    twice = [*files((2026, 5)), *files((2026, 5), folder="other", content="b")]
    with pytest.raises(SourceError, match=r"new/pubmed26n0005\.xml\.gz and other/pubmed26n0005\.xml\.gz .* differ"):
        require_order(twice, BEFORE, "index")
    require_order([*files((2026, 5)), *files((2026, 5), folder="other")], BEFORE, "index")


def test_gaps_are_said() -> None:
    assert list(gaps(files((2026, 5), EXPORT, (2026, 7), (2026, 11)), BEFORE)) == [
        "1 file is missing between number 5 and pubmed26n0007.xml.gz: the index lacks what they say.",
        "3 files are missing between number 7 and pubmed26n0011.xml.gz: the index lacks what they say.",
    ]


def test_an_older_file_and_one_of_another_year_leave_no_gap() -> None:
    assert list(gaps(files((2025, 9), (2026, 3), (2026, 5)), BEFORE)) == []

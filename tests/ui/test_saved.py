"""Saved searches on the page: shared by all, and never in the way of an answer."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.filters import Filters
from search.results import Mode
from search.saved_search import SavedSearch
from search.saved_searches import SavedSearches
from ui.address import Address
from ui.saved import address_of

OpenPage = Callable[..., Any]


@pytest.fixture
def saved(tmp_path: Path) -> SavedSearches:
    return SavedSearches(tmp_path)


def test_an_address_is_what_was_saved() -> None:
    filters = Filters(2000, 2010, languages=("eng",), has_abstract=True)
    search = SavedSearch("one", "statins", Mode.LEXICAL, filters, unlike=(7,))
    expected = Address(
        "statins", Mode.LEXICAL, year_from=2000, year_to=2010, languages=("eng",), has_abstract=True, unlike=(7,)
    )
    assert address_of(search) == expected


def test_what_resembles_examples_leaves_no_mode_behind() -> None:
    assert address_of(SavedSearch("like", like=(5,))) == Address(like=(5,))


def test_a_damaged_file_hides_no_answer(open_page: OpenPage, saved: SavedSearches, tmp_path: Path) -> None:
    (tmp_path / "saved.sqlite").write_bytes(b"This is no database." * 100)
    page = open_page(saved=saved, q="statins")
    assert page.hits == 20
    assert "The index is damaged" not in page.html
    assert re.search(r'role="status">[^<]*saved', page.html)
    start = open_page(saved=saved)
    assert "Try one of these" in start.html
    assert "<footer>" in start.html


def test_a_name_that_is_taken_is_not_taken_away(open_page: OpenPage, saved: SavedSearches) -> None:
    saved.save(SavedSearch("statins", "statins", filters=Filters(2000)))
    page = open_page(saved=saved, q="statins")
    page.app.text_input[1].set_value("statins")
    page.press("Save")
    assert "Another search is saved as “statins”." in page.html
    assert [one.filters for one in saved.all()] == [Filters(2000)]


def test_a_search_is_deleted_after_a_second_click(open_page: OpenPage, saved: SavedSearches) -> None:
    saved.save(SavedSearch("one", "statins"))
    page = open_page(saved=saved)
    page.press("Delete it")
    assert saved.all() == []
    assert "Saved searches" not in page.html

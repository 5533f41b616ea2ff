import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.article import LARGEST_ID
from search.errors import QueryError
from search.filters import Filters
from ui.address import FIRST_YEAR, LAST_YEAR, PAGE_SIZES, Address

years = st.none() | st.integers(FIRST_YEAR, LAST_YEAR)
addresses = st.builds(
    Address,
    query=st.text().map(str.strip),
    year_from=years,
    year_to=years,
    include_retracted=st.booleans(),
    like=st.none() | st.integers(1, LARGEST_ID),
    shown=st.sampled_from(PAGE_SIZES),
)


@given(addresses)
def test_an_address_survives_its_url(address: Address) -> None:
    assert Address.read(address.parameters()) == address


@given(st.dictionaries(st.sampled_from(["q", "from", "to", "retracted", "like", "show"]), st.text()))
def test_any_url_can_be_read(parameters: dict[str, str]) -> None:
    address = Address.read(parameters)
    assert address.shown in PAGE_SIZES
    assert address.year_from is None or FIRST_YEAR <= address.year_from <= LAST_YEAR


def test_what_is_no_year_counts_as_not_given() -> None:
    parameters = {"q": " statins ", "from": "20x5", "to": "99999", "like": "-3", "show": "7", "retracted": "yes"}
    assert Address.read(parameters) == Address(query="statins")


def test_a_url_says_only_what_differs_from_the_start_page() -> None:
    assert Address().parameters() == {}
    full = Address("statins", 2015, 2024, include_retracted=True, like=7, shown=50)
    assert full.parameters() == {"q": "statins", "from": "2015", "to": "2024", "retracted": "1", "like": "7", "show": "50"}


def test_filters() -> None:
    assert Address("x", 2015, 2024, include_retracted=True).filters == Filters(2015, 2024, include_retracted=True)
    with pytest.raises(QueryError, match="put the earlier year first"):
        _ = Address("x", 2024, 2015).filters


def test_years_in_words() -> None:
    assert [
        Address(year_from=first, year_to=last).years for first, last in ((None, None), (2015, None), (None, 2020), (2015, 2020))
    ] == [
        "",
        "from 2015 on",
        "up to 2020",
        "2015 to 2020",
    ]


def test_sizes_go_10_20_50() -> None:
    assert [Address(shown=size).next_size for size in (10, 20, 50)] == [20, 50, None]

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.article import LARGEST_ID
from search.errors import QueryError
from search.filters import Filters
from search.results import Mode, Sort
from ui.address import FIRST_YEAR, LAST_PAGE, LAST_YEAR, LISTS, Address

years = st.none() | st.integers(FIRST_YEAR, LAST_YEAR)
texts = st.text(min_size=1).map(str.strip).filter(bool)
values = st.lists(texts, max_size=4, unique=True).map(tuple)
ids = st.lists(st.integers(1, LARGEST_ID), max_size=4, unique=True).map(tuple)
addresses = st.builds(
    Address,
    query=st.text().map(str.strip),
    mode=st.sampled_from(Mode),
    sort=st.sampled_from(Sort),
    year_from=years,
    year_to=years,
    has_abstract=st.booleans(),
    include_retracted=st.booleans(),
    like=ids,
    unlike=ids,
    page=st.integers(1, LAST_PAGE),
    mapped=st.booleans(),
    opened=st.none() | st.integers(1, LARGEST_ID),
    **dict.fromkeys(LISTS, values),
)


def as_lists(parameters: dict[str, str | list[str]]) -> dict[str, list[str]]:
    return {name: value if isinstance(value, list) else [value] for name, value in parameters.items()}


@given(addresses)
def test_an_address_survives_its_url(address: Address) -> None:
    assert Address.read(as_lists(address.parameters())) == address


NAMES = ["q", "mode", "sort", "from", "to", "journal", "type", "mesh", "language", "author", "abstract", "retracted", "like"]


@given(st.dictionaries(st.sampled_from([*NAMES, "unlike", "page", "map", "open"]), st.lists(st.text(), max_size=3)))
def test_any_url_can_be_read(parameters: dict[str, list[str]]) -> None:
    address = Address.read(parameters)
    assert 1 <= address.page <= LAST_PAGE
    assert 0 <= address.skipped <= 980
    assert address.year_from is None or FIRST_YEAR <= address.year_from <= LAST_YEAR
    assert all(1 <= pmid <= LARGEST_ID for pmid in (*address.like, *address.unlike))


def test_what_is_no_value_of_its_kind_counts_as_not_given() -> None:
    parameters = {"q": " statins ", "from": "20x5", "to": "99999", "like": "-3,,x", "page": "51", "retracted": "yes"}
    given = {name: [value] for name, value in parameters.items()} | {"mode": ["best"], "sort": [], "journal": [" "]}
    assert Address.read(given) == Address(query="statins")


def test_a_url_says_only_what_differs_from_the_start_page() -> None:
    assert Address().parameters() == {}
    full = Address(
        "statins", Mode.DENSE, Sort.DATE, 2015, 2024, journals=("Lancet",), mesh=("Asthma", "Pain"), like=(7, 8), page=3
    )
    assert full.parameters() == {
        "q": "statins",
        "mode": "dense",
        "sort": "date",
        "from": "2015",
        "to": "2024",
        "journal": ["Lancet"],
        "mesh": ["Asthma", "Pain"],
        "like": "7,8",
        "page": "3",
    }


def test_a_url_names_few_values_of_a_list() -> None:
    many = [str(number) for number in range(1, 100)]
    address = Address.read({"mesh": many, "like": [",".join(many)]})
    assert (len(address.mesh), len(address.like)) == (30, 30)


def test_filters() -> None:
    address = Address("x", year_from=2015, year_to=2024, languages=("eng",), has_abstract=True, include_retracted=True)
    assert address.filters == Filters(2015, 2024, languages=("eng",), has_abstract=True, include_retracted=True)
    with pytest.raises(QueryError, match="put the earlier year first"):
        _ = Address("x", year_from=2024, year_to=2015).filters


def test_what_narrows_leads_to_the_first_page() -> None:
    third = Address("x", Mode.LEXICAL, page=3, opened=9, mesh=("Pain",))
    assert third.first_page(year_from=2000) == Address("x", Mode.LEXICAL, year_from=2000, mesh=("Pain",))
    assert third.unfiltered() == Address("x", Mode.LEXICAL)
    assert (Address().asks, Address("x").asks, Address(like=(3,)).asks) == (False, True, True)


def test_a_filter_is_one_in_whatever_spelling() -> None:
    typed = Address("x", journals=("lancet", "BMJ."), page=3)
    assert typed.has("journals", "Lancet")
    assert not typed.has("journals", "Nature")
    assert typed.toggled("journals", "Bmj") == Address("x", journals=("lancet",))
    assert typed.toggled("journals", "Nature") == Address("x", journals=("lancet", "BMJ.", "Nature"))


def test_years_in_words() -> None:
    given = ((None, None), (2015, None), (None, 2020), (2015, 2020), (2020, 2020))
    assert [Address(year_from=first, year_to=last).years for first, last in given] == [
        "",
        "from 2015 on",
        "up to 2020",
        "2015 to 2020",
        "2020",
    ]

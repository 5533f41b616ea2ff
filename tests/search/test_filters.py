"""Filters: how they are written, and the condition that they are."""

import pytest

from search import Filters
from search.article import Flag
from search.condition import And, Flagged, Not, Or, Term, TermField, Years
from search.errors import QueryError
from search.filter_terms import Explosion
from search.filters import LIST_FILTERS


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


def test_one_string_is_a_list_of_one() -> None:
    assert Filters(mesh="asthma") == Filters(mesh=("asthma",))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", LIST_FILTERS)
@pytest.mark.parametrize("value", ["", "  ", "*", "."])
def test_a_blank_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(QueryError, match=f"filter {name.replace('_', ' ')} needs a value"):
        Filters(**{name: (value,)})  # type: ignore[arg-type]


def test_no_filters_are_the_condition_that_always_holds() -> None:
    assert Filters().condition() == And(())
    assert Filters(include_retracted=True).condition() == And(())


def test_the_condition_of_filters() -> None:
    filters = Filters(
        year_from=2015,
        journals=("Lancet",),
        mesh=("Asthma", "Neoplasm*"),
        publication_types=("Review",),
        authors=("Smith J",),
        languages=("English",),
        has_abstract=True,
    )
    assert filters.condition() == And(
        (
            Years(2015, None),
            Or((Term(TermField.JOURNAL, "lancet"),)),
            Or((Term(TermField.MESH, "asthma"), Term(TermField.MESH, "neoplasm", prefix=True))),
            Or((Term(TermField.PUBLICATION_TYPE, "review"),)),
            Or((Term(TermField.AUTHOR, "smith j", prefix=True),)),
            Or((Term(TermField.LANGUAGE, "eng"),)),
            Not(Flagged(Flag.TITLE_ONLY)),
        )
    )


@pytest.mark.parametrize("years", [{"year_from": 2015}, {"year_to": 2020}, {"year_from": 2015, "year_to": 2020}])
def test_the_condition_of_a_year_range(years: dict[str, int]) -> None:
    filters = Filters(**years)  # type: ignore[arg-type]
    assert filters.condition() == And((Years(years.get("year_from"), years.get("year_to")),))


NARROWER = {"Lung Diseases": ("Asthma", "Pneumonia"), "Review": ("Systematic Review",)}


def narrower(heading: str) -> tuple[str, ...]:
    return NARROWER.get(heading, ())


def test_headings_and_types_take_their_narrower_ones_in() -> None:
    filters = Filters(mesh=("Lung Diseases / drug therapy", "Cough"), publication_types=("Review",), journals=("Review",))
    mesh = ("lung diseases/drug therapy", "asthma/drug therapy", "pneumonia/drug therapy", "cough")
    types = ("review", "systematic review")
    assert filters.condition(narrower) == And(
        (
            Or((Term(TermField.JOURNAL, "review"),)),
            Or(tuple(Term(TermField.MESH, value) for value in mesh)),
            Or(tuple(Term(TermField.PUBLICATION_TYPE, value) for value in types)),
        )
    )
    assert tuple(filters.exploded(narrower)) == (
        Explosion("Lung Diseases", "/ drug therapy", NARROWER["Lung Diseases"]),
        Explosion("Review", "", NARROWER["Review"]),
    )


def test_beginnings_of_headings_and_filters_without_a_tree_stand_for_themselves() -> None:
    assert tuple(Filters(mesh=("Lung Diseases*",)).exploded(lambda _: ("Asthma",))) == ()
    assert tuple(Filters(mesh=("Lung Diseases",)).exploded(None)) == ()
    condition = Or((Term(TermField.MESH, "lung diseases", prefix=True),))
    assert Filters(mesh=("Lung Diseases*",)).condition(lambda _: ("Asthma",)) == And((condition,))

"""What narrows a search beside its text."""

from collections.abc import Iterator
from dataclasses import dataclass

from search.article import Flag
from search.condition import And, Condition, Flagged, Not, Or, TermField, Years
from search.errors import QueryError
from search.filter_terms import Explosion, Narrower, condition_of, explosion_of, normalised

__all__ = ["LIST_FILTERS", "Filters", "Narrower"]

# The filters that are lists of values, with the field whose values they are.
LIST_FILTERS = {
    "journals": TermField.JOURNAL,
    "mesh": TermField.MESH,
    "publication_types": TermField.PUBLICATION_TYPE,
    "authors": TermField.AUTHOR,
    "languages": TermField.LANGUAGE,
}
_IN_THE_TREE = ("mesh", "publication_types")


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that every hit meets. An empty tuple or None means "any"; years are inclusive.

    Of the values of one list any one is enough; one string stands for a list of one. A value is written as PubMed has it
    (``N Engl J Med``, ``Asthma/drug therapy``, ``Smith J``, ``eng`` or ``English``), in any case, and one that ends in ``*``
    stands for all that begin so. Retracted articles are left out unless `include_retracted`. Raises QueryError where the range
    of years runs backwards or a value is blank.
    """

    year_from: int | None = None
    year_to: int | None = None
    journals: tuple[str, ...] = ()
    mesh: tuple[str, ...] = ()
    publication_types: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    has_abstract: bool = False
    include_retracted: bool = False

    def __post_init__(self) -> None:
        for name, field in LIST_FILTERS.items():
            given: str | tuple[str, ...] = getattr(self, name)
            values = (given,) if isinstance(given, str) else tuple(given)
            if blank := [value for value in values if not normalised(field, value)]:
                raise QueryError(f"The filter {name.replace('_', ' ')} needs a value to look for; found {blank[0]!r}.")
            object.__setattr__(self, name, values)
        if self.year_from is not None and self.year_to is not None and self.year_from > self.year_to:
            raise QueryError(f"The year range {self.year_from}:{self.year_to} is empty: put the earlier year first.")

    def condition(self, narrower: Narrower | None = None) -> Condition:
        """What the filters ask of an article; `include_retracted` is no part of it: the searcher counts what it hides.

        With `narrower`, which gives the narrower headings of one, MeSH headings and publication types find these, too.
        """
        parts: list[Condition] = []
        if self.year_from is not None or self.year_to is not None:
            parts.append(Years(self.year_from, self.year_to))
        for name, field in LIST_FILTERS.items():
            values: tuple[str, ...] = getattr(self, name)
            if name in _IN_THE_TREE:
                values = tuple(one for value in values for one in _with_narrower(value, narrower))
            if values:
                parts.append(Or(tuple(condition_of(field, value, truncated=value.strip().endswith("*")) for value in values)))
        if self.has_abstract:
            parts.append(Not(Flagged(Flag.TITLE_ONLY)))
        return And(tuple(parts))

    def exploded(self, narrower: Narrower | None) -> Iterator[Explosion]:
        """The MeSH headings and publication types that find narrower ones, too."""
        for value in (value for name in _IN_THE_TREE for value in getattr(self, name)):
            if (explosion := explosion_of(value, narrower)) is not None:
                yield explosion

    @classmethod
    def years(cls, text: str) -> tuple[int | None, int | None]:
        """Read a year range: ``2015``, ``2015:2024``, ``2015:`` or ``:2024``. Raises QueryError on anything else."""
        first, colon, last = text.strip().partition(":")
        try:
            year_from = int(first) if first.strip() else None
            year_to = (int(last) if last.strip() else None) if colon else year_from
        except ValueError:
            raise QueryError(f"A year range is written 2015, 2015:2024, 2015: or :2024; found {text!r}.") from None
        return year_from, year_to


def _with_narrower(value: str, narrower: Narrower | None) -> tuple[str, ...]:
    explosion = explosion_of(value, narrower)
    return explosion.values if explosion else (value,)

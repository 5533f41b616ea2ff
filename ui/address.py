"""What the page shows, as its URL says it: a search can be shared, reloaded and stepped back to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from search.article import LARGEST_ID
from search.filter_terms import language_name, normalised
from search.filters import LIST_FILTERS, Filters
from search.results import DEPTH, Mode, Sort

FIRST_YEAR = 1700
LAST_YEAR = 2100
PAGE_SIZE = 20
LAST_PAGE = DEPTH // PAGE_SIZE
# Addresses longer than some thousand characters are cut by servers and by mail programs; more examples say little of each.
MOST_VALUES = 30

# The parameters of the filters that are lists; a parameter stands once for every value.
LISTS = {"journals": "journal", "publication_types": "type", "mesh": "mesh", "languages": "language", "authors": "author"}
_Choice = TypeVar("_Choice", Mode, Sort)


@dataclass(frozen=True, slots=True)
class Address:
    """The state of the page: what is asked, how, among which articles, and which twenty hits are shown.

    `like` and `unlike` are PMIDs or local ids of examples; `mapped` shows the hits on a map, too, and `opened` is the article
    whose whole record is shown, None for none.
    """

    query: str = ""
    mode: Mode = Mode.HYBRID
    sort: Sort = Sort.RELEVANCE
    year_from: int | None = None
    year_to: int | None = None
    journals: tuple[str, ...] = ()
    publication_types: tuple[str, ...] = ()
    mesh: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    has_abstract: bool = False
    include_retracted: bool = False
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    page: int = 1
    mapped: bool = False
    opened: int | None = None

    @classmethod
    def read(cls, parameters: Mapping[str, Sequence[str]]) -> "Address":
        """Read the parameters of a URL, each a list of values; what is no value of its kind counts as not given."""
        one = {name: values[-1].strip() for name, values in parameters.items() if values}
        return cls(
            query=one.get("q", ""),
            mode=_choice(one.get("mode", ""), Mode.HYBRID),
            sort=_choice(one.get("sort", ""), Sort.RELEVANCE),
            year_from=_number(one.get("from", ""), FIRST_YEAR, LAST_YEAR),
            year_to=_number(one.get("to", ""), FIRST_YEAR, LAST_YEAR),
            has_abstract=one.get("abstract", "") == "1",
            include_retracted=one.get("retracted", "") == "1",
            like=_ids(one.get("like", "")),
            unlike=_ids(one.get("unlike", "")),
            page=_number(one.get("page", ""), 1, LAST_PAGE) or 1,
            mapped=one.get("map", "") == "1",
            opened=_number(one.get("open", ""), 1, LARGEST_ID),
            **{name: _values(parameters.get(parameter, ())) for name, parameter in LISTS.items()},
        )

    def parameters(self) -> dict[str, str | list[str]]:
        """The parameters of this page's URL, without those that say nothing."""
        named = {
            "q": self.query,
            "mode": "" if self.mode is Mode.HYBRID else str(self.mode),
            "sort": "" if self.sort is Sort.RELEVANCE else str(self.sort),
            "from": _text(self.year_from),
            "to": _text(self.year_to),
            **{parameter: list(getattr(self, name)) for name, parameter in LISTS.items()},
            "abstract": "1" if self.has_abstract else "",
            "retracted": "1" if self.include_retracted else "",
            "like": ",".join(map(str, self.like)),
            "unlike": ",".join(map(str, self.unlike)),
            "page": "" if self.page == 1 else str(self.page),
            "map": "1" if self.mapped else "",
            "open": _text(self.opened),
        }
        return {name: value for name, value in named.items() if value}

    @property
    def asks(self) -> bool:
        """Whether anything is looked for: a question, or articles like some examples."""
        return bool(self.query or self.like)

    @property
    def filters(self) -> Filters:
        """The filters of this search. Raises QueryError where the range of years runs backwards."""
        lists = {name: getattr(self, name) for name in LISTS}
        return Filters(
            self.year_from,
            self.year_to,
            has_abstract=self.has_abstract,
            include_retracted=self.include_retracted,
            **lists,
        )

    @property
    def skipped(self) -> int:
        """How many hits stand on the pages before this one."""
        return (self.page - 1) * PAGE_SIZE

    def first_page(self, **changes: object) -> "Address":
        """The first page of a search that differs in something."""
        return replace(self, **{"page": 1, "opened": None, **changes})  # type: ignore[arg-type]

    def toggled(self, name: str, value: str) -> "Address":
        """The first page with a value of a list filter taken off, or put on where it was not there."""
        values: tuple[str, ...] = getattr(self, name)
        others = tuple(other for other in values if not _are_one(name, other, value))
        return self.first_page(**{name: others if others != values else (*values, value)})

    def has(self, name: str, value: str) -> bool:
        """Whether a list filter has a value, in whatever spelling."""
        return any(_are_one(name, other, value) for other in getattr(self, name))

    def unfiltered(self) -> "Address":
        """The same question among all articles but the retracted ones."""
        return Address(self.query, self.mode, self.sort, like=self.like, unlike=self.unlike, mapped=self.mapped)

    @property
    def years_run_backwards(self) -> bool:
        """Whether no year lies in the range."""
        return self.year_from is not None and self.year_to is not None and self.year_from > self.year_to

    @property
    def narrowings(self) -> "list[tuple[str, Address]]":
        """What the filters say, one by one, each with the first page without it."""
        named = []
        if self.years:
            named.append((f"Years {self.years}", self.first_page(year_from=None, year_to=None)))
        for name in LISTS:
            named.extend((shown_value(name, value), self.toggled(name, value)) for value in getattr(self, name))
        if self.has_abstract:
            named.append(("With an abstract", self.first_page(has_abstract=False)))
        if self.include_retracted:
            named.append(("Retracted ones, too", self.first_page(include_retracted=False)))
        return named

    @property
    def years(self) -> str:
        """The range of years in words; "" where there is none."""
        match self.year_from, self.year_to:
            case None, None:
                return ""
            case first, None:
                return f"from {first} on"
            case None, last:
                return f"up to {last}"
            case first, last if first == last:
                return str(first)
            case first, last:
                return f"{first} to {last}"


def _are_one(name: str, value: str, other: str) -> bool:
    """Whether two values of a list filter let the same articles through."""
    return normalised(LIST_FILTERS[name], value) == normalised(LIST_FILTERS[name], other)


def shown_value(name: str, value: str) -> str:
    """A value of a list filter as it is shown: languages by their names."""
    return language_name(value) if name == "languages" else value


def _number(text: str, smallest: int, largest: int) -> int | None:
    """A whole number within bounds, or None; a widget given a value outside its bounds would raise."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(largest))):
        return None
    number = int(text)
    return number if smallest <= number <= largest else None


def _ids(text: str) -> tuple[int, ...]:
    numbers = (_number(part.strip(), 1, LARGEST_ID) for part in text.split(","))
    return tuple(dict.fromkeys(number for number in numbers if number is not None))[:MOST_VALUES]


def _values(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text.strip() for text in texts if text.strip()))[:MOST_VALUES]


def _choice(text: str, default: _Choice) -> _Choice:
    kind = type(default)
    return kind(text) if text in list(kind) else default


def _text(number: int | None) -> str:
    return "" if number is None else str(number)

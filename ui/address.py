"""What the page shows, as its URL says it: a search can be shared, reloaded and stepped back to."""

from collections.abc import Mapping
from dataclasses import dataclass

from search.article import LARGEST_ID
from search.filters import Filters

FIRST_YEAR = 1700
LAST_YEAR = 2100
PAGE_SIZES = (10, 20, 50)


@dataclass(frozen=True, slots=True)
class Address:
    """The state of the page; `like` is the PMID or local id whose similar articles are shown, `shown` one of `PAGE_SIZES`."""

    query: str = ""
    year_from: int | None = None
    year_to: int | None = None
    include_retracted: bool = False
    like: int | None = None
    shown: int = PAGE_SIZES[0]

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "Address":
        """Read the parameters of a URL; what is not a year, such an id or a known size counts as not given."""
        shown = _number(parameters, "show", PAGE_SIZES[0], PAGE_SIZES[-1])
        return cls(
            query=parameters.get("q", "").strip(),
            year_from=_number(parameters, "from", FIRST_YEAR, LAST_YEAR),
            year_to=_number(parameters, "to", FIRST_YEAR, LAST_YEAR),
            include_retracted=parameters.get("retracted", "") == "1",
            like=_number(parameters, "like", 1, LARGEST_ID),
            shown=shown if shown in PAGE_SIZES else PAGE_SIZES[0],
        )

    def parameters(self) -> dict[str, str]:
        """The parameters of this page's URL, without those that say nothing."""
        named = {
            "q": self.query,
            "from": self.year_from,
            "to": self.year_to,
            "retracted": int(self.include_retracted),
            "like": self.like,
            "show": self.shown if self.shown != PAGE_SIZES[0] else None,
        }
        return {name: str(value) for name, value in named.items() if value}

    @property
    def filters(self) -> Filters:
        """The filters of this search. Raises QueryError where the range of years runs backwards."""
        return Filters(year_from=self.year_from, year_to=self.year_to, include_retracted=self.include_retracted)

    @property
    def next_size(self) -> int | None:
        """How many hits "Show more" would show; None at the last size."""
        return next((size for size in PAGE_SIZES if size > self.shown), None)

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
            case first, last:
                return f"{first} to {last}"


def _number(parameters: Mapping[str, str], name: str, smallest: int, largest: int) -> int | None:
    """A whole number within bounds, or None; a widget given a value outside its bounds would raise."""
    text = parameters.get(name, "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(largest))):
        return None
    number = int(text)
    return number if smallest <= number <= largest else None

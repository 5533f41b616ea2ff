"""What narrows a search beside its text."""

from dataclasses import dataclass

from search.errors import QueryError

LIST_FILTERS = ("journals", "mesh", "publication_types", "authors", "languages")


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that every hit meets. An empty tuple or None means "any"; years are inclusive.

    Retracted articles are left out unless `include_retracted`. `journals`, `mesh`, `publication_types`, `authors` and
    `languages` are reserved: `Searcher` refuses them until the index holds their bitmaps.
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
        for name in LIST_FILTERS:
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.year_from is not None and self.year_to is not None and self.year_from > self.year_to:
            raise QueryError(f"The year range {self.year_from}:{self.year_to} is empty: put the earlier year first.")

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

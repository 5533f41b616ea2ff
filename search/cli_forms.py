"""The forms in which ``pubmed-search`` prints an answer."""

from enum import StrEnum

from search.export import Format


class Screen(StrEnum):
    """The forms of an answer that are no file of a reference manager or spreadsheet."""

    TABLE = "table"
    JSON = "json"
    ATOM = "atom"


FORMS: dict[str, Screen | Format] = {form.value: form for form in (*Screen, *Format)}

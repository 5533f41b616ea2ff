"""What NLM's server says of its files: the listing of a folder, and the MD5 of a file."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from html.parser import HTMLParser

from indexer.polite_http import TransientError

# Nothing else in a listing is ever taken for a file's name, so no name leads out of the folder that it is meant for.
_NAME = re.compile(r"pubmed([0-9]{2})n([0-9]{4,6})\.xml\.gz")
_MD5_SUFFIX = ".md5"
_MD5_LINE = re.compile(
    r"MD5 ?\((?P<of>[^()]*)\) ?= ?(?P<md5>[0-9a-fA-F]{32})|(?P<md5_first>[0-9a-fA-F]{32})(?: [ *]?(?P<after>\S+))?"
)


class Series(StrEnum):
    """The two folders of NLM's server, and of a mirror's year."""

    BASELINE = "baseline"
    UPDATES = "updatefiles"


@dataclass(frozen=True, slots=True, order=True)
class ListedFile:
    """A file of records in a listing; `stamp` is what the listing says of it and of its MD5: dates and rounded sizes.

    `stamp` is "" where the listing names no date: then it does not tell whether the file has changed.
    """

    year: int
    number: int
    series: Series
    name: str
    has_md5: bool
    stamp: str

    @property
    def path(self) -> str:
        """Where it lies on the server."""
        return f"{self.series}/{self.name}"

    @property
    def md5_path(self) -> str:
        """Where its MD5 lies on the server."""
        return self.path + _MD5_SUFFIX


def read_listing(html: str, series: Series) -> list[ListedFile]:
    """The files of records in the listing of a folder, in their order; TransientError where it is cut short."""
    if "</html>" not in html[-1000:].lower():
        raise TransientError("a listing that breaks off before </html>")
    reader = _ListingReader()
    try:
        reader.feed(html)
        reader.close()
    except AssertionError as error:  # what html.parser says of a marked section that it does not know
        raise TransientError(f"a listing that is no HTML ({error})") from error
    said = {name: " ".join(text.split()) for name, text in reader.said.items()}
    return sorted(_listed(name, series, said) for name in said if _NAME.fullmatch(name))


def _listed(name: str, series: Series, said: dict[str, str]) -> ListedFile:
    """One file, with its place in the series by its name."""
    year, number = _place(name)
    md5_said = said.get(name + _MD5_SUFFIX)
    dated = all(text and re.search(r"\d:\d\d", text) for text in (said[name], md5_said))
    stamp = f"{said[name]} / {md5_said}" if dated else ""
    return ListedFile(year, number, series, name, md5_said is not None, stamp)


def _place(name: str) -> tuple[int, int]:
    """The year and the number in a file's name."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(name)
    return 2000 + int(found.group(1)), int(found.group(2))


class _ListingReader(HTMLParser):
    """Collects the links of a listing, each with the text between it and the next."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, str] = {}
        self._name = ""
        self._in_link = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A link begins: what follows it belongs to it."""
        if tag == "a":
            self._in_link, self._name = True, dict(attrs).get("href") or ""
            self.said.setdefault(self._name, "")

    def handle_endtag(self, tag: str) -> None:
        """The link's own words end."""
        if tag == "a":
            self._in_link = False

    def handle_data(self, data: str) -> None:
        """Text beside a link: the date and the size."""
        if self._name and not self._in_link:
            self.said[self._name] += data


def read_md5(text: str, name: str) -> str:
    """The MD5 that NLM states for a file: `MD5(NAME)= 9ab5...`, or `9ab5...  NAME`; TransientError where it is none."""
    found = _MD5_LINE.fullmatch(text.strip())
    of = (found.group("of") or found.group("after") or name).strip() if found else ""
    if found is None or of != name:
        raise TransientError(f"{' '.join(text.split())[:80]!r} instead of an MD5")
    return (found.group("md5") or found.group("md5_first")).lower()


def missing_numbers(files: Iterable[ListedFile]) -> list[str]:
    """The names that a listing passes over: NLM numbers the files of a year without gaps."""
    by_year: dict[int, set[int]] = {}
    for file in files:
        by_year.setdefault(file.year, set()).add(file.number)
    return [
        f"pubmed{year % 100:02d}n{number:04d}.xml.gz"
        for year, numbers in sorted(by_year.items())
        for number in range(min(numbers), max(numbers))
        if number not in numbers
    ]

"""Values as NLM writes them, read the same way in every format: white space, PMIDs, dates, names, MeSH headings."""

import re
from functools import lru_cache

from search.article import LARGEST_PMID, Author, MeshHeading, MeshQualifier

_LONGEST_INITIALS = 6
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST_DATE = 80  # that is looked at; what is remembered of dates is bounded by it
_LONGEST_PART = 16
_SUFFIXES = frozenset({"Jr", "Sr", "1st", "2nd", "3rd", "4th", "5th", "6th", "II", "III", "IV", "V", "VI"})


def squeeze(text: str) -> str:
    """The text with every run of white space (line breaks, no-break and thin spaces too) as one space, and none at its ends."""
    return " ".join(text.split())


def pmid_of(written: str | None) -> int | None:
    """The PMID written in decimal digits; None where it is missing, not a whole number, zero, or longer than NLM's."""
    digits = (written or "").strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(LARGEST_PMID)):
        return None
    number = int(digits)
    return number if 0 < number <= LARGEST_PMID else None


def leading_year(date: str) -> int | None:
    """The first year in a date as printed, by which NCBI sorts: 1998 in ``1998 Dec-1999 Jan``; None where there is none."""
    return _leading_year(date[:_LONGEST_DATE])


@lru_cache(maxsize=1 << 14)
def _leading_year(date: str) -> int | None:
    found = _YEAR.search(date)
    return int(found.group()) if found else None


def iso_date(year: str, month: str = "", day: str = "") -> str:
    """ISO 8601 as far as the date is known: ``2014-03-07``, ``2014-03``, ``2014``, or "" without a year."""
    return _iso_date(year[:_LONGEST_PART], month[:_LONGEST_PART], day[:_LONGEST_PART])


@lru_cache(maxsize=1 << 16)
def _iso_date(year: str, month: str, day: str) -> str:
    known_year = leading_year(year)
    if known_year is None:
        return ""
    month_number = _month_number(month)
    if not month_number:
        return f"{known_year:04d}"
    if not (day.isascii() and day.isdigit() and 1 <= int(day) <= 31):  # noqa: PLR2004 - the days of a month
        return f"{known_year:04d}-{month_number:02d}"
    return f"{known_year:04d}-{month_number:02d}-{int(day):02d}"


def author_named(name: str) -> Author:
    """The author in ``Smith JA Jr`` (as PubMed prints names) or ``Smith, John A``; one word is a last name."""
    if "," in name:
        last_name, _, fore_name = name.partition(",")
        return Author(last_name=last_name.strip(), fore_name=fore_name.strip())
    words = name.split()
    suffix = words.pop() if len(words) > 2 and words[-1] in _SUFFIXES else ""  # noqa: PLR2004 - last name, initials, suffix
    has_initials = len(words) > 1 and words[-1].isupper() and len(words[-1]) <= _LONGEST_INITIALS
    initials = words.pop() if has_initials else ""
    return Author(last_name=" ".join(words), initials=initials, suffix=suffix)


def mesh_heading_of(written: str) -> MeshHeading:
    """The heading in ``*Communication`` or ``Heart Failure/*drug therapy/mortality``; a star marks a major topic."""
    descriptor, *qualifiers = (part.strip() for part in written.split("/"))
    return MeshHeading(
        descriptor=descriptor.removeprefix("*"),
        qualifiers=tuple(MeshQualifier(part.removeprefix("*"), major=part.startswith("*")) for part in qualifiers if part),
        major=descriptor.startswith("*"),
    )


def _month_number(month: str) -> int:
    """1-12 from ``3``, ``03`` or ``Mar``; 0 where it is none of them."""
    if month.isascii() and month.isdigit():
        return int(month) if 1 <= int(month) <= len(_MONTHS) else 0
    lowered = month[:3].lower()
    return _MONTHS.index(lowered) + 1 if lowered in _MONTHS else 0

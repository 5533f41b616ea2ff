"""Values as reference managers and databases write them, in RIS and in CSV alike: names, DOIs, ISSNs, languages, dates."""

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile

from indexer.notation import author_named, leading_year, squeeze
from search.article import Author, Correction, Flag
from search.citation import MONTHS, WARNINGS
from search.condition import TermField
from search.filter_terms import normalised

TRUNCATED_AUTHORS = ("et al", "et al.")

_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi: ?)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_ISSN = re.compile(r"\b(\d{4})-?(\d{3}[\dXx])\b")
_PMCID = re.compile(r"(?:.*\bPMCID:? ?)?(PMC\d+)\b")
_WORD = re.compile(r"[^\W\d_]+")
_DOTTED_INITIALS = re.compile(r"(?:[^\W\d_]\.-?)+")
_PARTS_OF_DATE = 3
_DIGITS_OF_MONTH = 2
_LONGEST_INITIALS = 3
_FLAG_OF_WARNING = {warning.lower(): flag for flag, warning in WARNINGS.items()}
_REF_TYPES = {Flag.EXPRESSION_OF_CONCERN: "ExpressionOfConcernIn", Flag.ERRATUM: "ErratumIn"}


def reference_author(name: str) -> Author:
    """``Smith, John A., Jr``, ``Smith JA`` or ``Smith J A``; other names of several words, or before a comma, are groups'."""
    last_name, *others = (part.strip() for part in name.split(",", 2))
    if any(others):
        fore_name, suffix = others[0], others[1] if len(others) > 1 else ""
        return Author(last_name, fore_name, _initials(fore_name), suffix)
    words = last_name.split()
    letters = len(list(takewhile(_is_letters, reversed(words[1:]))))
    if letters:
        return Author(" ".join(words[:-letters]), initials=_initials(" ".join(words[-letters:])))
    named = author_named(last_name)
    is_person = named.initials or not (others or " " in last_name)
    return named if is_person else Author(collective_name=last_name)


def doi_in(values: Iterable[str]) -> str:
    """The first DOI, bare or in an address."""
    return next((found.group(1) for value in values if (found := _DOI.match(value))), "")


def issn_in(values: Iterable[str]) -> str:
    """The first ISSN as NLM writes it; programs leave out the hyphen, or add words."""
    found = next((found for value in values if (found := _ISSN.search(value))), None)
    return f"{found.group(1)}-{found.group(2).upper()}" if found else ""


def pmcid_in(values: Iterable[str]) -> str:
    """The first PMCID, alone or behind its label."""
    return next((found.group(1) for value in values if (found := _PMCID.match(value))), "")


def languages_in(values: Iterable[str]) -> tuple[str, ...]:
    """The languages by NLM's codes, where they are known."""
    names = (normalised(TermField.LANGUAGE, name) for value in values for name in re.split("[;,]", value))
    return tuple(dict.fromkeys(name for name in names if name))


def flags_in(values: Iterable[str]) -> list[Flag]:
    """The warnings in notes and types of work: ``Retracted Publication (J Med. 2021;13:9)``."""
    warnings = (value.partition(" (")[0].lower() for value in values)
    return list(dict.fromkeys(_FLAG_OF_WARNING[warning] for warning in warnings if warning in _FLAG_OF_WARNING))


def publication_types_of(flags: Iterable[Flag]) -> Iterator[str]:
    """The publication types that say what some of the flags say."""
    return (WARNINGS[flag] for flag in flags if flag in WARNINGS and flag not in _REF_TYPES)


def corrections_of(flags: Iterable[Flag]) -> tuple[Correction, ...]:
    """The links that say what the other flags say; to which article they go is not known."""
    return tuple(Correction(_REF_TYPES[flag]) for flag in flags if flag in _REF_TYPES)


def printed_date(date: str) -> str:
    """``2014 Mar 7`` from ``2014/03/07/``, and what follows the third slash as it is; other dates are left alone."""
    year, *rest = (part.strip() for part in date.split("/", _PARTS_OF_DATE))
    if not rest or leading_year(year) is None:
        return date
    month, day, other = (*rest, "", "")[:_PARTS_OF_DATE]
    name = _month_name(month)
    return squeeze(f"{year} {name} {day.lstrip('0') if name else ''} {other}")


def _month_name(month: str) -> str:
    """``Mar`` from ``03``; "" where it is no month."""
    is_number = month.isascii() and month.isdigit() and len(month) <= _DIGITS_OF_MONTH
    return MONTHS[int(month) - 1] if is_number and 1 <= int(month) <= len(MONTHS) else ""


def _is_letters(word: str) -> bool:
    """Whether a word is one letter, or several with dots: ``J``, ``J.``, ``J.A.``."""
    return len(word.rstrip(".")) == 1 or _DOTTED_INITIALS.fullmatch(word) is not None


def _initials(fore_name: str) -> str:
    """``JA`` from ``John A.``, ``J.-A.``, ``J A`` or ``JA``."""
    words = _WORD.findall(fore_name)
    return "".join(word if word.isupper() and len(word) <= _LONGEST_INITIALS else word[0].upper() for word in words)

"""The values that stand before PubMed's field tags, as conditions."""

import re
from dataclasses import dataclass

from search.condition import And, Condition, Term, TermField, TextField, Words, Years
from search.errors import QueryError
from search.filter_terms import condition_of, normalised
from search.pubmed_tags import OPEN_YEAR, QUOTES, TAG_OF, fault, shown

_SHORTEST_TRUNCATION = 3
_BARE_STAR = re.compile(r"(?<!\S)\*|\*(?=\s)")
_WORD = re.compile(r"[^\W_]+")
_DATE = re.compile(r"([0-9]{4})(?:/([0-9]{1,2})(?:/([0-9]{1,2}))?)?")
_FIRST_DAYS = ((None, None), (1, None), (1, 1))
_LAST_DAYS = ((None, None), (12, None), (12, 31))
PMID_SHAPE = re.compile(r"(?!0+\b)[0-9]{1,8}|1[0-6][0-9]{7}")  # the longer ones are local ids
DOI_SHAPE = re.compile(r"10\.[0-9]{4,9}/\S+")
# What a question has beside its subject: words that an article need not contain to answer it.
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be but by can could did do does for from has have how if in into is it its not of on or should "
        "that the their there these this to was were what when where which who why will with would",
    )
)


@dataclass(frozen=True, slots=True)
class Value:
    """What stands before a tag, without quotation marks and star; `start` is where it begins in the text, from 0."""

    text: str
    start: int
    truncated: bool = False


def value_of(written: str, start: int) -> Value:
    """Read a value, quotation marks included where it has them. Raises QueryError where it is empty or a star is astray."""
    inner, begin = (written[1:-1], start + 1) if written[0] in QUOTES else (written, start)
    trimmed = inner.rstrip()
    bare = trimmed.rstrip("*")
    if not _has_word(bare):
        raise fault(start, "a value with at least one letter or digit", shown(written) or "nothing")
    star = _BARE_STAR.search(bare)
    if star or bare != bare.rstrip():
        at = star.start() if star else len(bare)
        raise fault(begin + at, "the * directly behind the beginning of the last word", "it elsewhere")
    return Value(" ".join(bare.split()), begin, truncated=bare != trimmed)


def condition_for(field: TermField | TextField, value: Value) -> Condition:
    """What a value asks of a field. Raises QueryError where the field has no such values or too little stands before a star."""
    if isinstance(field, TextField):
        _refuse_short(value, _WORD.findall(value.text)[-1:])
        return Words(field, value.text, prefix=value.truncated)
    if field is TermField.PMID:
        return _pmid(value)
    if field is TermField.DOI:
        return _doi(value)
    _refuse_short(value, _WORD.findall(value.text))
    try:
        return condition_of(field, value.text, truncated=value.truncated)
    except QueryError as error:
        raise fault(value.start, f"a value of [{TAG_OF[field]}]", f"{shown(value.text)!r} ({error})") from error


def all_words(written: str, start: int) -> Condition:
    """Every word of a text, in any field; stop words need not occur unless there are no others. Raises QueryError."""
    words = [(match.group(), start + match.start()) for match in re.finditer(r"\S+", written)]
    words = [word for word in words if _has_word(word[0]) or "*" in word[0]]
    telling = [word for word in words if word[0].lower() not in _STOP_WORDS] or words or [(written, start)]
    parts = tuple(condition_for(TextField.ALL, value_of(*word)) for word in telling)
    return parts[0] if len(parts) == 1 else And(parts)


def years(first: Value, last: Value | None = None) -> Years:
    """A year, a range as one value (``2019:2024``), or a range of two. Raises QueryError for what is not whole years."""
    if last is None:
        before, colon, after = first.text.partition(":")
        if not colon:
            year = _year(first, ((None, None),))
            return Years(year, year)
        first, last = Value(before, first.start), Value(after, first.start + len(before) + 1, first.truncated)
    begin, end = _year(first, _FIRST_DAYS), _year(last, _LAST_DAYS)
    if begin is None and end is None:
        raise fault(first.start, "a year on one side of the colon", "none")
    end = None if end == OPEN_YEAR else end
    if begin is not None and end is not None and begin > end:
        raise fault(first.start, "the earlier year first", f"{begin} before {end}")
    return Years(begin, end)


def _year(value: Value, days: tuple[tuple[int | None, int | None], ...]) -> int | None:
    """The year of a date; `days` are the months and days at which a year begins or ends."""
    text = value.text.strip()
    if not text and len(days) > 1:
        return None
    match = _DATE.fullmatch(text)
    if match is None or value.truncated:
        raise fault(
            value.start, "a year such as 2019 or a range such as 2019:2024", shown(text + "*" * value.truncated) or "nothing"
        )
    year, month, day = (int(part) if part else None for part in match.groups())
    if (month, day) not in days:
        raise fault(value.start, "whole years, for dates are filtered by year here", shown(text))
    return year


def _pmid(value: Value) -> Term:
    if value.truncated or not PMID_SHAPE.fullmatch(value.text):
        raise fault(value.start, "one PMID, a number of 1 to 8 digits, or a local id", shown(value.text))
    return Term(TermField.PMID, str(int(value.text)))


def _doi(value: Value) -> Term:
    doi = normalised(TermField.DOI, value.text)
    if value.truncated or not DOI_SHAPE.fullmatch(doi):
        raise fault(value.start, "one whole DOI such as 10.1056/NEJMoa1301680", shown(value.text))
    return Term(TermField.DOI, doi)


def _refuse_short(value: Value, words: list[str]) -> None:
    """Short beginnings stand for too many words to look up."""
    if value.truncated and sum(map(len, words)) < _SHORTEST_TRUNCATION:
        wanted = f"at least {_SHORTEST_TRUNCATION} letters or digits before the *"
        raise fault(value.start, wanted, shown(value.text) + "*")


def _has_word(text: str) -> bool:
    return any(map(str.isalnum, text))

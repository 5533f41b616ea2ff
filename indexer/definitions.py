"""Finds the abbreviations that abstracts define: "acute respiratory distress syndrome (ARDS)"."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from search.abbreviations import as_typed
from search.article import Article
from search.catalogue import Definition

# The words before a parenthesis that holds one short word, or such a word and more after a comma or a semicolon.
_PARENTHESIS = re.compile(r"\(\s*([^\s()\[\];,]{2,10})\s*[;,)]")
_SENTENCE_END = re.compile(r"[.;:?!)]\s")
_WHITE_SPACE = re.compile(r"\s+")
_SHORTEST_LONG = 4
# No term begins with these; the letters of the short form were found in the sentence around it.
_NEVER_FIRST = frozenset({"and", "of", "or", "to", "with", "by", "from", "is", "were", "was"})


def count_definitions(articles: Iterable[Article]) -> list[Definition]:
    """The definitions in some articles, each with the number of articles that have it."""
    counts = Counter(pair for article in articles for pair in set(definitions(f"{article.title} {article.abstract}")))
    return [Definition(short, long, number) for (short, long), number in counts.items()]


def definitions(text: str) -> Iterator[tuple[str, str]]:
    """The pairs of a short form, as written, and its long form in lower case.

    The algorithm of Schwartz and Hearst, "A simple algorithm for identifying abbreviation definitions in biomedical text",
    Pacific Symposium on Biocomputing 2003: the letters of the short form, from the last, are looked for from right to left
    in the min(|A| + 5, 2 |A|) words before the parenthesis, and its first one must begin a word.
    """
    for found in _PARENTHESIS.finditer(text):
        short = found.group(1)
        if not _could_be_short(short):
            continue
        before = _SENTENCE_END.split(text[max(0, found.start() - 200) : found.start()])[-1]
        words = _WHITE_SPACE.split(before.strip())
        window = " ".join(words[-min(len(short) + 5, 2 * len(short)) :])
        if long := _long_form(short, window):
            yield as_typed(short), as_typed(long).casefold()


def _could_be_short(short: str) -> bool:
    return short[0].isalnum() and any(map(str.isupper, short)) and sum(map(str.isalpha, short)) * 2 >= len(short)


def _long_form(short: str, window: str) -> str | None:
    at = len(window)
    for position in range(len(short) - 1, -1, -1):
        letter = short[position].casefold()
        if not letter.isalnum():
            continue
        at -= 1
        while at >= 0 and not (window[at].casefold() == letter and (position > 0 or at == 0 or not window[at - 1].isalnum())):
            at -= 1
        if at < 0:
            return None
    long = window[window.rfind(" ", 0, at) + 1 :].strip(" \"'([")
    return long if _is_sensible(short, long) else None


def _is_sensible(short: str, long: str) -> bool:
    """A long form is longer than the short one, does not hold it, and is a term: no half of a parenthesis, no joining word."""
    words = long.casefold().split()
    fits = len(words) <= min(len(short) + 5, 2 * len(short)) and len(long) >= max(_SHORTEST_LONG, len(short) + 2)
    whole = all(long.count(opening) == long.count(closing) for opening, closing in ("()", "[]"))
    return fits and whole and short.casefold() not in words and words[0] not in _NEVER_FIRST

"""Abbreviations of a question in both forms, where the corpus defines them."""

from collections.abc import Iterator, Sequence

from search.catalogue import Catalogue, Definition
from search.lexical import LexicalIndex
from search.results import Abbreviation
from search.words import exact_words

# An abbreviation of many meanings is left alone unless one of them is what most articles mean by it.
_SHARE = 0.5
# "ALL" is a leukaemia, "all" is not: a word whose users seldom define it is a word.
_DEFINED_BY = 0.02
_LONGEST_FORM = 8
_AROUND = ".,;:?!()[]\"'"


def abbreviations_in(text: str, catalogue: Catalogue, lexical: LexicalIndex) -> tuple[Abbreviation, ...]:
    """The abbreviations that a question has in one form only, in the order of the question."""
    written = [word.strip(_AROUND) for word in text.split()]
    words = exact_words(text)
    asked_longs = dict.fromkeys(
        " ".join(words[at : at + size]) for size in range(2, _LONGEST_FORM + 1) for at in range(len(words))
    )
    shorts = dict.fromkeys(form for word in written for form in (word, word.upper()))
    found = [
        Abbreviation(one.short, one.long, asked_short=True) for one in _dominant_by_short(catalogue, list(shorts), lexical)
    ]
    found += [Abbreviation(one.short, one.long, asked_short=False) for one in _dominant_by_long(catalogue, list(asked_longs))]
    return tuple(one for one in found if not _has(words, one.added))


def _dominant_by_short(catalogue: Catalogue, shorts: Sequence[str], lexical: LexicalIndex) -> Iterator[Definition]:
    for ranked in _grouped(catalogue.definitions(shorts=shorts), "short"):
        defined = sum(one.articles for one in ranked)
        used = lexical.document_frequency(ranked[0].short.casefold())
        if ranked[0].articles >= _SHARE * defined and defined >= _DEFINED_BY * used:
            yield ranked[0]


def _dominant_by_long(catalogue: Catalogue, longs: Sequence[str]) -> Iterator[Definition]:
    for ranked in _grouped(catalogue.definitions(longs=longs), "long"):
        if ranked[0].articles >= _SHARE * sum(one.articles for one in ranked):
            yield ranked[0]


def _grouped(definitions: Sequence[Definition], by: str) -> list[list[Definition]]:
    """Definitions of one form together, the most frequent first."""
    groups: dict[str, list[Definition]] = {}
    for one in sorted(definitions, key=lambda one: (-one.articles, one.long, one.short)):
        groups.setdefault(getattr(one, by), []).append(one)
    return list(groups.values())


def _has(words: Sequence[str], form: str) -> bool:
    """Whether the words of a form stand side by side among the words of a question."""
    wanted = exact_words(form)
    return any(list(words[at : at + len(wanted)]) == wanted for at in range(len(words)))

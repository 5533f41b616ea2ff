"""Abbreviations of a question in both forms, where the corpus defines them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from search.catalogue import Definition
from search.lexical import LexicalIndex
from search.live_catalogue import LiveCatalogue
from search.results import Abbreviation
from search.words import exact_words, stems

# A pasted abstract says what it means: the beginning of a long text is enough, and bounds what is looked up.
_WORDS_READ = 64
_LONGEST_FORM = 8
_AROUND = ".,;:?!()[]\"'"
# An abbreviation of many meanings is left alone unless one of them is what most articles mean by it.
_SHARE = 0.5
# A definition that one article has may well be misread.
_LEAST_ARTICLES = 2
# "ALL" is a leukaemia, "all" is not: a word whose users seldom define it is a word.
_DEFINED_BY = 0.02
# "fish" is seldom FISH: what was typed in small letters stands for an abbreviation only if articles hardly write it small.
_SAMPLE = 20
_WRITTEN_SO = 0.85
_MEANINGS_COMPARED = 50
_VARIANTS = str.maketrans({"’": "'", "‘": "'", "‐": "-", "‑": "-", "–": "-"})  # noqa: RUF001  (the typographic ones are meant)


@dataclass(frozen=True, slots=True)
class _Found:
    """An abbreviation, and the place of its first word in the question."""

    abbreviation: Abbreviation
    place: int


def as_typed(text: str) -> str:
    """The text with its typographic apostrophes and hyphens as they are typed."""
    return text.translate(_VARIANTS)


def abbreviations_in(text: str, catalogue: LiveCatalogue, lexical: LexicalIndex) -> tuple[Abbreviation, ...]:
    """The abbreviations that a question has in one form only, in the order of the question."""
    words = [as_typed(word).strip(_AROUND) for word in text.split(maxsplit=_WORDS_READ)[:_WORDS_READ]]
    found = [*_from_shorts(words, catalogue, lexical), *_from_longs(words, catalogue, lexical)]
    present = exact_words(" ".join(words))
    in_order = [one.abbreviation for one in sorted(found, key=lambda one: one.place)]
    return tuple(one for one in in_order if not _has(present, one.added))


def _from_shorts(words: Sequence[str], catalogue: LiveCatalogue, lexical: LexicalIndex) -> Iterator[_Found]:
    # Nothing is said by the capitals of a question that has no other letters.
    typed = set(words) if any(map(str.islower, "".join(words))) else set()
    places = {form: at for at, word in reversed(list(enumerate(words))) for form in _forms(word)}
    for one in _dominant(list(places), catalogue, lexical):
        if one.short in typed or _is_written_so(one.short, catalogue, lexical):
            yield _Found(Abbreviation(one.short, one.long, asked_short=True), places[one.short])


def _forms(word: str) -> tuple[str, ...]:
    """How an abbreviation may be defined that was typed so: ``rcts`` as RCTS or RCTs."""
    return (word, word.upper(), f"{word[:-1].upper()}s") if word.endswith("s") else (word, word.upper())


def _from_longs(words: Sequence[str], catalogue: LiveCatalogue, lexical: LexicalIndex) -> Iterator[_Found]:
    """The longest of the long forms that lie in each other, each with a short form that stands for it and little else."""
    # One word alone is no name, unless it is joined as interleukin-6 is.
    spans = {
        " ".join(words[at : at + size]).casefold(): (at, at + size)
        for size in range(1, _LONGEST_FORM + 1)
        for at in range(len(words) - size + 1)
        if size > 1 or "-" in words[at]
    }
    best = {}
    for ranked in _grouped(catalogue.definitions(longs=list(spans)), "long"):
        if ranked[0].articles >= _SHARE * sum(one.articles for one in ranked):
            best[ranked[0].long] = ranked[0].short
    meant = {one.short: _key(one.long) for one in _dominant(list(dict.fromkeys(best.values())), catalogue, lexical)}
    for long, short in best.items():
        start, end = spans[long]
        inside = any(spans[other][0] <= start and end <= spans[other][1] for other in best if other != long)
        if not inside and meant.get(short) == _key(long):
            yield _Found(Abbreviation(short, long, asked_short=False), start)


def _dominant(shorts: Sequence[str], catalogue: LiveCatalogue, lexical: LexicalIndex) -> Iterator[Definition]:
    """What short forms stand for, where most articles mean one thing by them: its most frequent wording."""
    for ranked in _grouped(catalogue.definitions(shorts=shorts), "short"):
        defined = sum(one.articles for one in ranked)
        meanings: dict[str, int] = {}
        for one in ranked[:_MEANINGS_COMPARED]:
            meanings[_key(one.long)] = meanings.get(_key(one.long), 0) + one.articles
        key, articles = max(meanings.items(), key=lambda meaning: meaning[1])
        used = lexical.document_frequency(ranked[0].short.casefold())
        if articles >= max(_LEAST_ARTICLES, _SHARE * defined) and defined >= _DEFINED_BY * used:
            yield next(one for one in ranked if _key(one.long) == key)


def _grouped(definitions: Sequence[Definition], by: str) -> list[list[Definition]]:
    """Definitions of one form together, the most frequent first."""
    groups: dict[str, list[Definition]] = {}
    for one in sorted(definitions, key=lambda one: (-one.articles, one.long, one.short)):
        groups.setdefault(getattr(one, by), []).append(one)
    return list(groups.values())


def _key(long: str) -> str:
    """What the wordings of one meaning share: ``non-steroidal drugs`` and ``nonsteroidal drug``."""
    return "".join(stems(long))


def _is_written_so(short: str, catalogue: LiveCatalogue, lexical: LexicalIndex) -> bool:
    """Whether nearly all articles that have these letters as a word write them, most times, as the abbreviation."""
    if not short.isalpha():
        return True
    articles = catalogue.articles(lexical.pmids_near(short.casefold(), 0, _SAMPLE).tolist()).values()
    word = re.compile(rf"(?<![\w-]){short}(?![\w-])", re.IGNORECASE)
    written = [found for article in articles if (found := word.findall(f"{article.title} {article.abstract}"))]
    return sum(2 * found.count(short) > len(found) for found in written) >= _WRITTEN_SO * len(written)


def _has(words: Sequence[str], form: str) -> bool:
    """Whether the words of a form stand side by side among the words of a question."""
    wanted = exact_words(form)
    return any(list(words[at : at + len(wanted)]) == wanted for at in range(len(words)))

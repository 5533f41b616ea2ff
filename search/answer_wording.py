"""What is said of an answer, in words: how it was understood, why a hit is there, and why none is."""

import shlex
from collections.abc import Iterator
from dataclasses import replace

from search.filters import Filters
from search.results import Mode, SearchResults, Sentence, Why

# How the list filters are given on the command line.
FILTER_FLAGS = {
    "journals": "--journal",
    "mesh": "--mesh",
    "publication_types": "--type",
    "authors": "--author",
    "languages": "--language",
}

# Abstracts that lost their full stops are one sentence of thousands of characters.
LONGEST_EXCERPT = 400
_BEFORE_FIRST_MARK = 100
_TEENS = range(11, 14)


def reasons(why: Why, mode: Mode) -> str:
    """Where the legs ranked a hit: ``words 1st, meaning 3rd (0.71)``; "" for one that was looked up, not ranked."""
    words = "" if why.lexical_rank is None else f"words {ordinal(why.lexical_rank)}"
    similarity = "" if why.similarity is None else f" ({why.similarity:.2f})"
    meaning = "" if why.dense_rank is None else f"meaning {ordinal(why.dense_rank)}{similarity}"
    said = ", ".join(part for part in (words, meaning) if part)
    if mode is Mode.HYBRID and words and not meaning:
        said = f"{words} only"
    elif mode is Mode.HYBRID and meaning and not words:
        said = f"{meaning}, not by words"
    elif not said and why.feedback_rank is not None:
        said = f"like the first hits ({ordinal(why.feedback_rank)})"
    if why.raised_from is not None:
        said = f"{said}, raised from {ordinal(why.raised_from)} by hits like it"
    return said if why.rerank_score is None else f"re-ranked ({why.rerank_score:.2f}): {said}"


def understanding(results: SearchResults) -> Iterator[str]:
    """How a text was understood, a line each; nothing for free text without anything to remark."""
    understood = results.understood
    if understood.filter:
        yield f"filter: {understood.filter}"
        if understood.question:
            yield f"ranked by: {understood.question}"
        elif len(results) > 1:
            yield "ranked by: nothing, the newest records first"
    yield from understood.notes
    for form in understood.abbreviations:
        yield f"{form.short}: {form.long} (searched as both)"
    for suggestion in understood.suggestions:
        yield f'Nothing has "{suggestion.word}": did you mean "{suggestion.instead}"?'


def excerpt(sentence: Sentence) -> Sentence:
    """A sentence, or of a very long one the part around its first mark."""
    text, marks = sentence.text, sentence.marks
    if len(text) <= LONGEST_EXCERPT:
        return sentence
    start = max(0, min(marks[0][0] if marks else 0, len(text)) - _BEFORE_FIRST_MARK)
    end = start + LONGEST_EXCERPT
    before, after = "… " if start else "", " …" if end < len(text) else ""
    moved = len(before) - start
    kept = tuple((first + moved, last + moved) for first, last in marks if start <= first and last <= end)
    return replace(sentence, text=f"{before}{text[start:end]}{after}", marks=kept)


def why_nothing(results: SearchResults) -> str:
    """Why there is no hit, and what to try on the command line."""
    narrowing = ", ".join([*flags_given(results.filters), *([results.understood.filter] if results.understood.filter else [])])
    if results.hidden_retracted:
        return "Only retracted articles were found: --include-retracted shows them."
    if results.mode is Mode.LEXICAL and results.understood.question:
        where = f" that passes the filters ({narrowing})" if narrowing else ""
        return f"No article{where} has any of these words. Try other words, or --mode hybrid, which finds by meaning, too."
    none = f"None of {results.index.articles:,} articles is left"
    if narrowing:
        return f"{none} by the filters ({narrowing}). Leave one out, or widen it."
    return f"{none}: those that --like and --unlike name are no answers."


def flags_given(filters: Filters) -> Iterator[str]:
    """The filters that are on, as they are given on the command line."""
    first, last = filters.year_from, filters.year_to
    if first is not None or last is not None:
        yield f"--year {first}" if first == last else f"--year {'' if first is None else first}:{'' if last is None else last}"
    for name, flag in FILTER_FLAGS.items():
        yield from (f"{flag} {shlex.quote(value)}" for value in getattr(filters, name))
    if filters.has_abstract:
        yield "--has-abstract"


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``11th``, ``1,000th``."""
    ending = "th" if number % 100 in _TEENS else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"

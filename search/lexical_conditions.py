"""Conditions as queries over the lexical index's own fields."""

import re

import tantivy

from search.condition import And, Condition, Flagged, Not, Or, Term, TermField, Words, Years
from search.lexical_fields import EXACT, FACTS, PMID, YEAR, fact, flag_fact
from search.words import exact_words

_MUST, _SHOULD, _MUST_NOT = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot
_LAST_YEAR = 65535
# What tantivy's regular expressions give a meaning to.
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$&~#-])")
# tantivy refuses regular expressions of more than 1,000 states, one a byte: longer beginnings are compared so far.
_COMPARED_BYTES = 900


def query_of(condition: Condition, schema: tantivy.Schema) -> tantivy.Query:  # noqa: PLR0911  (one a kind of condition)
    """The query that the articles which meet `condition` match; their scores mean nothing."""
    match condition:
        case And(parts):
            return _and([query_of(part, schema) for part in parts if not isinstance(part, Not)], _excluded(parts, schema))
        case Or(parts):
            return tantivy.Query.boolean_query([(_SHOULD, query_of(part, schema)) for part in parts])
        case Not(part):
            return _and([], [query_of(part, schema)])
        case Years(first, last):
            return _years(1 if first is None else first, _LAST_YEAR if last is None else last, schema)
        case Flagged(flag):
            return tantivy.Query.term_query(schema, FACTS, flag_fact(flag), "basic")
        case Words():
            return _words(condition, schema)
        case Term(TermField.PMID, value):
            return tantivy.Query.term_query(schema, PMID, int(value), "basic")
        case Term(field, value, prefix=True):
            return tantivy.Query.regex_query(schema, FACTS, _begins(fact(field, value)))
        case Term(field, value):
            return tantivy.Query.term_query(schema, FACTS, fact(field, value), "basic")


def _excluded(parts: tuple[Condition, ...], schema: tantivy.Schema) -> list[tantivy.Query]:
    return [query_of(part.part, schema) for part in parts if isinstance(part, Not)]


def _and(needed: list[tantivy.Query], excluded: list[tantivy.Query]) -> tantivy.Query:
    """All of `needed` and none of `excluded`; a query that only excludes finds nothing, so it starts from everything."""
    must = [(_MUST, query) for query in needed or [tantivy.Query.all_query()]]
    return tantivy.Query.boolean_query(must + [(_MUST_NOT, query) for query in excluded])


def _years(first: int, last: int, schema: tantivy.Schema) -> tantivy.Query:
    """Year 0 means unknown, which is inside no range."""
    low, high = max(first, 1), min(last, _LAST_YEAR)
    if low > high:
        return tantivy.Query.empty_query()
    return tantivy.Query.range_query(schema, YEAR, tantivy.FieldType.Unsigned, low, high)


def _words(condition: Words, schema: tantivy.Schema) -> tantivy.Query:
    words = exact_words(condition.text)
    if not words:
        return tantivy.Query.empty_query()
    return tantivy.Query.boolean_query(
        [(_SHOULD, _phrase(name, words, schema, prefix=condition.prefix)) for name in EXACT[condition.field]]
    )


def _phrase(name: str, words: list[str], schema: tantivy.Schema, *, prefix: bool) -> tantivy.Query:
    if len(words) == 1:
        if prefix:
            return tantivy.Query.regex_query(schema, name, _begins(words[0]))
        return tantivy.Query.term_query(schema, name, words[0], "basic")
    if prefix:
        return tantivy.Query.regex_phrase_query(schema, name, [*map(_escaped, words[:-1]), _begins(words[-1])])
    return tantivy.Query.phrase_query(schema, name, [*words])


def _begins(value: str) -> str:
    return _escaped(value.encode()[:_COMPARED_BYTES].decode(errors="ignore")) + ".*"


def _escaped(value: str) -> str:
    return _SPECIAL.sub(r"\\\1", value)

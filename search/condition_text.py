"""Conditions written out as PubMed would have them typed."""

import re

from search.article import Flag
from search.condition import And, Condition, Flagged, Not, Or, Term, TermField, Words, Years
from search.filter_terms import condition_of
from search.pubmed_tags import OPEN_YEAR, QUOTES, TAG_OF

HAS_ABSTRACT = Not(Flagged(Flag.TITLE_ONLY))
_AUTHORS = (TermField.AUTHOR, TermField.FIRST_AUTHOR, TermField.LAST_AUTHOR)
_QUOTE = re.compile(f"[{QUOTES}]")
_PLAIN = re.compile(rf"(?!(?:AND|OR|NOT|(?i:hasabstract))$)[^\s()\[\]:{QUOTES}][^\s()\[\]{QUOTES}]*")
_ONE_TERM = re.compile(r'(?!NOT )(?:"[^"]*"|[^()\[\]"]+)\[[^\[\]]+\]')


def describe(condition: Condition) -> str:
    """The condition as PubMed would have it typed: ``asthma[mh] AND 2019:2024[dp] NOT review[pt]``."""
    if typed := _author(condition):
        return typed
    match condition:
        case And(parts):
            return _joined(parts, "AND") or "every article"
        case Or(parts):
            return _joined(parts, "OR") or "no article"
        case Not(part):
            return "hasabstract[text]" if condition == HAS_ABSTRACT else f"NOT {_operand(part)}"
        case _:
            return _leaf(condition)


def _leaf(condition: Term | Words | Years | Flagged) -> str:
    match condition:
        case Flagged(Flag.TITLE_ONLY):
            return "NOT hasabstract[text]"
        case Flagged(flag):
            return f"{_quoted(' or '.join(flag.labels))}[flag]"
        case Years(first, last) if first is not None and first == last:
            return f"{first:04}[dp]"
        case Years(first, last):
            return f"{'' if first is None else f'{first:04}'}:{OPEN_YEAR if last is None else f'{last:04}'}[dp]"
        case Term(field, text, prefix) | Words(field, text, prefix):
            return f"{_quoted(text + '*' * prefix)}[{TAG_OF[field]}]"


def _author(condition: Condition) -> str:
    """An author as typed, where that is what `condition_of` makes of it; "" for anything else."""
    term = condition.parts[0] if isinstance(condition, Or) and condition.parts else condition
    if not isinstance(term, Term) or term.field not in _AUTHORS or condition_of(term.field, term.value) != condition:
        return ""
    plain = all(map(_PLAIN.fullmatch, term.value.split()))
    return f"{term.value if plain else _quoted(term.value)}[{TAG_OF[term.field]}]"


def _joined(parts: tuple[Condition, ...], operator: str) -> str:
    """What an operator joins: NOT is an operator of its own behind AND, and needs parentheses behind OR."""
    if len(parts) <= 1:
        return "".join(map(describe, parts))
    first, *others = parts
    joined = [describe(first) if _is_negative(first) else _operand(first)]
    for part in others:
        joined += [describe(part)] if operator == "AND" and _is_negative(part) else [operator, _operand(part)]
    return " ".join(joined)


def _is_negative(condition: Condition) -> bool:
    return condition == Flagged(Flag.TITLE_ONLY) or (isinstance(condition, Not) and condition != HAS_ABSTRACT)


def _operand(condition: Condition) -> str:
    text = describe(condition)
    return text if _ONE_TERM.fullmatch(text) else f"({text})"


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else f'"{_QUOTE.sub(" ", text)}"'

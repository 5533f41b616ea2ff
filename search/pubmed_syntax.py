"""PubMed's search syntax, read as an exact filter beside the free text: ``asthma[mh] NOT review[pt] does vitamin d help``.

As in PubMed, AND, OR and NOT bind equally and are read from left to right, and terms side by side are joined by AND. Words
before a tag are one value; words that neither a tag nor an operator touches filter nothing and are the question.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedToken

from search.condition import Condition, Term, TermField
from search.condition_text import describe
from search.errors import QueryError
from search.filter_terms import normalised
from search.pubmed_reading import Explode, Explosion, Reading
from search.pubmed_tags import QUOTES, fault, is_tag, shown, tag_of
from search.pubmed_values import DOI_SHAPE, PMID_SHAPE

__all__ = ["Explode", "Explosion", "Understood", "describe", "lookup", "understand"]

LONGEST_SYNTAX = 20_000
DEEPEST_PARENTHESES = 50

_EDGE = rf"\s()\[\]{QUOTES}"
_KEYWORD = rf"(?:AND|OR|NOT|(?i:hasabstract))(?![^{_EDGE}])"
# Publishers have put parentheses into DOIs: 10.1016/S0140-6736(05)71083-7.
_DOI = rf"(?:(?i:doi:)|https?://(?:dx\.)?doi\.org/)?10\.[0-9]{{4,9}}/(?:[^{_EDGE}]|\([^{_EDGE}]*+\))++"
_WORD = rf"(?:{_DOI}|[^{_EDGE}]++)"
_TOKEN = re.compile(
    rf"(?P<QUOTED>[{QUOTES}][^{QUOTES}]*+[{QUOTES}])|(?P<TAG>\[[^\[\]]*+\])|(?P<OPEN>\()|(?P<CLOSE>\))"
    rf"|(?P<COLON>(?<=\])\s*+:|(?<=[{QUOTES}])\s*+:(?=\s*+[0-9{QUOTES}]))|(?P<SPACE>\s++)"
    rf"|(?P<KEYWORD>{_KEYWORD})|(?P<RUN>{_WORD}(?:\s++(?!{_KEYWORD}){_WORD})*+)|(?P<STRAY>.)",
    re.DOTALL,
)
_GRAMMAR = """
chain: NOT? _item ((AND | OR | NOT)? _item)*
_item: leaf | "(" chain ")"
leaf: _value TAG? | _value COLON _value TAG | _value TAG COLON _value TAG | HASABSTRACT TAG?
_value: RUN | QUOTED
%declare RUN QUOTED TAG COLON AND OR NOT HASABSTRACT
"""
_TERMINALS = {"OPEN": "LPAR", "CLOSE": "RPAR"}  # lark's names of the two
_STRAYS = {"[": ("a tag such as [mh]", "a bracket that is not closed"), "]": ("a tag such as [mh]", "only its closing bracket")}
_OPERATORS = ("AND", "OR", "NOT")
_LOOKUP = re.compile(
    rf"(?:(?i:pmid)\s*:?\s*|https?://pubmed\.ncbi\.nlm\.nih\.gov/)?(?P<pmid>{PMID_SHAPE.pattern})/?"
    rf"|(?:(?i:doi)\s*:?\s*|https?://(?:dx\.)?doi\.org/)?(?P<doi>{DOI_SHAPE.pattern})"
)


@dataclass(frozen=True, slots=True)
class Understood:
    """What a text asks for.

    `question` is ranked by meaning and words; "" where the text only filters by authors, dates and the like. `condition` is
    the exact filter, None for free text; `asked` is the same before headings took their narrower ones in, to be described.
    `exploded` are the headings that did, `headings` the MeSH headings that stand for themselves alone.
    """

    question: str
    condition: Condition | None = None
    is_syntax: bool = False
    asked: Condition | None = None
    exploded: tuple[Explosion, ...] = ()
    headings: tuple[str, ...] = ()


def understand(text: str, explode: Explode | None = None) -> Understood:
    """Read a text as PubMed's syntax where it has a field tag, or an operator in capitals between terms; else as free text.

    Parameters
    ----------
    text
        What was typed. Nothing in free text is an error, stray quotation marks and brackets included.
    explode
        Gives the narrower headings of a MeSH heading or publication type, which `[mh]`, `[majr]` and `[pt]` then find too.

    Raises
    ------
    QueryError
        The text is syntax and breaks its rules; the message says in which column, counted from 1.

    """
    if not _is_syntax(text):
        return Understood(text)
    tree = _parsed(text)
    reading = Reading(explode)
    condition = reading.condition(tree)
    asked = Reading(None).condition(tree) if reading.exploded else condition
    return Understood(
        question=reading.question,
        condition=condition,
        is_syntax=True,
        asked=asked,
        exploded=tuple(reading.exploded),
        headings=tuple(reading.headings),
    )


def lookup(text: str) -> Condition | None:
    """The one article that a text names by nothing but its PMID or DOI, in any of their usual forms; None for other texts."""
    match = _LOOKUP.fullmatch(text.strip())
    if match is None:
        return None
    if match["pmid"]:
        return Term(TermField.PMID, str(int(match["pmid"])))
    return Term(TermField.DOI, normalised(TermField.DOI, match["doi"].rstrip(".,;")))


def _is_syntax(text: str) -> bool:
    """Whether a tag is in the text, or an operator with terms somewhere before and behind it."""
    term_before = operator_between = False
    before = ""
    for match in _TOKEN.finditer(text):
        kind, written = match.lastgroup, match.group()
        if kind == "TAG" and (is_tag(written) or _is_text_tag(before, written)):
            return True
        if kind == "KEYWORD" and written in _OPERATORS:
            operator_between = term_before
        elif kind in ("RUN", "QUOTED", "KEYWORD"):
            if operator_between:
                return True
            term_before = True
        if kind != "SPACE":
            before = written
    return False


def _is_text_tag(before: str, tag: str) -> bool:
    """PubMed writes `hasabstract[text]`; nothing else has that tag."""
    return before.lower() == "hasabstract" and tag[1:-1].strip().lower() == "text"


def _parsed(text: str) -> Tree[Token]:
    """The tree of a text that is syntax. Raises QueryError."""
    if len(text) > LONGEST_SYNTAX:
        raise QueryError(
            f"Expected at most {LONGEST_SYNTAX:,} characters of PubMed's syntax, found {len(text):,}: ask a shorter question, "
            "or one without field tags and operators in capitals."
        )
    tokens = list(_tokens(text))
    _refuse_strays(tokens)
    _refuse_unbalanced(tokens)
    parser = _parser().parse_interactive()
    parsed: Tree[Token] = Tree("chain", [])
    before: Token | None = None
    for token in (*tokens, Token("$END", "the end of the text", len(text))):
        try:
            parsed = parser.feed_token(token)
        except UnexpectedToken as error:
            raise _misplaced(before, token) from error
        before = token
    return parsed


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        kind, written = str(match.lastgroup), match.group()
        if kind != "SPACE":
            start = match.end() - 1 if kind == "COLON" else match.start()
            yield Token(_TERMINALS.get(kind, kind) if kind != "KEYWORD" else written.upper(), written, start)


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, start="chain", parser="lalr", lexer="basic")


def _refuse_strays(tokens: list[Token]) -> None:
    """Refuse what no rule has a place for: half a pair of quotation marks or brackets, and tags that PubMed does not have."""
    before: Token | None = None
    for token in tokens:
        start = token.start_pos or 0
        if token.type == "STRAY":
            raise fault(start, *_STRAYS.get(token, ("a closing quotation mark", "only this one")))
        if token.type == "TAG" and before is not None and before.type == "HASABSTRACT":
            if not _is_text_tag(before, token):
                raise fault(start, "hasabstract without a tag, or with [text]", shown(token))
        elif token.type == "TAG":
            tag_of(token, start)
        before = token


def _refuse_unbalanced(tokens: list[Token]) -> None:
    """Refuse parentheses that do not pair up, and more levels of them than a reader could follow."""
    opened: list[int] = []
    for token in tokens:
        start = token.start_pos or 0
        if token.type == "LPAR":
            opened.append(start)
            if len(opened) > DEEPEST_PARENTHESES:
                raise fault(start, f"at most {DEEPEST_PARENTHESES} levels of parentheses", "one more")
        elif token.type == "RPAR":
            if not opened:
                raise fault(start, "an opening parenthesis before", "a closing one alone")
            opened.pop()
    if opened:
        raise fault(opened[-1], "a closing parenthesis for this one", "none")


def _misplaced(before: Token | None, found: Token) -> QueryError:
    """What is wrong where the grammar has no place for a token."""
    start = found.start_pos or 0
    if found.type == "TAG" and before is not None and before.type in ("TAG", "RPAR"):
        what = "another tag" if before.type == "TAG" else "parentheses"
        return fault(start, "a tag directly behind one term", f"{shown(found)} behind {what}")
    if found.type == "COLON":
        return fault(start, "a colon only between two dates, as in 2019:2024[dp]", "it elsewhere")
    if found.type == "NOT" and before is not None and before.type == "AND":
        return fault(start, "NOT without AND before it", "AND NOT")
    return fault(start, _wanted(before), shown(found))


def _wanted(before: Token | None) -> str:
    """What should have come behind a token."""
    if before is None:
        return "a term"
    if before.type in ("RUN", "QUOTED"):
        return "the tag [dp] behind the second date of a range"
    if before.type == "COLON":
        return "the second date of a range behind the colon"
    return f"a term behind {shown(before)}"

"""PubMed's search syntax, read as an exact filter beside the free text: ``asthma[mh] NOT review[pt] does vitamin d help``.

As in PubMed, AND, OR and NOT bind equally and are read from left to right, and terms side by side are joined by AND. Words
before a tag are one value; words that neither a tag nor an operator touches filter nothing and are the question.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedToken

from search.condition import Condition, Term, TermField
from search.condition_text import describe
from search.errors import QueryError
from search.filter_terms import Explosion, Narrower, normalised
from search.pubmed_reading import Reading
from search.pubmed_tags import QUOTES, fault, is_tag, shown, tag_of
from search.pubmed_values import DOI_SHAPE, PMID_SHAPE

__all__ = ["Understood", "describe", "lookup", "understand"]

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
_SENTENCE_END = re.compile(r"(?:(?<=[^\W_]{3})|(?<![^\W_]))[.?!]\s++[A-Z]\S*+\s++[a-z]")  # not St. John's wort
_LABEL_END = re.compile(r"[^a-z:]*+:(?![0-9])|(?:METHODS|RESULTS|FINDINGS)\b")  # many labels have no colon
_ODDS = re.compile(r"[0-9]+\.[0-9]")
# In words. Journals have dots within their names, too: "Circulation. Heart failure".
_SHORTEST_SENTENCE = 5
_LONGEST_TERM = 12
_LONGEST_QUESTION = 40
_LONGEST_TERM_IN_CAPITALS = 3
_LONGEST_SHORT_TAG = 3
_CAPITALS_PER_SMALL = 4  # "NF-kappaB AND ELF-1" is in a title in capitals, too
_LOOKUP = re.compile(
    rf"(?:(?i:pmid)\s*:?\s*|https?://pubmed\.ncbi\.nlm\.nih\.gov/)?(?P<pmid>{PMID_SHAPE.pattern})/?"
    rf"|(?:(?i:doi)\s*:?\s*|https?://(?:dx\.)?doi\.org/)?(?P<doi>{DOI_SHAPE.pattern})"
)


@dataclass(frozen=True, slots=True)
class Understood:
    """What a text asks for.

    `question` is ranked by meaning and words; "" where the text only filters by authors, dates and the like. `condition` is
    the exact filter, None for free text; `asked` is the same before headings took their narrower ones in, to be described.
    `exploded` are the headings that did, `headings` the MeSH headings that stand for themselves alone. Of a text that is
    syntax, `free_words` are the words of the question that filter nothing.
    """

    question: str
    condition: Condition | None = None
    is_syntax: bool = False
    asked: Condition | None = None
    exploded: tuple[Explosion, ...] = ()
    headings: tuple[str, ...] = ()
    free_words: str = ""


def understand(text: str, narrower: Narrower | None = None) -> Understood:
    """Read a text as PubMed's syntax where it has a field tag, or an operator in capitals between terms; else as free text.

    A tag counts behind a term. In prose, which is where a sentence ends in a run of words or a run is very long, brackets
    hold abbreviations (``prothrombin time [PT]``): there a tag counts only directly behind its term, and one of two or three
    letters only if they are small.

    Where no tag counts, operators do if a term is directly before them and another directly behind, and the text has neither
    sentences nor runs as long as one. No operators are those of section labels (``PATIENTS AND METHODS:``), of titles in
    capitals (with runs of more than three words) and odds ratios (``OR 2.3``).

    Parameters
    ----------
    text
        What was typed. Nothing in free text is an error, stray quotation marks and brackets included.
    narrower
        Gives the narrower headings of a MeSH heading or publication type, which `[mh]`, `[majr]` and `[pt]` then find too.

    Raises
    ------
    QueryError
        The text is syntax and breaks its rules; the message says in which column, counted from 1.

    """
    if not _is_syntax(text):
        return Understood(text)
    tree = _parsed(text)
    reading = Reading(narrower)
    condition = reading.condition(tree)
    asked = Reading(None).condition(tree) if reading.exploded else condition
    return Understood(
        question=reading.question,
        condition=condition,
        is_syntax=True,
        asked=asked,
        exploded=tuple(reading.exploded),
        headings=tuple(reading.headings),
        free_words=reading.free_words,
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
    """Whether a tag or an operator counts, by the rules that `understand` states."""
    pieces = [piece for piece in _TOKEN.finditer(text) if piece.lastgroup != "SPACE"]
    runs = [piece.group() for piece in pieces if piece.lastgroup == "RUN"]
    lengths = [len(run.split()) for run in runs]
    ends = [_SENTENCE_END.search(run) is not None for run in runs]
    in_prose = any(
        length > _LONGEST_QUESTION or (end and length >= _SHORTEST_SENTENCE) for length, end in zip(lengths, ends, strict=True)
    )
    if any(_counts(before, piece, in_prose=in_prose) for before, piece in pairwise(pieces) if piece.lastgroup == "TAG"):
        return True
    longest = _LONGEST_TERM_IN_CAPITALS if _is_in_capitals(text) else _LONGEST_TERM
    return not any(ends) and max(lengths, default=0) <= longest and _joins_terms(pieces)


def _counts(before: re.Match[str], tag: re.Match[str], *, in_prose: bool) -> bool:
    """Whether what is in brackets is a tag of what is before it."""
    if _is_text_tag(before.group(), tag.group()):
        return True
    if not is_tag(tag.group()) or not (_ends_term(before) or before.lastgroup == "RUN"):
        return False
    name = tag.group()[1:-1].strip()
    return not in_prose or (before.end() == tag.start() and (name.islower() or len(name) > _LONGEST_SHORT_TAG))


def _joins_terms(pieces: list[re.Match[str]]) -> bool:
    """Whether operators, one or several on end, are between two terms."""
    before: re.Match[str] | None = None
    operators: list[str] = []
    for piece in pieces:
        if piece.lastgroup == "KEYWORD" and piece.group() in _OPERATORS:
            operators.append(piece.group())
            continue
        if before is not None and operators and _ends_term(before) and _begins_term(piece):
            is_odds_ratio = operators == ["OR"] and _ODDS.match(piece.group())
            if not is_odds_ratio and not _is_label(before.group(), piece.group()):
                return True
        before = piece
        operators.clear()
    return False


def _ends_term(piece: re.Match[str]) -> bool:
    """Whether a term ends here; half a pair of quotation marks is a mistake in one."""
    written = piece.group()
    if piece.lastgroup == "TAG":
        return piece.start() > 0 and not piece.string[piece.start() - 1].isspace()
    return piece.lastgroup in ("QUOTED", "CLOSE", "KEYWORD") or written[-1] not in ":;=<>[]("


def _begins_term(piece: re.Match[str]) -> bool:
    return piece.lastgroup not in ("TAG", "CLOSE", "COLON") and piece.group()[0] not in ".,:;=<>[]"


def _is_label(before: str, behind: str) -> bool:
    """``MATERIALS AND METHODS: we`` around its operator."""
    return before.rsplit(maxsplit=1)[-1].isupper() and _LABEL_END.match(behind) is not None


def _is_in_capitals(text: str) -> bool:
    return sum(map(str.isupper, text)) > _CAPITALS_PER_SMALL * sum(map(str.islower, text))


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

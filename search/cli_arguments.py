"""The arguments of ``pubmed-search``, read and checked."""

import argparse
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from search.answer_wording import FILTER_FLAGS
from search.article import LARGEST_ID
from search.command import hits
from search.condition import TermField
from search.errors import QueryError
from search.export import Format
from search.filter_terms import normalised
from search.filters import LIST_FILTERS, Filters
from search.index_folder import DEFAULT_INDEX
from search.results import Mode, Sort

_DESCRIPTION = """Find the articles that answer a question best, or that resemble articles you know.

A question may hold PubMed's syntax: field tags, AND, OR, NOT and parentheses filter exactly, and what neither a
tag nor an operator touches is ranked by meaning and words. A PMID or a DOI alone is looked up."""
_EXAMPLES = """examples:
  pubmed-search "statins and muscle pain"
  pubmed-search "skin-to-skin care of newborns" --year 2000:2010 --type "Randomized Controlled Trial" --explain
  pubmed-search 'asthma[mh] AND 2019:2024[dp] NOT review[pt] "lung function"[tiab]'
  pubmed-search --like 10617751 --unlike 10768547
  pubmed-search "vitamin D and falls" -k 50 --format ris > hits.ris
  pubmed-search --queries questions.txt --json > answers.json
"""


class Screen(StrEnum):
    """The forms of an answer that are no file of a reference manager or spreadsheet."""

    TABLE = "table"
    JSON = "json"


_FORMS: dict[str, Screen | Format] = {form.value: form for form in (*Screen, *Format)}


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked and how the answer is to look: `query`, `queries`, or at least one of `like` and `like_text` is given."""

    query: str | None
    like: tuple[int, ...]
    like_text: str | None
    unlike: tuple[int, ...]
    queries: Path | None
    index: Path
    encoder: str | None
    mesh_tree: Path | None
    k: int
    mode: Mode
    sort: Sort
    explain: bool
    rerank: str | None
    filters: Filters
    form: Screen | Format


def read_arguments(arguments: Sequence[str] | None) -> Options:
    """Read the command line. Wrong usage ends the program with exit code 2, as argparse does."""
    parser = _parser()
    given = parser.parse_args(arguments)
    for refused in _refusals(given):
        parser.error(refused)
    return Options(
        query=given.query,
        like=tuple(given.like),
        like_text=given.like_text,
        unlike=tuple(given.unlike),
        queries=given.queries,
        index=given.index,
        encoder=given.encoder,
        mesh_tree=given.mesh_tree,
        k=given.k,
        mode=Mode(given.mode or Mode.HYBRID),
        sort=Sort(given.sort),
        explain=given.explain,
        rerank=given.rerank,
        filters=_filters(given),
        form=_FORMS[given.format or (Screen.JSON if given.json else Screen.TABLE)],
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pubmed-search",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("query", nargs="?", type=_text, help="the question: plain words, PubMed's syntax, a PMID or a DOI")
    parser.add_argument("--index", type=Path, default=DEFAULT_INDEX, metavar="DIR", help=f"default: {DEFAULT_INDEX}")
    parser.add_argument("-k", type=hits, default=10, metavar="N", help="how many hits (default: 10)")
    _add_ways_to_ask(parser.add_argument_group("instead of a question, or beside it"))
    _add_ranking(parser.add_argument_group("ranking"))
    _add_filters(parser.add_argument_group("filters (of several values for one of them, any is enough: repeat it)"))
    _add_output(parser.add_argument_group("output"))
    return parser


def _add_ways_to_ask(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--like", nargs="+", type=_pmid, default=[], metavar="PMID", help="find articles like these")
    group.add_argument("--like-text", metavar="FILE", help="find articles like an abstract of your own; - reads standard input")
    group.add_argument("--unlike", nargs="+", type=_pmid, default=[], metavar="PMID", help="beside either: less like these")
    group.add_argument("--queries", type=Path, metavar="FILE", help="ask each line of a file, or of BEIR's queries.jsonl")


def _add_ranking(group: argparse._ArgumentGroup) -> None:
    modes, orders = [mode.value for mode in Mode], [order.value for order in Sort]
    group.add_argument("--mode", choices=modes, help="by meaning (dense), by words (lexical), or by both: hybrid (default)")
    group.add_argument("--sort", choices=orders, default=Sort.RELEVANCE, help="date: the newest first of the 200 best")
    group.add_argument("--explain", action="store_true", help="for every hit, the sentence that is nearest in meaning")
    group.add_argument(
        "--rerank", type=_named, metavar="MODEL", help="order the first hits anew: medcpt, or any cross-encoder; slow"
    )
    group.add_argument("--mesh-tree", type=Path, metavar="FILE", help="NLM's file of MeSH: [mh] finds narrower headings, too")
    group.add_argument(
        "--encoder", type=_named, metavar="PATH", help="where the encoder that built the index lies, if it has moved"
    )


def _add_filters(group: argparse._ArgumentGroup) -> None:
    described = {
        "journals": ("J", "a journal: its title, abbreviation or ISSN"),
        "mesh": ("M", "a MeSH heading, or heading/subheading"),
        "publication_types": ("T", 'a publication type, such as "Randomized Controlled Trial"'),
        "authors": ("A", 'an author, such as "Smith JA"; "smith*" stands for all that begin so'),
        "languages": ("L", "a language: eng, or English"),
    }
    group.add_argument("--year", type=_years, default=(None, None), metavar="RANGE", help="2015, 2015:2024, 2015: or :2024")
    for name, (value, said) in described.items():
        read = functools.partial(_value, LIST_FILTERS[name])
        group.add_argument(FILTER_FLAGS[name], dest=name, action="append", type=read, default=[], metavar=value, help=said)
    group.add_argument("--has-abstract", action="store_true", help="leave out articles without an abstract")
    group.add_argument("--include-retracted", action="store_true", help="show retracted articles, too")


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--format", choices=list(_FORMS), help="how to print the hits (default: table)")
    group.add_argument("--json", action="store_true", help="print one JSON document: --format json")


def _text(text: str) -> str:
    """An argument whose bytes were text: Python keeps undecodable ones as surrogates, which no tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"this is not text in the terminal's encoding: {text!a}") from None
    return text


def _named(text: str) -> str:
    """The name or folder of a model. An empty one, as an unset variable of a shell gives, would pass for none."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"expected the name or the folder of a model, found {text!r}")
    return text


def _value(field: TermField, text: str) -> str:
    """A value of a list filter."""
    if not normalised(field, _text(text)):
        raise argparse.ArgumentTypeError(f"expected a value to look for, found {text!r}")
    return text


def _years(text: str) -> tuple[int | None, int | None]:
    try:
        years = Filters.years(text)
        Filters(*years)
    except QueryError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return years


def _pmid(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= LARGEST_ID):
        raise argparse.ArgumentTypeError(f"a PMID or local id is a positive whole number; found {text!r}")
    return int(text)


def _refusals(given: argparse.Namespace) -> Iterator[str]:
    """What does not go together among the arguments."""
    like = bool(given.like) or given.like_text is not None
    asked = [given.query is not None, like, given.queries is not None]
    if not any(asked):
        yield "expected a question, --like PMID..., --like-text FILE or --queries FILE"
    if sum(asked) > 1:
        yield "a question, --like and --queries each say what to find: give one of them"
    if like and given.mode not in (None, Mode.DENSE):
        yield f"--like ranks by meaning: leave out --mode {given.mode}"
    if like and (given.rerank or given.sort == Sort.DATE):
        yield f"{'--rerank' if given.rerank else '--sort date'} goes with a question, not with --like"
    if given.rerank and given.sort == Sort.DATE:
        yield "--rerank orders by relevance: leave out --sort date"
    if given.explain and given.mode == Mode.LEXICAL:
        yield "--explain goes by meaning: leave out --mode lexical"
    if given.json and given.format not in (None, Screen.JSON):
        yield f"--json is --format json: leave it out, or --format {given.format}"


def _filters(given: argparse.Namespace) -> Filters:
    year_from, year_to = given.year
    return Filters(
        year_from=year_from,
        year_to=year_to,
        journals=tuple(given.journals),
        mesh=tuple(given.mesh),
        publication_types=tuple(given.publication_types),
        authors=tuple(given.authors),
        languages=tuple(given.languages),
        has_abstract=given.has_abstract,
        include_retracted=given.include_retracted,
    )

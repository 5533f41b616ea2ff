"""The arguments of ``pubmed-search``, read and checked."""

import argparse
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.answer_wording import FILTER_FLAGS
from search.article import LARGEST_ID
from search.cli_forms import FORMS, Screen
from search.cli_refusals import refusals
from search.command import hits
from search.condition import TermField
from search.errors import QueryError, SavedSearchError
from search.export import Format
from search.filter_terms import normalised
from search.filters import LIST_FILTERS, Filters
from search.index_folder import DEFAULT_INDEX
from search.results import Mode, Sort
from search.saved_search import checked_name

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
  pubmed-search "statins and muscle pain" --year 2020: --save statins
  pubmed-search --saved statins
  pubmed-search --saved statins -k 50 --format atom > statins.xml
"""
_SAVED = """A saved search is asked again as it was saved, and says which articles are new since somebody last looked.
The table and the files count as a look. --json and --format atom do not: programs and feed readers poll.
The feed of a saved search holds the newest of its 200 best hits, whatever was looked at: a reader knows
by their ids which ones it has shown."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked and how the answer is to look.

    `query`, `queries`, `saved`, `delete_saved`, or at least one of `like` and `like_text` is given, or `list_saved` is set.
    """

    query: str | None
    like: tuple[int, ...]
    like_text: str | None
    unlike: tuple[int, ...]
    queries: Path | None
    saved: str | None
    save: str | None
    list_saved: bool
    delete_saved: str | None
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
    for refused in refusals(given):
        parser.error(refused)
    return Options(
        query=given.query,
        like=tuple(given.like),
        like_text=given.like_text,
        unlike=tuple(given.unlike),
        queries=given.queries,
        saved=given.saved,
        save=given.save,
        list_saved=given.list_saved,
        delete_saved=given.delete_saved,
        index=given.index,
        encoder=given.encoder,
        mesh_tree=given.mesh_tree,
        k=given.k,
        mode=Mode(given.mode or Mode.HYBRID),
        sort=Sort(given.sort or Sort.RELEVANCE),
        explain=given.explain,
        rerank=given.rerank,
        filters=_filters(given),
        form=FORMS[given.format or (Screen.JSON if given.json else Screen.TABLE)],
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
    _add_saved(parser.add_argument_group("saved searches", _SAVED))
    _add_ranking(parser.add_argument_group("ranking"))
    _add_filters(parser.add_argument_group("filters (of several values for one of them, any is enough: repeat it)"))
    _add_output(parser.add_argument_group("output"))
    return parser


def _add_ways_to_ask(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--like", nargs="+", type=_pmid, default=[], metavar="PMID", help="find articles like these")
    group.add_argument("--like-text", metavar="FILE", help="find articles like an abstract of your own; - reads standard input")
    group.add_argument("--unlike", nargs="+", type=_pmid, default=[], metavar="PMID", help="beside either: less like these")
    group.add_argument("--queries", type=Path, metavar="FILE", help="ask each line of a file, or of BEIR's queries.jsonl")


def _add_saved(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--save", type=_name, metavar="NAME", help="keep what is asked now, its filters included, as NAME")
    group.add_argument("--saved", type=_name, metavar="NAME", help="ask what was saved as NAME")
    group.add_argument("--list-saved", action="store_true", help="list what was saved; also with --json")
    group.add_argument("--delete-saved", type=_name, metavar="NAME", help="forget what was saved as NAME")


def _add_ranking(group: argparse._ArgumentGroup) -> None:
    modes, orders = [mode.value for mode in Mode], [order.value for order in Sort]
    group.add_argument("--mode", choices=modes, help="by meaning (dense), by words (lexical), or by both: hybrid (default)")
    group.add_argument("--sort", choices=orders, help="date: the newest first of the 200 best")
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
    group.add_argument("--format", choices=list(FORMS), help="how to print the hits (default: table); atom is a feed to poll")
    group.add_argument("--json", action="store_true", help="print one JSON document: --format json")


def _text(text: str) -> str:
    """An argument whose bytes were text: Python keeps undecodable ones as surrogates, which no tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"this is not text in the terminal's encoding: {text!a}") from None
    return text


def _name(text: str) -> str:
    """The name of a saved search."""
    try:
        return checked_name(_text(text))
    except SavedSearchError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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

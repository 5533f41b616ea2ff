"""``pubmed-search``: ask an index a question from the command line."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from search.article import LARGEST_PMID
from search.command import plain, run, write_json
from search.errors import QueryError
from search.filters import Filters
from search.index_folder import DEFAULT_INDEX
from search.results import Mode, SearchResult, SearchResults
from search.searcher import Searcher, hits

if TYPE_CHECKING:
    from rich.text import Text

_EXAMPLES = """examples:
  pubmed-search "statins and muscle pain"
  pubmed-search "skin-to-skin care of newborns" --year 2000:2010 -k 20
  pubmed-search --like 10617751 --json
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``pubmed-search``; returns its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.unlike and not options.like:
        parser.error("--unlike goes with --like, which says what the hits should resemble")
    if options.like and options.mode != Mode.DENSE:
        parser.error(f"--like ranks by meaning: leave out --mode {options.mode}")
    return run(lambda: _search(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pubmed-search",
        description="Find the articles nearest in meaning to a question, or to articles that you know.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("query", nargs="?", type=_question, help="the question, in plain words")
    asked.add_argument("--like", nargs="+", type=_pmid, metavar="PMID", help="find articles like these instead")
    parser.add_argument("--unlike", nargs="+", type=_pmid, default=[], metavar="PMID", help="with --like: and less like these")
    parser.add_argument("--index", default=DEFAULT_INDEX, metavar="DIR", help=f"the index folder (default: {DEFAULT_INDEX})")
    parser.add_argument("-k", type=hits, default=10, metavar="N", help="how many hits (default: 10)")
    modes = [mode.value for mode in Mode]
    parser.add_argument("--mode", choices=modes, default=Mode.DENSE, help="how to rank; this version: dense (default)")
    parser.add_argument("--year", type=_years, default=(None, None), metavar="RANGE", help="2015, 2015:2024, 2015: or :2024")
    parser.add_argument("--has-abstract", action="store_true", help="leave out articles without an abstract")
    parser.add_argument("--include-retracted", action="store_true", help="show retracted articles, too")
    parser.add_argument("--encoder", metavar="PATH", help="where the encoder that built the index lies, if it has moved")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _question(text: str) -> str:
    """The question, if its bytes were text: Python keeps undecodable ones as surrogates, which no tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"the question is not text in this terminal's encoding: {text!a}") from None
    return text


def _years(text: str) -> tuple[int | None, int | None]:
    try:
        years = Filters.years(text)
        Filters(*years)
    except QueryError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return years


def _pmid(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= LARGEST_PMID):
        raise argparse.ArgumentTypeError(f"a PMID is a positive whole number; found {text!r}")
    return int(text)


def _search(options: argparse.Namespace) -> None:
    year_from, year_to = options.year
    filters = Filters(
        year_from=year_from,
        year_to=year_to,
        has_abstract=options.has_abstract,
        include_retracted=options.include_retracted,
    )
    with Searcher.open(options.index, options.encoder) as searcher:
        if options.like:
            results = searcher.similar(options.like, options.unlike, options.k, filters)
        else:
            results = searcher.search(options.query, options.k, filters, options.mode)
        note = searcher.corpus_note
    if options.json:
        write_json(results.to_json())
    else:
        _print(results, note)


def _print(results: SearchResults, note: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    table = Table(box=None, padding=(0, 2, 1, 0), show_edge=False, header_style="dim")
    table.add_column("", justify="right", no_wrap=True, style="dim")
    table.add_column("article", ratio=1, overflow="fold")
    table.add_column("year", no_wrap=True)
    table.add_column("PMID", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True, style="dim")
    for hit in results:
        pmid = Text(str(hit.pmid), style=f"link {hit.article.url}")
        table.add_row(str(hit.rank), _article(hit), str(hit.article.year or ""), pmid, f"{hit.score:.3f}")
    with console.capture() as page:  # rich ends the process with 1 when a pipe is closed; `run` knows better
        if len(results):
            console.print(table)
        console.print(Text(_closing(results), style="dim"))
        if note:
            console.print(Text(note, style="dim italic"))
    sys.stdout.write(page.get())


def _article(hit: SearchResult) -> "Text":
    from rich.text import Text

    article = hit.article
    names = [author.name for author in article.authors]
    authors = ", ".join(names[:3]) + (", et al." if len(names) > 3 else "")  # noqa: PLR2004  (as citations are shortened)
    source = ". ".join(part.rstrip(".") for part in (authors, article.journal_abbreviation or article.journal) if part)
    text = Text(plain(article.title), style="bold")
    for label in article.flags.labels:
        text.append(f" [{label}]", style="bold red" if label == "retracted" else "yellow")
    return text.append(f"\n{plain(source)}", style="not bold dim") if source else text


def _closing(results: SearchResults) -> str:
    index = results.index
    found = (
        f"{len(results)} of {index.articles:,} articles"
        if len(results)
        else f"None of {index.articles:,} articles is left by the filters"
    )
    hidden = (
        f" · {results.hidden_retracted} retracted left out (--include-retracted shows them)" if results.hidden_retracted else ""
    )
    return (
        f"{found} · {results.took_ms:.0f} ms{hidden} · as of {index.updated} (last file {plain(index.last_file)}); "
        f"PubMed may have newer records · encoder {index.encoder}"
    )


if __name__ == "__main__":
    sys.exit(main())

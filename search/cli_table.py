"""The answer of ``pubmed-search`` as people read it: a table as wide as the terminal, and what is said around it."""

import sys
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, RenderableType
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from search.answer_wording import excerpt, reasons, understanding, why_nothing
from search.article import Article
from search.cli_saved import News, as_typed, moment
from search.command import plain
from search.questions import Question
from search.results import IndexSummary, Mode, SearchResult, SearchResults, Sentence
from search.saved_search import SavedSearch

_SHOWN_AUTHORS = 3  # as citations are shortened
_LONGEST_HEADING = 200
_LISTED = 20


def print_answer(results: SearchResults, news: News | None = None) -> None:
    """Print how a question was understood, its hits with their reasons, and how many of how many they are.

    With `news`, the answer is to a saved search, and what is new is said above the hits and beside them.
    """
    above = [Text(plain(line), style="dim") for line in understanding(results)]
    above = [*_said_of(news, results), *above] if news else above
    if len(results):
        _print([*above, *([""] if above else []), _table(results, news), _closing(results)])
    else:
        _print([*above, Text(plain(why_nothing(results)))])


def print_heading(number: int, question: Question) -> None:
    """Print the question that the next answer is to, one of several."""
    text = question.text
    shown = text if len(text) <= _LONGEST_HEADING else f"{text[:_LONGEST_HEADING]}…"
    _print([*([""] if number > 1 else []), Text(f"{number}. {plain(shown)}", style="bold underline"), ""])


def print_refusal(sentence: str) -> None:
    """Print why a question has no answer."""
    _print([Text(plain(sentence))])


def print_saved(searches: Sequence[SavedSearch]) -> None:
    """Print the saved searches, the newest first."""
    if not searches:
        _print([Text("No search was saved yet: `pubmed-search QUESTION --save NAME` saves one.")])
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    table.add_column("name", overflow="fold", style="bold")
    table.add_column("asks", overflow="fold", ratio=1)
    table.add_column("saved", no_wrap=True, style="dim")
    table.add_column("last looked at", no_wrap=True, style="dim")
    for search in searches:
        looked = moment(search.last_looked) if search.last_looked else "never"
        table.add_row(Text(search.name), Text(plain(as_typed(search))), moment(search.created), looked)
    _print([table])


def print_index(index: IndexSummary, note: str) -> None:
    """Print which index answered and how current it is, and what must be said of its corpus."""
    data = f"as of {index.updated} (last file {plain(index.last_file)}); PubMed may have newer records"
    said = f"{data} · encoder {plain(index.encoder)}"
    _print([Text(said, style="dim"), *([Text(note, style="dim italic")] if note else [])])


def with_progress(questions: Sequence[Question]) -> Iterator[Question]:
    """The questions, with a bar on stderr that moves as they are taken."""
    console = Console(file=sys.stderr)
    # Redirected, what is printed while the bar is shown would go to the bar's terminal instead of the file it is meant for.
    with Progress(console=console, transient=True, redirect_stdout=False) as progress:
        yield from progress.track(questions, description="Asking")


def _print(parts: Iterable[RenderableType]) -> None:
    console = Console(file=sys.stdout, highlight=False)
    with console.capture() as page:  # rich ends the process with 1 when a pipe is closed; `run` knows better
        for part in parts:
            console.print(part, markup=False)
    sys.stdout.write(page.get())
    sys.stdout.flush()


def _said_of(news: News, results: SearchResults) -> Iterator[Text]:
    """What is new in the answer to a saved search, also further down than its hits go."""
    name = Text.assemble((news.search.name, "bold"), ": ")
    if news.pmids is None:
        yield name.append("nobody has looked at it before; what comes from now on is new")
        return
    yield name.append(f"{len(news.pmids) or 'nothing'} new since {moment(news.search.last_looked)}")
    shown = {hit.pmid for hit in results}
    below = [str(pmid) for pmid in news.pmids if pmid not in shown]
    if below:
        rest = f", and {len(below) - _LISTED:,} more" if len(below) > _LISTED else ""
        yield Text(f"new further down: {', '.join(below[:_LISTED])}{rest}", style="dim")


def _table(results: SearchResults, news: News | None) -> Table:
    table = Table(box=None, padding=(0, 2, 1, 0), show_edge=False, header_style="dim")
    table.add_column("", justify="right", no_wrap=True, style="dim")
    table.add_column("article", ratio=1, overflow="fold")
    table.add_column("year", no_wrap=True)
    table.add_column("PMID", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True, style="dim")
    new = frozenset(news.pmids or ()) if news else frozenset[int]()
    for hit in results:
        is_ranked = bool(hit.why.lexical_rank or hit.why.dense_rank)
        score = f"{hit.score:.3f}" if is_ranked else ""
        article = _article(hit, results.mode, is_new=hit.pmid in new)
        table.add_row(str(hit.rank), article, str(hit.article.year or ""), _number(hit.article), score)
    return table


def _number(article: Article) -> Text:
    """The PMID as a link, or the number that the article has in this index alone."""
    return Text(f"{article.pmid}\nlocal id") if article.is_local else Text(str(article.pmid), style=f"link {article.url}")


def _article(hit: SearchResult, mode: Mode, *, is_new: bool) -> Text:
    article, sentence = hit.article, hit.why.nearest or hit.why.sentence
    in_title = sentence is not None and sentence.text == article.title
    text = Text()
    text.append_text(_marked(sentence) if sentence and in_title else Text(plain(article.title or article.vernacular_title)))
    text.stylize("bold")
    if is_new:
        text.append(" [new]", style="bold green")
    for label in article.flags.labels:
        text.append(f" [{label}]", style="bold red" if label == "retracted" else "bold yellow")
    if source := _source(article):
        text.append(f"\n{plain(source)}", style="dim")
    if sentence and not in_title:
        text.append(f"\n{plain(sentence.label)}: " if sentence.label else "\n", style="dim")
        text.append_text(_marked(excerpt(sentence)))
    said = reasons(hit.why, mode)
    return text.append(f"\n{said}", style="dim italic") if said else text


def _source(article: Article) -> str:
    names = [author.name for author in article.authors]
    authors = ", ".join(names[:_SHOWN_AUTHORS]) + (", et al." if len(names) > _SHOWN_AUTHORS else "")
    return ". ".join(part.rstrip(".") for part in (authors, article.journal_abbreviation or article.journal) if part)


def _marked(sentence: Sentence) -> Text:
    """A sentence with the question's words underlined; `plain` keeps every character's place."""
    text = Text(plain(sentence.text))
    for start, end in sentence.marks:
        text.stylize("bold underline", start, end)
    return text


def _closing(results: SearchResults) -> Text:
    hidden = results.hidden_retracted
    left_out = f" · {hidden:,} retracted left out (--include-retracted shows them)" if hidden else ""
    found = f"{len(results):,} of {results.index.articles:,} articles · {results.took_ms:.0f} ms{left_out}"
    return Text(found, style="dim")

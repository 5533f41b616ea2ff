"""``pubmed-search``: ask an index questions from the command line."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.citation import one_line
from search.cli_arguments import Options, read_arguments
from search.cli_forms import Screen
from search.cli_saved import News, delete, feed_of, newest, saved_searches, saved_under, search_of
from search.command import run, write_json, write_json_list
from search.errors import IndexFolderError, QueryError, SourceError, StorageFull
from search.export import Format, export, export_answers
from search.questions import Question, read_questions
from search.results import SearchResults
from search.saved_search import SavedSearch
from search.saved_searches import SavedSearches
from search.search_options import EXPLAINED_UNASKED
from search.searcher import EncoderLoader, Searcher, load_transformer

if TYPE_CHECKING:
    from search.reranker import CrossEncoder

_STANDARD_INPUT = "-"


def load_reranker(name: str) -> "CrossEncoder":
    """Load a cross-encoder by name; torch and transformers are imported here and not before."""
    from search.reranker import Reranker

    return Reranker.load(name)


@dataclass(frozen=True, slots=True)
class Loaders:
    """How the models that are named get loaded."""

    encoder: EncoderLoader = load_transformer
    reranker: "Callable[[str], CrossEncoder]" = load_reranker


def main(arguments: Sequence[str] | None = None, loaders: Loaders | None = None) -> int:
    """Run ``pubmed-search``; returns its exit code."""
    options = read_arguments(arguments)
    return run(lambda: _search(options, loaders or Loaders()))


@dataclass(frozen=True, slots=True)
class Answer:
    """What one of several questions got: results, or why it was refused."""

    question: Question
    outcome: SearchResults | QueryError

    def to_json(self) -> dict[str, Any]:
        """The document of its results; of a refused question, the question and the reason."""
        identity = {"id": self.question.identity} if self.question.identity else {}
        if isinstance(self.outcome, QueryError):
            return {**identity, "query": self.question.text, "error": str(self.outcome)}
        return {**identity, **self.outcome.to_json()}


def _search(options: Options, loaders: Loaders) -> None:
    if options.list_saved:
        _list_saved(options)
    elif options.delete_saved is not None:
        delete(options.delete_saved, saved_searches(options))
    else:
        _ask(options, loaders)


def _ask(options: Options, loaders: Loaders) -> None:
    pasted = "" if options.like_text is None else _read_text(options.like_text)
    questions = [] if options.queries is None else read_questions(options.queries)
    with Searcher.open(options.index, options.encoder, load=loaders.encoder, mesh_tree=options.mesh_tree) as searcher:
        reranker = None if options.rerank is None else loaders.reranker(options.rerank)
        if options.queries is not None:
            _answer_file(searcher, questions, options, reranker)
        elif options.saved is not None:
            _answer_saved(searcher, options.saved, options)
        elif options.query is not None:
            _write_and_save(_answer(searcher, options.query, options, reranker), options, searcher)
        else:
            _write_and_save(_similar(searcher, pasted, options), options, searcher)


def _read_text(name: str) -> str:
    """A pasted abstract. Raises SourceError."""
    try:
        text = (_standard_input() if name == _STANDARD_INPUT else Path(name).read_bytes()).decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"--like-text {name} cannot be read ({error}). Expected a file of text in UTF-8.") from error
    if not text:
        raise SourceError(f"--like-text {name} holds no text. Expected an abstract, or a few sentences.")
    return text


def _standard_input() -> bytes:
    """What stands on standard input; nothing where it is closed."""
    return sys.stdin.buffer.read() if sys.stdin else b""


def _answer(searcher: Searcher, question: str, options: Options, reranker: "CrossEncoder | None") -> SearchResults:
    return searcher.search(
        question,
        options.k,
        options.filters,
        options.mode,
        sort=options.sort,
        unlike=options.unlike,
        explain=_explained(options, unasked=EXPLAINED_UNASKED),
        whole=options.explain,
        rerank=reranker,
    )


def _similar(searcher: Searcher, pasted: str, options: Options) -> SearchResults:
    # Only to explain is the encoder needed, and loading it takes longer than all the rest.
    explain = _explained(options, unasked=0)
    return searcher.similar(
        options.like, options.unlike, options.k, options.filters, text=pasted, explain=explain, whole=options.explain
    )


def _explained(options: Options, unasked: int) -> int:
    """How many hits are explained: none in a format that has no place for it."""
    if options.form not in {Screen.TABLE, Screen.JSON}:
        return 0
    return options.k if options.explain else unasked


def _answer_saved(searcher: Searcher, name: str, options: Options) -> None:
    saved = saved_searches(options)
    search = saved_under(name, saved)
    if options.form is Screen.ATOM:
        _write(newest(search, searcher, options.k), options, searcher)
        return
    explain = _explained(options, unasked=0 if search.like else EXPLAINED_UNASKED)
    results = search.ask(searcher, options.k, explain=explain, whole=options.explain)
    news = News(search, saved.new_since_last_time(search, results, searcher))
    _write(results, options, searcher, news)
    if options.form is not Screen.JSON:
        sys.stdout.flush()  # who has not got the answer has not seen it
        _mark_seen(saved, search, results, searcher)


def _mark_seen(saved: SavedSearches, search: SavedSearch, results: SearchResults, searcher: Searcher) -> None:
    """Remember the look, where that can be: an index that this user may only read is searched all the same."""
    try:
        saved.mark_seen(search, results, searcher)
    except (IndexFolderError, StorageFull) as error:
        sys.stderr.write(f"{one_line(str(error))} What is new now will be said to be new again.\n")


def _write_and_save(results: SearchResults, options: Options, searcher: Searcher) -> None:
    """Write an answer, and save its question where that is wanted: first, since a reader of a pipe may stop reading."""
    if options.save is None:
        _write(results, options, searcher)
        return
    saved = saved_searches(options)
    search = saved.save(search_of(options, options.save))
    saved.mark_seen(search, results, searcher)
    _write(results, options, searcher)


def _list_saved(options: Options) -> None:
    searches = saved_searches(options).all()
    if options.form is Screen.JSON:
        write_json([asdict(search) for search in searches])
    else:
        from search.cli_table import print_saved

        print_saved(searches)


def _write(results: SearchResults, options: Options, searcher: Searcher, news: News | None = None) -> None:
    if isinstance(options.form, Format):
        _write_file([export(results, options.form)])
    elif options.form is Screen.ATOM:
        from search.atom_format import to_atom

        _write_file([to_atom(results, feed_of(options, results))])
    elif options.form is Screen.JSON:
        write_json(results.to_json() | ({"saved": news.to_json()} if news else {}))
    else:
        from search.cli_table import print_answer, print_index

        print_answer(results, news)
        print_index(searcher.summary, searcher.corpus_note)


def _answer_file(searcher: Searcher, questions: Sequence[Question], options: Options, reranker: "CrossEncoder | None") -> None:
    """Answer a file of questions. Those that are refused are listed on stderr; then QueryError is raised."""
    refusals: list[str] = []
    try:
        _write_answers(_answers(searcher, questions, options, reranker, refusals), questions, options, searcher)
        sys.stdout.flush()
    finally:
        sys.stderr.writelines(f"{one_line(refusal)}\n" for refusal in refusals)
    if refusals:
        raise QueryError(
            f"{len(refusals):,} of {len(questions):,} questions of {options.queries} were refused: the lines above say why."
        )


def _answers(
    searcher: Searcher,
    questions: Sequence[Question],
    options: Options,
    reranker: "CrossEncoder | None",
    refusals: list[str],
) -> Iterator[Answer]:
    """The answers, one after the other; the questions that are refused are added to `refusals`."""
    for number, question in enumerate(_followed(questions, options), start=1):
        outcome: SearchResults | QueryError
        try:
            outcome = _answer(searcher, question.text, options, reranker)
        except QueryError as error:
            outcome = error
            refusals.append(f"Question {number} of {options.queries}: {error}")
        yield Answer(question, outcome)


def _followed(questions: Sequence[Question], options: Options) -> Iterable[Question]:
    """The questions, with a bar where nothing else shows how far they are."""
    if options.form is Screen.TABLE or sys.stdout.isatty() or not sys.stderr.isatty():
        return questions
    from search.cli_table import with_progress

    return with_progress(questions)


def _write_answers(answers: Iterator[Answer], questions: Sequence[Question], options: Options, searcher: Searcher) -> None:
    if isinstance(options.form, Format):
        found = ((one.question, one.outcome) for one in answers if isinstance(one.outcome, SearchResults))
        _write_file(export_answers(found, options.form, identified=any(question.identity for question in questions)))
    elif options.form is Screen.JSON:
        write_json_list(answer.to_json() for answer in answers)
    else:
        from search.cli_table import print_answer, print_heading, print_index, print_refusal

        for number, answer in enumerate(answers, start=1):
            print_heading(number, answer.question)
            if isinstance(answer.outcome, QueryError):
                print_refusal(str(answer.outcome))
            else:
                print_answer(answer.outcome)
        print_index(searcher.summary, searcher.corpus_note)


def _write_file(pieces: Iterable[str]) -> None:
    """Print a file: in UTF-8 whatever the terminal has, its line ends kept."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    sys.stdout.writelines(pieces)


if __name__ == "__main__":
    sys.exit(main())

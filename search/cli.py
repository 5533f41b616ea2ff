"""``pubmed-search``: ask an index questions from the command line."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search.cli_arguments import Options, Screen, read_arguments
from search.command import run, write_json
from search.errors import QueryError, SourceError
from search.export import Format, export
from search.results import SearchResults
from search.searcher import EncoderLoader, Searcher, load_transformer

if TYPE_CHECKING:
    from search.reranker import CrossEncoder

_STANDARD_INPUT = "-"
# So many hits are explained unasked: their sentences take about as long to encode as the question.
_EXPLAINED = 3


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


def _search(options: Options, loaders: Loaders) -> None:
    pasted = "" if options.like_text is None else _read_text(options.like_text)
    questions = _questions(options)
    with Searcher.open(options.index, options.encoder, load=loaders.encoder, mesh_tree=options.mesh_tree) as searcher:
        if questions:
            reranker = loaders.reranker(options.rerank) if options.rerank else None
            answers = _answers(searcher, questions, options, reranker)
        else:
            answers = iter([_similar(searcher, pasted, options)])
        _write(answers, questions, options, searcher)


def _questions(options: Options) -> list[str]:
    if options.queries is None:
        return [] if options.query is None else [options.query]
    from search.questions import read_questions

    return read_questions(options.queries)


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


def _answers(
    searcher: Searcher, questions: Sequence[str], options: Options, reranker: "CrossEncoder | None"
) -> Iterator[SearchResults]:
    """The answers, one after the other. Raises QueryError, which says which question it is where there are several."""
    unasked = _EXPLAINED if isinstance(options.form, Screen) else 0
    for number, question in enumerate(_followed(questions, options), start=1):
        try:
            yield searcher.search(
                question,
                options.k,
                options.filters,
                options.mode,
                sort=options.sort,
                unlike=options.unlike,
                explain=options.k if options.explain else unasked,
                whole=options.explain,
                rerank=reranker,
            )
        except QueryError as error:
            where = f"Question {number} of {options.queries}: " if options.queries else ""
            raise QueryError(f"{where}{error}") from error


def _similar(searcher: Searcher, pasted: str, options: Options) -> SearchResults:
    # Only to explain is the encoder needed, and loading it takes longer than all the rest.
    explain = options.k if options.explain else 0
    return searcher.similar(
        options.like, options.unlike, options.k, options.filters, text=pasted, explain=explain, whole=options.explain
    )


def _followed(questions: Sequence[str], options: Options) -> Iterable[str]:
    """The questions, with a bar where nothing else shows how far they are."""
    if options.queries is None or options.form is Screen.TABLE or not sys.stderr.isatty():
        return questions
    from search.cli_table import with_progress

    return with_progress(questions)


def _write(answers: Iterator[SearchResults], questions: Sequence[str], options: Options, searcher: Searcher) -> None:
    if isinstance(options.form, Format):
        _write_export(export(_together(list(answers)), options.form))
    elif options.form is Screen.JSON:
        documents = [results.to_json() for results in answers]
        write_json(documents[0] if options.queries is None else documents)
    else:
        from search.cli_table import print_answer, print_heading, print_index

        for number, results in enumerate(answers, start=1):
            if options.queries is not None:
                print_heading(number, questions[number - 1])
            print_answer(results)
        print_index(searcher.summary, searcher.corpus_note)


def _together(answers: Sequence[SearchResults]) -> SearchResults:
    """The hits of several answers from one index, as if they were of one."""
    return replace(answers[0], hits=tuple(hit for results in answers for hit in results))


def _write_export(text: str) -> None:
    """Print a file: in UTF-8 whatever the terminal has, its line ends kept."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    sys.stdout.write(text)


if __name__ == "__main__":
    sys.exit(main())

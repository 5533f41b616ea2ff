"""``pubmed-index bench``: how long questions take on an index, or on one of any size that is made of it."""

import argparse
import contextlib
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

from search.command import hits, positive
from search.errors import SourceError
from search.index_folder import DEFAULT_INDEX

_OF_SCALE = ("work", "out")
_LEAST = 1_000


def add_bench(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `bench`, and the command itself."""
    parser.add_argument(
        "--queries", type=Path, metavar="FILE", help="one question a line, or BEIR's queries.jsonl (default: titles)"
    )
    parser.add_argument("--count", type=positive, default=200, metavar="N", help="ask at most so many (default: 200)")
    parser.add_argument("-k", type=hits, default=10, metavar="N", help="hits for each (default: 10)")
    parser.add_argument("--encoder", metavar="PATH", help="where the encoder that built the index lies, if it has moved")
    parser.add_argument(
        "--index", default=DEFAULT_INDEX, type=Path, metavar="DIR", help=f"the index folder (default: {DEFAULT_INDEX})"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    scale = parser.add_argument_group("an index of another size")
    scale.add_argument(
        "--scale", type=positive, metavar="N", help="make N records of those of the index, build them, and measure that index"
    )
    scale.add_argument(
        "--work", type=Path, metavar="DIR", help="make it there and keep it (default: a temporary folder; 5 GB for a million)"
    )
    scale.add_argument(
        "--out", type=Path, metavar="FILE", help="keep the figures there, and fit a law to those of all runs that are in it"
    )
    parser.set_defaults(command=functools.partial(bench, parser))


def bench(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Ask an index questions in every mode, with filters and without, and report how long they take.

    With --scale, do so with an index of made-up records, and report what it takes of time, disk and memory, and what it finds.
    """
    if options.scale is None:
        if unfit := [name for name in _OF_SCALE if getattr(options, name)]:
            parser.error(f"--{unfit[0]} goes with --scale")
        _bench_index(options)
        return
    if options.scale < _LEAST:
        parser.error(f"--scale takes {_LEAST:,} records or more")
    _bench_scale(options)


def _bench_index(options: argparse.Namespace) -> None:
    from indexer.bench import measure, titles_as_questions
    from indexer.bench_report import report_latency
    from indexer.progress_bars import progress_for_people
    from search.searcher import Searcher

    questions = _questions(options)
    with Searcher.open(options.index, options.encoder) as searcher, progress_for_people() as progress:
        latency = measure(searcher, questions or titles_as_questions(searcher, options.count), options.k, progress)
    report_latency(latency, as_json=options.json)


def _bench_scale(options: argparse.Namespace) -> None:
    from indexer.bench_report import report_scale
    from indexer.progress_bars import progress_for_people
    from indexer.scale import Kind, Scale, made_index, measure_scale
    from indexer.scale_law import laws, misses, read_measured, with_new, write_measured

    earlier = read_measured(options.out) if options.out else []
    questions = tuple(_questions(options))
    with _work(options.work) as work:
        scale = Scale(options.index, options.scale, work, questions, options.count, options.k, options.encoder)
        made = made_index(scale)
        with progress_for_people() as progress:
            scaled = measure_scale(scale, made, progress)
    together = with_new(earlier, scaled.measured)
    if options.out:
        write_measured(options.out, together)
    found = laws(together, scaled.source)
    # Where every vector is compared no law leads to PubMed: such an index is not built of so many.
    missed = misses(scaled.measured, found if made.kind is Kind.LISTS else [])
    report_scale(scaled, found, missed, as_json=options.json)


def _questions(options: argparse.Namespace) -> list[str]:
    from search.questions import read_questions

    asked = read_questions(options.queries)[: options.count] if options.queries else []
    return [question.text for question in asked if question.text]


@contextlib.contextmanager
def _work(folder: Path | None) -> Iterator[Path]:
    """The folder that was named, or one that is removed afterwards."""
    if folder is not None:
        if folder.is_file():
            raise SourceError(f"{folder} is a file; --work names a folder.")
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="pubmed-scale-") as temporary:
        yield Path(temporary)

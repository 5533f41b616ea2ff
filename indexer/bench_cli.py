"""``pubmed-index bench``: how long questions take on an index, or on one of any size made of it; how fast encoders are."""

import argparse
import contextlib
import functools
import inspect
import tempfile
from collections.abc import Iterator
from pathlib import Path

from search.command import hits, positive
from search.errors import SourceError
from search.index_folder import DEFAULT_INDEX

_OF_SCALE = ("work", "out")
_OF_ENCODE = ("rounds", "length")
_NOT_OF_ENCODE = ("scale", "queries", "k", *_OF_SCALE)
_LEAST = 1_000
_QUESTIONS, _TEXTS, _HITS, _ROUNDS = 200, 500, 10, 3
_EXAMPLES = """examples:
  pubmed-index bench --index I --queries questions.txt
  pubmed-index bench --index I --scale 1600000 --out law.json   made of I's records: how an index of that size does here
  pubmed-index bench --encode                                   texts a second, on each numeric path
  pubmed-index bench --encode --encoder biolinkbert-base --index I --count 3000
"""


def add_bench(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `bench`, and the command itself."""
    parser.description, parser.epilog = inspect.getdoc(bench), _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--queries", type=Path, metavar="FILE", help="one question a line, or BEIR's queries.jsonl (default: titles)"
    )
    parser.add_argument(
        "--count",
        type=positive,
        metavar="N",
        help=f"ask at most so many (default: {_QUESTIONS}); with --encode, encode so many texts (default: {_TEXTS})",
    )
    parser.add_argument("-k", type=hits, metavar="N", help=f"hits for each (default: {_HITS})")
    parser.add_argument(
        "--encoder",
        metavar="NAME|PATH",
        help="where the encoder that built the index lies, if it has moved; with --encode, the one to measure",
    )
    parser.add_argument("--index", type=Path, metavar="DIR", help=f"the index folder (default: {DEFAULT_INDEX})")
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
    encode = parser.add_argument_group("the speed of an encoder")
    encode.add_argument(
        "--encode",
        action="store_true",
        help="encode articles of the index, or of the sample where there is none, on every numeric path of this machine, "
        "beside sentence-transformers where that is installed; `plan` goes by what comes of it",
    )
    encode.add_argument("--rounds", type=positive, metavar="N", help=f"times that each is measured (default: {_ROUNDS})")
    encode.add_argument("--length", type=positive, metavar="N", help="tokens to read of a text (default: the encoder's own)")
    parser.set_defaults(command=functools.partial(bench, parser))


def bench(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Ask an index questions in every mode, with filters and without, and report how long they take.

    With --scale, do so with an index of made-up records, and report what it takes of time, disk and memory, and what it finds.
    With --encode, measure how fast an encoder turns articles into vectors.
    """
    if options.encode:
        if unfit := [name for name in _NOT_OF_ENCODE if getattr(options, name)]:
            parser.error(f"{_flag(unfit[0])} does not go with --encode")
        _bench_encoder(options)
        return
    if unfit := [name for name in _OF_ENCODE if getattr(options, name)]:
        parser.error(f"--{unfit[0]} goes with --encode")
    options.index, options.k = options.index or DEFAULT_INDEX, options.k or _HITS
    options.count = options.count or _QUESTIONS
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


def _bench_encoder(options: argparse.Namespace) -> None:
    from indexer.bench_texts import articles_for
    from indexer.encode_bench import EncodeBench
    from indexer.encode_bench_report import report_encoding
    from indexer.encode_contender import available_paths
    from indexer.kept_speeds import keep, speeds_of
    from indexer.progress_bars import progress_for_people
    from indexer.provenance import Provenance
    from search.encoder_files import EMBEDDED

    articles, source = articles_for(options.index, options.count or _TEXTS)
    measured = EncodeBench(options.encoder or EMBEDDED, available_paths(), options.rounds or _ROUNDS, options.length)
    with progress_for_people() as progress:
        encoding = measured.run(articles, progress)
    produced_by = Provenance.of(options.command_line)
    if options.length is None:  # builds read as many tokens as the encoder's owner says
        keep(list(speeds_of(encoding, produced_by)))
    report_encoding(encoding, source, produced_by, as_json=options.json)


def _flag(name: str) -> str:
    return f"--{name}" if len(name) > 1 else f"-{name}"


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

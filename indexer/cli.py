"""``pubmed-index``: make, fill and look after an index from the command line."""

import argparse
import functools
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.bench_cli import add_bench, bench
from indexer.evaluate_cli import add_evaluate, evaluate
from indexer.mirror_cli import KEPT, add_mirror, mirror
from indexer.plan_cli import add_plan, plan
from indexer.train_cli import TRAINING_KEPT, add_train, train_encoder
from indexer.upkeep_cli import add_index_and_json, add_upkeep, encoder_of
from search.command import number_above_0, positive, run
from search.encoder import NumericPath
from search.transform import TransformKind

if TYPE_CHECKING:
    from indexer.sources import Sources

_EXAMPLES = """examples:
  pubmed-index build --sample                                  the 150 records that ship with the project
  pubmed-index fetch --query "sepsis[ti] AND 2024[dp]" --out records --max 1000
  pubmed-index build records --index data/index
  pubmed-index mirror --out pubmed --dry-run                   all of PubMed from NLM: how many files and bytes are to come
  pubmed-index build baseline/*.xml.gz export.nbib mine.jsonl --index I --encoder biolinkbert-base
  pubmed-index update updatefiles --index I                    later files: new, revised and deleted records
  pubmed-index verify --index I                                reads everything, finds every flipped bit
  pubmed-index rollback --index I                              the generation before the last update answers again
  pubmed-index evaluate beir/nfcorpus --json                   judged questions: any folder in BEIR's form
  pubmed-index evaluate --own --index I                        your own corpus, without judgements
  pubmed-index train --index I --base biolinkbert-base --out my-encoder
  pubmed-index plan 40000000                                   the disk, memory and hours that all of PubMed would take here
  pubmed-index bench --encode                                  how fast this machine encodes: plan goes by it
  pubmed-index bench --index I --queries questions.txt
  pubmed-index bench --index I --scale 1600000 --out law.json  made of I's records: how an index of that size does here
"""
_SOURCES = "files, folders or globs: PubMed XML(.gz), NBIB, RIS, CSV, JSONL(.gz); - is standard input"
_LOCAL_IDS = "give records without a PMID numbers of their own, from 100,000,001 up, instead of leaving them out"
_seconds = functools.partial(number_above_0, said="seconds are")
_KEPT = "Stopped. The published index is untouched and what was embedded is kept: run the same command again to go on."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``pubmed-index``; returns its exit code."""
    parser = _parser()
    given = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(given)
    options.command_line = shlex.join(["pubmed-index", *given])
    if options.command is _build and bool(options.sources) == options.sample:
        parser.error("build takes either SOURCE..., files or folders of records, or --sample")
    command: Callable[[argparse.Namespace], None] = options.command
    kept: dict[Callable[[argparse.Namespace], None], str] = {
        _build: _KEPT,
        _update: _KEPT,
        mirror: KEPT,
        train_encoder: TRAINING_KEPT,
    }
    return run(lambda: command(options), interrupted=kept.get(command, "Stopped."))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pubmed-index",
        description="Turn PubMed records into an index that pubmed-search and pubmed-ui answer from.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_build(commands.add_parser("build", help="build an index from files of records", description=_build.__doc__))
    _add_update(commands.add_parser("update", help="apply later files to an index", description=_update.__doc__))
    _add_fetch(commands.add_parser("fetch", help="get records from NCBI for a PubMed query", description=_fetch.__doc__))
    add_mirror(
        commands.add_parser("mirror", help="keep NLM's baseline and update files in a folder", description=mirror.__doc__)
    )
    add_plan(commands.add_parser("plan", help="predict disk, memory and hours of an index", description=plan.__doc__))
    add_bench(commands.add_parser("bench", help="measure how long questions take, and encoding", description=bench.__doc__))
    add_evaluate(commands.add_parser("evaluate", help="measure how good the search is", description=evaluate.__doc__))
    add_train(commands.add_parser("train", help="make an encoder into a retriever", description=train_encoder.__doc__))
    add_upkeep(commands)
    return parser


def _add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help=_SOURCES)
    parser.add_argument("--sample", action="store_true", help="the records that ship with the project, instead of SOURCE")
    parser.add_argument(
        "--transform",
        default="auto",
        choices=["auto", *TransformKind],
        help="centre or whiten the vectors, which raw encoders need; auto: where titles then find their abstracts better",
    )
    parser.add_argument(
        "--encoder", default="embedded", metavar="NAME|PATH", help="a preset, a hub name or a folder (default: embedded)"
    )
    parser.add_argument(
        "--numeric-path", choices=list(NumericPath), help="the vectors' arithmetic (default: the fastest that this machine has)"
    )
    parser.add_argument("--local-ids", action="store_true", help=_LOCAL_IDS)
    parser.add_argument(
        "--vectors",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE.npy",
        help="ready-made vectors of the encoder, a row each",
    )
    parser.add_argument(
        "--pmids",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE.json",
        help="whose they are: a JSON list for each file of --vectors, in the same order",
    )
    add_index_and_json(parser)
    parser.set_defaults(command=_build)


def _add_update(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help=_SOURCES)
    parser.add_argument(
        "--force",
        action="store_true",
        help="read files out of order or of another year, too: where a later one spoke, it counts",
    )
    parser.add_argument("--local-ids", action="store_true", help=_LOCAL_IDS)
    parser.add_argument("--encoder", metavar="PATH", help="where the encoder that built the index lies, if it has moved")
    add_index_and_json(parser)
    parser.set_defaults(command=_update)


def _add_fetch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--query", required=True, help="the query, in PubMed's own syntax")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder for the records")
    parser.add_argument("--max", type=positive, default=1000, metavar="N", help="at most so many records (default: 1000)")
    parser.add_argument("--email", help="your address, which NCBI asks for; a key is read from NCBI_API_KEY")
    parser.add_argument(
        "--patience", type=_seconds, default=10.0, metavar="S", help="seconds to wait for NCBI's first answer (default: 10)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(command=_fetch)


def _build(options: argparse.Namespace) -> None:
    """Build an index from files of records and publish it. What was embedded before is not embedded again."""
    from indexer.build import Build
    from indexer.progress_bars import progress_for_people
    from indexer.ready_made import ReadyMadeVectors
    from indexer.report import report_build
    from search.index_folder import IndexFolder
    from search.searcher import load_transformer
    from search.shipped import SAMPLE_NOTE

    # Sources first: a wrong path is said at once, not after the seconds that torch takes to load.
    sources = _sources(options)
    encoder = load_transformer(options.encoder, NumericPath(options.numeric_path) if options.numeric_path else None)
    with progress_for_people() as progress:
        note = SAMPLE_NOTE if options.sample else ""
        transform = None if options.transform == "auto" else TransformKind(options.transform)
        known = [ReadyMadeVectors.open(options.vectors, options.pmids, encoder)] if options.vectors or options.pmids else []
        build = Build(
            IndexFolder(options.index), encoder, progress, note, transform=transform, known=known, local_ids=options.local_ids
        )
        summary = build.run(sources)
    report_build(summary, as_json=options.json)


def _update(options: argparse.Namespace) -> None:
    """Apply files to an index, each once and in their order: insert, revise, delete. What did not change is not embedded."""
    from indexer.progress_bars import progress_for_people
    from indexer.report import report_update
    from indexer.sources import find_sources
    from indexer.update import Update
    from search.index_folder import IndexFolder

    sources, folder = find_sources(options.sources), IndexFolder(options.index)
    with progress_for_people() as progress:
        load = encoder_of(folder, options.encoder)
        summary = Update(folder, load, progress, force=options.force, local_ids=options.local_ids).run(sources)
    report_update(summary, as_json=options.json)


def _sources(options: argparse.Namespace) -> "Sources":
    from indexer.sources import find_sources
    from search.shipped import sample_folder

    return find_sources([sample_folder()] if options.sample else options.sources)


def _fetch(options: argparse.Namespace) -> None:
    """Get the records that answer a PubMed query from NCBI's E-utilities, as files that `build` reads."""
    from indexer.fetch import fetch
    from indexer.progress_bars import progress_for_people
    from indexer.report import report_fetch

    with progress_for_people() as progress:
        progress.start("Fetching", None, "records")
        fetched = fetch(
            options.query,
            options.out,
            max_records=options.max,
            email=options.email,
            api_key=os.environ.get("NCBI_API_KEY"),
            patience_s=options.patience,
            on_progress=progress.reached,
        )
    report_fetch(fetched, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())

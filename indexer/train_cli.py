"""The command line of `pubmed-index train`."""

import argparse
import contextlib
import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.training_pair import PairKind
from search.command import number_above_0, positive
from search.errors import EncoderError
from search.index_folder import DEFAULT_INDEX

if TYPE_CHECKING:
    from indexer.training_run import Recipe

_EXAMPLES = """examples:
  pubmed-index train --index I --base biolinkbert-base --out my-encoder
  pubmed-index train --index I --citing sentences.jsonl.gz --exclude beir/nfcorpus --out my-encoder
  pubmed-index build records --index J --encoder my-encoder
"""
TRAINING_KEPT = "Stopped. The pairs and the last checkpoint are kept: run the same command again to go on."


def add_train(parser: argparse.ArgumentParser) -> None:
    """Describe `train` to the parser."""
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--index", default=DEFAULT_INDEX, metavar="DIR", help=f"whose records to learn from ({DEFAULT_INDEX})")
    parser.add_argument("--base", metavar="NAME|PATH", help="the encoder to begin with (default: the index's own)")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder for the new encoder")
    parser.add_argument("--work", type=Path, metavar="DIR", help="pairs and checkpoints (default: OUT.training)")
    parser.add_argument(
        "--citing",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="FILE",
        help='citing sentences, JSONL(.gz): {"sentence": "...", "cited": [{"pmid": 1, "title": "..."}]}',
    )
    parser.add_argument(
        "--exclude",
        nargs="+",
        action="extend",
        default=[],
        type=Path,
        metavar="BEIR_DIR",
        help="sets that the encoder will be measured on: what holds a part of their texts is left out",
    )
    parser.add_argument("--pairs", type=positive, default=100_000, metavar="N", help="learn from so many (default: 100,000)")
    parser.add_argument("--mix", type=_mix, metavar="KIND=WEIGHT,...", help=f"kinds: {', '.join(PairKind)}")
    parser.add_argument(
        "--documents", type=_weight, default=0.15, metavar="SHARE", help="whole articles to each question (default: 0.15)"
    )
    parser.add_argument(
        "--answer",
        type=_weight,
        default=0.5,
        metavar="W",
        help="how far a question is moved to its known answer (default: 0.5)",
    )
    parser.add_argument("--batch", type=positive, default=64, metavar="N", help="texts of a step (default: 64)")
    parser.add_argument(
        "--rate", type=number_above_0, default=1e-4, metavar="R", help="the learning rate's peak (default: 1e-4)"
    )
    parser.add_argument(
        "--length", type=positive, default=128, metavar="N", help="tokens of a text to learn from (default: 128)"
    )
    parser.add_argument("--reads", type=positive, metavar="N", help="tokens that the encoder will read (default: as its base)")
    parser.add_argument(
        "--dimensions", type=_numbers, default=(), metavar="N,...", help="vectors cut to these lengths are to serve, too"
    )
    parser.add_argument(
        "--epochs", type=number_above_0, default=1.0, metavar="N", help="times that each pair is seen (default: 1)"
    )
    parser.add_argument("--steps", type=positive, metavar="N", help="at most so many steps, instead of --epochs")
    parser.add_argument("--hours", type=number_above_0, metavar="H", help="stop training after so many hours in all")
    parser.add_argument("--every", type=positive, default=250, metavar="N", help="steps between checkpoints (default: 250)")
    parser.add_argument("--questions", type=positive, default=300, metavar="N", help="held-out questions a kind (default: 300)")
    parser.add_argument(
        "--held-out", type=_share, default=0.1, metavar="SHARE", help="of all articles, to choose and judge by (default: 0.1)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, another run (default: 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(command=train_encoder)


def train_encoder(options: argparse.Namespace) -> None:
    """Make an encoder into a retriever for the records of an index, and keep it only if it finds more than before."""
    _require_packages()
    from indexer.leak_filter import LeakFilter
    from indexer.processes import Processes
    from indexer.progress import Silent
    from indexer.progress_bars import progress_for_people
    from indexer.provenance import Provenance
    from indexer.training_report import report_training
    from indexer.training_run import TrainingRun
    from search.encoder import NumericPath
    from search.encoder_files import find_encoder
    from search.index_folder import IndexFolder
    from search.searcher import Searcher
    from search.storage import file_sha256
    from search.transformer_encoder import native_numeric_path

    if options.out.exists():
        raise EncoderError(f"There is something at {options.out} already. Give --out another name, or remove it.")
    protected = LeakFilter.of(_protected_texts(options.exclude))
    work = options.work or options.out.with_name(options.out.name + ".training")
    bf16 = native_numeric_path() is NumericPath.BF16
    made_by = Provenance.of(options.command_line)
    records = file_sha256(IndexFolder(Path(options.index)).published().manifest_file)
    processes = Processes()
    progress = progress_for_people() if processes.is_first else contextlib.nullcontext(Silent())
    with Searcher.open(options.index) as searcher, progress as told:
        base = find_encoder(options.base or searcher.summary.encoder)
        teacher = f"{searcher.summary.articles:,} articles, by the encoder {searcher.summary.encoder}"
        recipe = _recipe(options)
        run = TrainingRun(searcher, teacher, records, options.citing, protected, base, recipe, work, told, made_by, bf16)
        summary = run.run(options.out, processes)
    if summary:
        report_training(summary, as_json=options.json)


def _require_packages() -> None:
    """Say what to install, before anything is imported that needs it."""
    if missing := [name for name in ("sentence_transformers", "accelerate", "datasets") if not importlib.util.find_spec(name)]:
        raise EncoderError(
            f"Training needs packages that are not installed: {', '.join(missing)}. "
            "Run `pip install 'pubmed-semantic-search[train]'`."
        )


def _recipe(options: argparse.Namespace) -> "Recipe":
    from indexer.training import TrainingSettings
    from indexer.training_run import Recipe
    from indexer.training_set import DEFAULT_MIX

    settings = TrainingSettings(
        batch=options.batch,
        rate=options.rate,
        epochs=options.epochs,
        steps=options.steps or -1,
        length=options.length,
        dimensions=options.dimensions,
        every=options.every,
        hours=options.hours,
        seed=options.seed,
    )
    return Recipe(
        options.pairs,
        options.mix or dict(DEFAULT_MIX),
        options.documents,
        options.answer,
        options.held_out,
        options.questions,
        options.reads,
        settings=settings,
    )


def _protected_texts(folders: list[Path]) -> Iterator[str]:
    from indexer.beir import read_texts

    for folder in folders:
        yield from read_texts(folder)


def _mix(text: str) -> dict[PairKind, float]:
    try:
        return {
            PairKind(kind.strip()): number_above_0(weight) for kind, weight in (part.split("=") for part in text.split(","))
        }
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise argparse.ArgumentTypeError(
            f"expected KIND=WEIGHT,... with kinds {', '.join(PairKind)}; found {text!r}"
        ) from error


def _weight(text: str) -> float:
    return 0.0 if text == "0" else number_above_0(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1; found {text!r}")
    return share


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted((positive(part.strip()) for part in text.split(",")), reverse=True))
    except (ValueError, argparse.ArgumentTypeError) as error:
        raise argparse.ArgumentTypeError(f"expected numbers with commas between them; found {text!r}") from error

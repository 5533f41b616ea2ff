"""``pubmed-index evaluate``: how good the search is, on sets with judgements or on a corpus without."""

import argparse
import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from search.cache_folder import cache_folder
from search.command import positive
from search.errors import QueryError
from search.index_folder import DEFAULT_INDEX
from search.results import Mode

if TYPE_CHECKING:
    from indexer.beir import BeirSet
    from indexer.evaluate import SetEvaluation
    from indexer.evaluation_report import Against
    from search.encoder import Encoder

_OF_SETS = ("qrels", "work", "per_query", "against")
_OF_OWN = ("index", "sample")


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `evaluate`, and the command itself."""
    modes = [mode.value for mode in Mode]
    parser.add_argument(
        "sets", nargs="*", type=Path, metavar="BEIR_DIR", help="folders with corpus.jsonl, queries.jsonl and qrels.tsv"
    )
    parser.add_argument("--own", action="store_true", help="measure on an index of your own, without judgements, instead")
    parser.add_argument("--mode", action="append", choices=modes, help="a way to rank, may be repeated (default: all)")
    parser.add_argument("--baseline", choices=modes, help="compare to this one (default: the better of lexical and dense)")
    parser.add_argument("--encoder", metavar="NAME|PATH", help="a preset, a hub name or a folder (default: embedded)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    sets = parser.add_argument_group("with BEIR_DIR")
    sets.add_argument(
        "--qrels", action="append", type=Path, metavar="FILE", help="other judgements; of several sets, in its set's folder"
    )
    sets.add_argument("--work", type=Path, metavar="DIR", help="where indexes are kept (default: in your cache folder)")
    sets.add_argument("--against", metavar="NAME|PATH", help="another encoder, measured as well: what each mode gains over it")
    sets.add_argument("--per-query", action="store_true", help="with --json: every question's figures, too")
    own = parser.add_argument_group("with --own")
    own.add_argument("--index", type=Path, metavar="DIR", help=f"the index folder (default: {DEFAULT_INDEX})")
    own.add_argument("--sample", type=positive, metavar="N", help="at most so many articles a test (default: 1,000)")
    parser.set_defaults(command=functools.partial(evaluate, parser))


def evaluate(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Measure how good the search is: on BEIR sets, or with --own on your index, where no judgements are needed."""
    if bool(options.sets) == options.own:
        parser.error("evaluate takes either BEIR_DIR..., folders with judgements, or --own")
    unfit = [f"--{name.replace('_', '-')}" for name in (_OF_SETS if options.own else _OF_OWN) if getattr(options, name)]
    if unfit:
        parser.error(f"{unfit[0]} does not go with {'--own' if options.own else 'BEIR_DIR'}")
    if options.baseline and options.mode and options.baseline not in options.mode:
        parser.error(f"--baseline {options.baseline} is none of the modes that are asked for: add --mode {options.baseline}")
    if options.per_query and not options.json:
        parser.error("--per-query goes with --json")
    if options.own:
        _evaluate_own(options)
    else:
        _evaluate_sets(parser, options)


def _evaluate_sets(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    from indexer.beir import read_beir
    from indexer.evaluate import mean_of_sets
    from indexer.evaluation_report import Source, report_sets
    from indexer.provenance import Provenance
    from search.encoder_files import EMBEDDED
    from search.searcher import load_transformer

    judged = _judgements(parser, options)
    # Sets first: a wrong path is said at once, not after the seconds that torch takes to load.
    sets = [read_beir(folder, judged.get(folder)) for folder in options.sets]
    encoder = load_transformer(options.encoder or EMBEDDED)
    other = load_transformer(options.against) if options.against else None
    evaluations = [_evaluate_set(beir_set, encoder, options) for beir_set in sets]
    against = None if other is None else _against(other, sets, evaluations, options)
    source = Source(encoder.identity, Provenance.of(options.command_line))
    mean = mean_of_sets(evaluations, _baseline(options))
    report_sets(evaluations, mean, source, against, as_json=options.json, per_query=options.per_query)


def _against(
    other: "Encoder", sets: "Sequence[BeirSet]", evaluations: "Sequence[SetEvaluation]", options: argparse.Namespace
) -> "Against":
    """What the sets' modes gain over another encoder."""
    from indexer.comparison import gain
    from indexer.evaluation_report import Against

    earlier = [_evaluate_set(beir_set, other, options).scores for beir_set in sets]
    measured = [one.scores for one in evaluations]
    gains = tuple(gain([one], [before]) for one, before in zip(measured, earlier, strict=True))
    return Against(other.identity, gains, gain(measured, earlier) if len(sets) > 1 else None)


def _evaluate_set(beir_set: "BeirSet", encoder: "Encoder", options: argparse.Namespace) -> "SetEvaluation":
    from indexer.evaluate import evaluate_set, open_set
    from indexer.progress_bars import progress_for_people

    work, baseline = options.work or cache_folder("evaluate"), _baseline(options)
    with progress_for_people() as progress, open_set(beir_set, encoder, work, progress) as searcher:
        evaluation = evaluate_set(searcher, beir_set, _modes(options), progress=progress, baseline=baseline)
    _require_asked(options, evaluation.refused)
    return evaluation


def _evaluate_own(options: argparse.Namespace) -> None:
    from indexer.evaluate_own import WANTED, RankedTest, evaluate_own
    from indexer.evaluation_report import Source, report_own
    from indexer.progress_bars import progress_for_people
    from indexer.provenance import Provenance
    from search.index_folder import IndexFolder
    from search.searcher import Searcher

    folder, wanted = options.index or DEFAULT_INDEX, options.sample or WANTED
    with Searcher.open(folder, options.encoder) as searcher, progress_for_people() as progress:
        index = {"folder": folder, "generation": IndexFolder(folder).published_name(), **asdict(searcher.summary)}
        encoder = searcher.load_encoder()
        evaluation = evaluate_own(
            searcher, encoder, _modes(options), wanted=wanted, progress=progress, baseline=_baseline(options)
        )
    if isinstance(evaluation.known_items, RankedTest):
        _require_asked(options, evaluation.known_items.refused)
    report_own(evaluation, index, Source(encoder.identity, Provenance.of(options.command_line)), as_json=options.json)


def _judgements(parser: argparse.ArgumentParser, options: argparse.Namespace) -> dict[Path, Path]:
    """Which set each --qrels file belongs to: of several sets, the one in whose folder it lies."""
    judged: dict[Path, Path] = {}
    for path in options.qrels or []:
        of = [folder for folder in options.sets if len(options.sets) == 1 or path.resolve().is_relative_to(folder.resolve())]
        if len(of) != 1 or of[0] in judged:
            parser.error(f"--qrels {path} is to be the one file of judgements in one of the folders; it is not")
        judged[of[0]] = path
    return judged


def _require_asked(options: argparse.Namespace, refused: Mapping[Mode, str]) -> None:
    """A mode that was asked for by name is not passed over."""
    if options.mode and refused:
        mode, reason = next(iter(refused.items()))
        raise QueryError(f"The mode {mode} was not measured. {reason}")


def _modes(options: argparse.Namespace) -> list[Mode]:
    return [mode for mode in Mode if not options.mode or mode.value in options.mode]


def _baseline(options: argparse.Namespace) -> Mode | None:
    return Mode(options.baseline) if options.baseline else None

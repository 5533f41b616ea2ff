"""The subcommands that look after an index: ``info``, ``verify``, ``repair``, ``rollback`` and ``prune``."""

import argparse
import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from search.index_folder import DEFAULT_INDEX, IndexFolder

if TYPE_CHECKING:
    from indexer.history import Keep
    from search.encoder import Encoder


def add_upkeep(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommands."""
    for name, command, text in (
        ("info", _info, "what an index holds, its generations, and how far it has drifted"),
        ("verify", _verify, "read an index whole and check it"),
        ("repair", _repair, "make anew what is damaged"),
        ("rollback", _rollback, "publish an earlier generation again"),
        ("prune", _prune, "remove old generations"),
    ):
        parser = commands.add_parser(name, help=text, description=command.__doc__)
        add_index_and_json(parser)
        parser.set_defaults(command=command)
        if command is _repair:
            parser.add_argument(
                "--encoder", metavar="PATH", help="where the encoder that built the index lies, if it has moved"
            )
        if command is _rollback:
            parser.add_argument(
                "--to", metavar="N", help="the generation to publish (default: the one before the published one)"
            )
        if command is _prune:
            parser.add_argument(
                "--keep",
                type=_keep,
                metavar="N|Nd",
                help="how many generations to keep, or those of how many days (default: 2)",
            )


def add_index_and_json(parser: argparse.ArgumentParser) -> None:
    """Add what nearly all subcommands take."""
    parser.add_argument(
        "--index", default=DEFAULT_INDEX, type=Path, metavar="DIR", help=f"the index folder (default: {DEFAULT_INDEX})"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def encoder_of(folder: IndexFolder, moved_to: str | None) -> "Callable[[], Encoder]":
    """What loads the encoder that built an index, on the numeric path of its vectors, where something is to be embedded."""

    def load() -> "Encoder":
        from search.manifest import Manifest
        from search.query_encoder import QueryEncoder, load_transformer

        identity = Manifest.read(folder.published().manifest_file).encoder
        load_alike = functools.partial(load_transformer, numeric_path=identity.numeric_path)
        return QueryEncoder(moved_to, identity, load_alike).get()

    return load


def _keep(text: str) -> "Keep":
    from indexer.history import Keep

    try:
        return Keep.read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _info(options: argparse.Namespace) -> None:
    """Say what an index holds, how current it is, which encoder made it and which generations there are."""
    from indexer.drift import measure_drift
    from indexer.report import report_info

    folder = IndexFolder(options.index)
    generation = folder.published()
    manifest = generation.read_manifest()
    names = [one.name for one in folder.all_generations()]
    report_info(generation, manifest, names, measure_drift(generation, manifest), as_json=options.json)


def _verify(options: argparse.Namespace) -> None:
    """Read the published generation and the cached embeddings whole; name every file that was altered."""
    from indexer.progress_bars import progress_for_people
    from indexer.report import report_verification
    from indexer.verify import verify
    from search.errors import BrokenIndex

    with progress_for_people() as progress:
        verification = verify(IndexFolder(options.index), progress)
    report_verification(verification, as_json=options.json)
    if verification.problems:
        count = len(verification.problems)
        raise BrokenIndex(
            f"{count} of the checks failed. Run `pubmed-index repair --index {options.index}`: it makes what it can anew."
        )


def _repair(options: argparse.Namespace) -> None:
    """Make anew whatever is damaged and can be derived from what is whole, and publish it as a new generation."""
    from indexer.progress_bars import progress_for_people
    from indexer.repair import Repair
    from indexer.report import report_repair

    folder = IndexFolder(options.index)
    with progress_for_people() as progress:
        repaired = Repair(folder, encoder_of(folder, options.encoder), progress).run()
    report_repair(repaired, as_json=options.json)


def _rollback(options: argparse.Namespace) -> None:
    """Publish an earlier generation again, at once. The later one stays, and `--to` brings it back."""
    from indexer.history import roll_back
    from indexer.report import report_rollback

    report_rollback(roll_back(IndexFolder(options.index), options.to), as_json=options.json)


def _prune(options: argparse.Namespace) -> None:
    """Remove old generations. The published one stays, and so does each that somebody is reading."""
    from indexer.history import Keep, prune
    from indexer.report import report_prune

    report_prune(prune(IndexFolder(options.index), options.keep or Keep()), as_json=options.json)

"""``pubmed-index mirror``: NLM's files of all of PubMed, kept in a folder."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from search.command import plain, positive, write_json

if TYPE_CHECKING:
    from indexer.mirror import Mirrored

KEPT = "Stopped. What was fetched is kept, unfinished files included: run the same command again to go on."

_MOST_CONNECTIONS = 8


def add_mirror(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the folder for the files, one below it a year")
    parser.add_argument("--updates-only", action="store_true", help="leave the baseline out: the daily update files alone")
    parser.add_argument("--dry-run", action="store_true", help="say how many files and bytes are to come, and fetch none")
    parser.add_argument(
        "--base-url", type=_address, metavar="URL", help="where baseline/ and updatefiles/ lie (default: NLM's server)"
    )
    parser.add_argument("--connections", type=_connections, default=3, metavar="N", help="files fetched at a time (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(command=mirror)


def mirror(options: argparse.Namespace) -> None:
    """Fetch NLM's baseline and daily update files, or what of them is new, each checked against its MD5."""
    from indexer import mirror as files
    from indexer.progress_bars import progress_for_people

    with progress_for_people() as progress:
        mirrored = files.mirror(
            options.out,
            updates_only=options.updates_only,
            dry_run=options.dry_run,
            base_url=options.base_url or files.BASE_URL,
            connections=options.connections,
            progress=progress,
        )
    _report(mirrored, as_json=options.json)


def _report(mirrored: "Mirrored", *, as_json: bool) -> None:
    """Report what came, or is to come, and what whoever builds from it must know."""
    from indexer.download_meter import megabytes

    if as_json:
        write_json(asdict(mirrored) | {"path": str(mirrored.path)})
        return
    done = "to fetch into" if mirrored.dry_run else "fetched into"
    files = f"{mirrored.files:,} files, {megabytes(mirrored.bytes)}, {done} {mirrored.path}"
    summary = f"{files}; {mirrored.already_there:,} already there. The last file is {mirrored.last_file}."
    lines = [summary, *mirrored.notes]
    sys.stdout.write("".join(f"{plain(line)}\n" for line in lines))


def _address(text: str) -> str:
    address = urlsplit(text)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise argparse.ArgumentTypeError(f"an address begins with https:// or http://; found {text!r}")
    return text


def _connections(text: str) -> int:
    number = positive(text)
    if number > _MOST_CONNECTIONS:
        raise argparse.ArgumentTypeError(f"expected at most {_MOST_CONNECTIONS}, out of courtesy; found {number:,}")
    return number

"""``pubmed-index plan``: what an index will take on this machine, before anything is built."""

import argparse
import inspect

from search.command import positive

_EXAMPLES = """examples:
  pubmed-index plan 40000000                            all of PubMed
  pubmed-index plan 100000 --with-abstract 1            a subject of one's own, fetched with hasabstract
  pubmed-index plan 5000000 --encoder my-encoder --json
"""
# As in all of PubMed: about 24 of 40 million.
_WITH_ABSTRACT = 0.6


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `plan`, and the command itself."""
    parser.description, parser.epilog = inspect.getdoc(plan), _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("articles", type=positive, metavar="N", help="how many articles the index is to hold")
    parser.add_argument(
        "--with-abstract",
        type=_share,
        default=_WITH_ABSTRACT,
        metavar="SHARE",
        help=f"the share of them that has an abstract (default: {_WITH_ABSTRACT}, as in all of PubMed)",
    )
    parser.add_argument(
        "--encoder",
        action="append",
        default=[],
        metavar="NAME|PATH",
        help="an encoder beside the presets: a folder, or one that was measured; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(command=plan)


def plan(options: argparse.Namespace) -> None:
    """Predict the disk, memory and hours that an index of N articles takes on this machine, and on a GPU, for each encoder.

    Hours go by what `bench --encode` measured here; an encoder that it did not measure is estimated from one that it did.
    """
    from indexer.plan import Corpus, make_plan, reference_speed
    from indexer.plan_report import report_plan
    from indexer.progress_bars import progress_for_people
    from search.encoder_files import EMBEDDED, PRESETS
    from search.shipped import sample_articles

    with progress_for_people() as progress:
        reference = reference_speed(sample_articles(), progress, options.command_line)
    names = dict.fromkeys([EMBEDDED, *PRESETS, *options.encoder])
    report_plan(make_plan(Corpus(options.articles, options.with_abstract), list(names), reference), as_json=options.json)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to 1, found {text!r}")
    return share

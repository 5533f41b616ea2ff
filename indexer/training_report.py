"""What a training run came to: text for people, one JSON document for programs."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec

from search.command import write_json, write_rows

if TYPE_CHECKING:
    from indexer.training_run import TrainingSummary
    from indexer.training_set import PairCounts


def report_training(summary: "TrainingSummary", *, as_json: bool) -> None:
    """Report the pairs, the training and the gate's verdict."""
    verdict = summary.verdict
    if as_json:
        write_json(msgspec.to_builtins(asdict(summary) | {"passed": verdict.passed}, enc_hook=str, str_keys=True))
        return
    rows = [(f"pairs, {one.kind}", _said(one)) for one in summary.pairs]
    rows += [
        (
            "trained",
            f"{summary.trained.steps:,} steps in {summary.trained.seconds:,.0f} s; the best was {summary.trained.best:,}",
        ),
        ("weights", f"{verdict.share:.0%} trained, {1 - verdict.share:.0%} of {summary.base}"),
        ("held-out nDCG@10", f"{100 * verdict.base:.1f} before, {100 * verdict.trained:.1f} after, p = {verdict.p:.4f}"),
        *((f"  {kind}", f"{100 * one.base:.1f}, {100 * one.trained:.1f}") for kind, one in verdict.kinds.items()),
        *((f"  first {dimension} numbers", f"{100 * found:.1f} after") for dimension, found in verdict.cut.items()),
        ("kept", summary.out if verdict.passed else "nothing: it does not find more than its base does"),
    ]
    write_rows(rows)


def _said(counts: "PairCounts") -> str:
    return (
        f"{counts.train:,} to train with, {counts.held_out:,} held out; "
        f"left out: {counts.leaking:,} that hold what is measured on, {counts.dropped:,} that show what is held out"
    )

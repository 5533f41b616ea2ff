"""What a training run came to: text for people, one JSON document for programs."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec

from search.command import write_json, write_rows

if TYPE_CHECKING:
    from indexer.training_run import TrainingSummary


def report_training(summary: "TrainingSummary", *, as_json: bool) -> None:
    """Report the pairs, the training and the gate's verdict."""
    verdict = summary.verdict
    if as_json:
        write_json(msgspec.to_builtins(asdict(summary) | {"passed": verdict.passed}, enc_hook=str, str_keys=True))
        return
    rows = [
        (
            f"pairs, {one.kind}",
            f"{one.train:,} to train with, {one.held_out:,} held out, {one.leaking:,} left out: they hold what is measured on",
        )
        for one in summary.pairs
        if one.train or one.leaking
    ]
    rows += [
        ("trained", f"{summary.trained.steps:,} steps in {summary.trained.seconds:,.0f} s"),
        ("weights", f"{verdict.share:.0%} trained, {1 - verdict.share:.0%} of {summary.base}"),
        ("held-out nDCG@10", f"{100 * verdict.base:.1f} before, {100 * verdict.trained:.1f} after, p = {verdict.p:.4f}"),
        *((f"  {kind}", f"{100 * one.base:.1f}, {100 * one.trained:.1f}") for kind, one in verdict.kinds.items()),
        ("kept", summary.out if verdict.passed else "nothing: it does not find more than its base does"),
    ]
    write_rows(rows)

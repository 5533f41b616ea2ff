"""Injects faults into builds, updates and upkeep, and prints what came of each: `python -m faults`."""

import argparse
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import msgspec
from faults.campaign import SEED, Campaign
from faults.jobs import Stage
from faults.results import Trial, as_markdown, rows_of


def main() -> int:
    """Run the campaign; returns 1 where anything went wrong."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="draws the moments and the bits (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pubmed-faults-") as folder:
        trials = Campaign(Path(folder), seed=options.seed).run()
    rows, seconds = rows_of(sorted(trials, key=_place)), time.monotonic() - started
    failures = sum(row.failures for row in rows)
    sys.stderr.write("\n")
    if options.json:
        document = {"seed": options.seed, "seconds": round(seconds), "failures": failures, "rows": list(map(asdict, rows))}
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    else:
        injected = sum(trial.times for trial in trials if "questions" not in trial.fault)
        sys.stdout.write(f"{as_markdown(rows)}\n\n{injected:,} faults in {seconds:,.0f} s, {failures:,} failures\n")
    return int(failures > 0)


def _place(trial: Trial) -> int:
    """Kills first, by stage; the rest as it was done."""
    return list(Stage).index(Stage(trial.place)) if trial.place else len(Stage)


if __name__ == "__main__":
    sys.exit(main())

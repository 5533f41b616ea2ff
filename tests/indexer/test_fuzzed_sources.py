"""Damaged files of every format give records or one sentence, in bounded memory: FUZZED_INPUTS=100000 is the full run."""

import json
import os
import subprocess
import sys
from pathlib import Path

from indexer.parsed_file import SourceFormat

SCRIPT = Path(__file__).resolve().parents[1] / "fuzzed_sources.py"
INPUTS = int(os.environ.get("FUZZED_INPUTS", "2000"))
SEED = os.environ.get("FUZZED_SEED", "1")
# A bomb of XML may come to 16 MB before it is refused, which is 30 times as much as a tree.
MOST_MEGABYTES = 900


def test_damaged_files_give_records_or_one_sentence() -> None:
    command = [sys.executable, "-W", "error", str(SCRIPT), str(INPUTS), SEED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert (found["inputs"], found["faults"]) == (INPUTS, [])
    assert found["peak_mb"] < MOST_MEGABYTES
    assert found["outcomes"]["articles"] > INPUTS / 10  # what cannot be read at all tells little
    for source_format in SourceFormat:
        assert found["outcomes"][f"files read: {source_format}"] > 0
        assert found["outcomes"][f"files refused: {source_format}"] > 0

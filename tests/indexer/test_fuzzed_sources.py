"""Damaged files of every format give records or one sentence, in bounded memory: FUZZED_INPUTS=100000 is the full run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's peak memory from /proc")
@pytest.mark.parametrize(("megabytes", "hungry"), [(0, False), (200, True)])
def test_the_peak_is_what_the_inputs_took_and_not_who_reads_the_result(megabytes: int, hungry: bool) -> None:
    ours = b"x" * 200_000_000
    script = f"import fuzzed_sources\ntaken = b'x' * {megabytes}_000_000\nprint(fuzzed_sources.own_peak_mb())"
    done = subprocess.run([sys.executable, "-c", script], cwd=SCRIPT.parent, capture_output=True, text=True, check=True)
    assert (int(done.stdout) > len(ours) / 1_000_000) is hungry

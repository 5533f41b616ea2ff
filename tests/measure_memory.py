"""The memory of builds, stage by stage: SOURCE INDEX [SOURCE INDEX]...

Every source is built by the command into its index. Memory is the process's own (`RssAnon` of /proc/PID/status), and that of
the files that it has mapped (`RssFile`), which the system takes back when it needs them; of both the most in each stage.
"""

import re
import subprocess
import sys
import threading
import time
from pathlib import Path

STAGES = ("Reading", "Embedding", "Transforming", "Indexing", "Grouping")


def main() -> None:
    arguments = sys.argv[1:]
    for source, index in zip(arguments[::2], arguments[1::2], strict=True):
        peaks = peaks_of([sys.executable, "-m", "indexer.cli", "build", source, "--index", index, "--json"])
        own = max(own for own, _ in peaks.values())
        stages = ", ".join(f"{stage} {own} + {mapped}" for stage, (own, mapped) in peaks.items())
        sys.stdout.write(f"{source}: at most {own} MB of its own; by stage, own + mapped: {stages}\n")


def peaks_of(command: list[str]) -> dict[str, tuple[int, int]]:
    """The most memory of its own and of mapped files, in MB, by stage."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    stage, peaks = ["starting"], dict[str, tuple[int, int]]()

    def follow() -> None:
        assert process.stderr
        for line in process.stderr:
            if line.split() and line.split()[0] in STAGES:
                stage[0] = line.split()[0]

    threading.Thread(target=follow, daemon=True).start()
    while process.poll() is None:
        own, mapped = memory_of(process.pid)
        before = peaks.get(stage[0], (0, 0))
        peaks[stage[0]] = max(before[0], own), max(before[1], mapped)
        time.sleep(0.05)
    return peaks


def memory_of(pid: int) -> tuple[int, int]:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0, 0
    found = {name: int(size) // 1024 for name, size in re.findall(r"(Rss\w+):\s+(\d+) kB", status)}
    return found.get("RssAnon", 0), found.get("RssFile", 0)


main()

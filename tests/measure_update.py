"""Bytes that an update writes, on indexes of several sizes: SOURCE INDEX...

Every index is updated with SOURCE by the command, measured, and rolled back. Bytes are those that the process passed to the
system (`wchar` of /proc/PID/io), and those of the files that only the new generation has.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from indexer.history import Keep, prune, roll_back
from search.index_folder import IndexFolder


def main() -> None:
    source, *indexes = map(Path, sys.argv[1:])
    for index in indexes:
        folder = IndexFolder(index)
        before = folder.published().read_manifest().counts.articles
        started = time.perf_counter()
        command = [sys.executable, "-m", "indexer.cli", "update", str(source), "--index", str(index), "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        output, written = b"", 0
        while process.poll() is None:
            written = max(written, bytes_written(process.pid))
            time.sleep(0.001)
        assert process.stdout
        output = process.stdout.read()
        seconds = time.perf_counter() - started
        summary = json.loads(output)
        own = bytes_of_its_own(folder)
        changed = f"{summary['inserted']:,} new, {summary['revised']:,} revised, {summary['embedded']:,} embedded"
        took = f"{seconds:.1f} s, {summary['peak_memory_mb']:,} MB"
        sys.stdout.write(
            f"{before:>9,} articles, {changed}: wrote {written / 1e6:.2f} MB, {own / 1e6:.2f} MB of them files of the new "
            f"generation; {took}; merged: {summary['merged']}\n"
        )
        roll_back(folder)
        prune(folder, Keep(1))


def bytes_written(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return int(next((line for line in lines if line.startswith("wchar")), "wchar: 0").split()[1])


def bytes_of_its_own(folder: IndexFolder) -> int:
    paths = [path for path in folder.published().folder.rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in paths if path.stat().st_nlink == 1)


main()

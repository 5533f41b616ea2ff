"""What this process has taken of the machine's memory."""

import resource
import sys


def peak_memory_mb() -> int:
    """The process's largest resident size so far; Linux counts kilobytes, macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))

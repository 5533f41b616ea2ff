"""What this process takes of the machine's memory, and giving back what it does not need any more."""

import ctypes
import resource
import sys


def peak_memory_mb() -> int:
    """The process's largest resident size so far; Linux counts kilobytes, macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024))


def trim_memory() -> None:
    """Give freed memory back to the system: glibc keeps it in pieces, and a build grew by 40 KB a document."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

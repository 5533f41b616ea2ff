"""What a machine holds of an index while it answers: memory, disk, the page cache; and what the dense leg finds of it."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from search.columns import Selection
from search.encoder import Vectors
from search.generation import Generation
from search.manifest import Manifest
from search.open_generation import OpenGeneration
from search.results import DEPTH
from search.vectors import VectorFile

Scores = npt.NDArray[np.float32]

_STATUS = Path("/proc/self/status")
_HITS = 10
_CHUNK = 50_000
# Products of the same two vectors differ by so much, with the order in which they are summed.
_ROUNDING = 1e-5
# As deep as a ranking asks, its spare ones for retracted articles included.
_ASKED = DEPTH + 50


@dataclass(frozen=True, slots=True)
class Memory:
    """The resident memory of this process in MB: its own, and that of mapped files, which the system may take back."""

    anonymous_mb: int
    file_backed_mb: int

    @classmethod
    def now(cls) -> "Memory | None":
        """As Linux says it; None where the system has no such file."""
        try:
            lines = _STATUS.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return None
        kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if "kB" in rest}
        if "RssAnon" not in kilobytes:
            return None
        return cls(kilobytes["RssAnon"] // 1024, (kilobytes["RssFile"] + kilobytes["RssShmem"]) // 1024)


def disk_by_part(manifest: Manifest) -> dict[str, int]:
    """The bytes of a generation: vectors, candidates, catalogue, columns, lexical, and the rest."""
    parts = ("vectors", "candidates", "catalogue", "columns", "lexical")
    sizes: Counter[str] = Counter()
    for name, record in manifest.files.items():
        sizes[next((part for part in parts if part in name), "other")] += record.size
    return dict(sizes)


def forget_pages(generation: Generation) -> bool:
    """Ask the system to drop an index's files from memory, so that the next to open it reads the disk; whether it can.

    What is mapped, or not yet written, stays: nothing of the index may be open.
    """
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in generation.folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return True


def recall(files: OpenGeneration, generation: Generation, queries: Vectors, kept: Mapping[str, Selection]) -> dict[str, float]:
    """The mean share of the ten nearest to each query (m, d) that the dense leg has among its first ten, for each filter.

    The ten nearest are found by comparing each query with every vector, a chunk at a time. What is as near as the tenth counts.
    """
    nearest = _nearest(VectorFile.open(generation.base.folder), queries, list(kept.values()))
    return {
        name: float(np.mean([_share(files, query, scores, selection) for query, scores in zip(queries, best, strict=True)]))
        for (name, selection), best in zip(kept.items(), nearest, strict=True)
    }


def _share(files: OpenGeneration, query: Vectors, best: Scores, selection: Selection) -> float:
    passing = None if selection.count == files.columns.everything().count else selection
    found = files.candidates.search(query, _ASKED, passing).first(_HITS).scores
    least = best.min(initial=np.inf, where=np.isfinite(best)) - _ROUNDING
    return float(np.count_nonzero(found >= least) / max(1, np.isfinite(best).sum()))


def _nearest(vectors: VectorFile, queries: Vectors, kept: Sequence[Selection]) -> list[Scores]:
    """For each selection the scores of the ten nearest to each query (m, 10), -inf where there are fewer."""
    best = [np.full((len(queries), _HITS), -np.inf, np.float32) for _ in kept]
    for pmids, chunk in vectors.chunks(_CHUNK):
        scores = queries @ chunk.T
        for place, selection in enumerate(kept):
            together = np.concatenate([best[place], scores[:, selection.contains(pmids)]], axis=1)
            best[place] = np.partition(together, -_HITS, axis=1)[:, -_HITS:]
    return best

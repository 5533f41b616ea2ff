"""The vectors of a generation: those of its delta, and those of its base that are not dead."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.encoder import Vectors
from search.vectors import Marks, Pmids, VectorFile, is_among


@dataclass(frozen=True, slots=True)
class LiveVectors:
    """Reads the vectors of both parts as one. Safe to share between threads."""

    base: VectorFile
    delta: VectorFile | None
    dead: Pmids

    def __len__(self) -> int:
        return len(self.base) - len(self.dead) + (0 if self.delta is None else len(self.delta))

    @property
    def dimension(self) -> int:
        """The length d of a vector."""
        return self.base.dimension

    def get(self, pmids: Sequence[int] | Pmids) -> Vectors:
        """The vectors of some PMIDs, in their order: (m, d) float32. Raises KeyError on one that is not there."""
        wanted = np.asarray(pmids, dtype=np.int64)
        newer = self._in_delta(wanted)
        if self.delta is None:
            return self.base.get(wanted)
        vectors = np.empty((len(wanted), self.dimension), np.float32)
        vectors[newer], vectors[~newer] = self.delta.get(wanted[newer]), self.base.get(wanted[~newer])
        return vectors

    def truncated_of(self, pmids: Pmids) -> Marks:
        """Which of some articles (m,) are longer than the encoder reads: (m,) bool. Raises KeyError on one not there."""
        newer = self._in_delta(pmids)
        if self.delta is None:
            return self.base.truncated_of(pmids)
        truncated = np.empty(len(pmids), np.bool_)
        truncated[newer], truncated[~newer] = self.delta.truncated_of(pmids[newer]), self.base.truncated_of(pmids[~newer])
        return truncated

    def _in_delta(self, pmids: Pmids) -> Marks:
        """Which of some PMIDs (m,) are to be read from the delta: (m,) bool. Raises KeyError on a dead one."""
        newer = np.zeros(len(pmids), np.bool_) if self.delta is None else self.delta.has(pmids)
        if (gone := is_among(pmids, self.dead) & ~newer).any():
            raise KeyError(int(pmids[gone][0]))
        return newer

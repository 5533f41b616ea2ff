"""The nearest documents of a generation: of its delta, and of its base without the dead."""

from dataclasses import dataclass

import numpy as np

from search.candidates import Candidates
from search.columns import Selection
from search.encoder import Vectors
from search.live_columns import LiveColumns
from search.scored import Scored


@dataclass(frozen=True, slots=True)
class LiveCandidates:
    """Searches both parts as one. Safe to share between threads."""

    base: Candidates
    delta: Candidates | None
    columns: LiveColumns

    def search(self, query: Vectors, depth: int, passing: Selection | None = None) -> Scored:
        """The `depth` documents nearest to `query` (d,) among those selected, fewer where there are fewer."""
        found = self.base.search(query, depth, self.columns.in_base(passing))
        if self.delta is None:
            return found
        newer = self.delta.search(query, depth, self.columns.in_delta(passing))
        both = Scored.ranked(np.concatenate([found.pmids, newer.pmids]), np.concatenate([found.scores, newer.scores]))
        return both.first(depth)

    def search_all(self, queries: Vectors, depth: int, passing: Selection | None = None) -> list[Scored]:
        """The `depth` documents nearest to each of `queries` (n, d): for many questions that nobody waits for."""
        if self.delta is not None:
            return [self.search(query, depth, passing) for query in queries]
        return self.base.search_all(queries, depth, self.columns.in_base(passing))

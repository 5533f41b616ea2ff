"""The records of a generation: those of its delta, and those of its base that are not dead."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from search.article import Article
from search.catalogue import Catalogue, Definition
from search.precedence import Precedence
from search.vectors import Pmids, is_among

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class LiveCatalogue:
    """Reads the catalogues of both parts as one. Safe to share between threads."""

    base: Catalogue
    delta: Catalogue | None
    dead: Pmids

    def close(self) -> None:
        """Close every connection."""
        self.base.close()
        if self.delta is not None:
            self.delta.close()

    def articles(self, pmids: Sequence[int]) -> dict[int, Article]:
        """The articles of some PMIDs; PMIDs that are not in the index are left out."""
        return self.read(pmids, Article)

    def read(self, pmids: Sequence[int], kind: type[_Read]) -> dict[int, _Read]:
        """The records of some PMIDs as a dataclass or struct with some of the fields of `Article`: fewer take less time.

        PMIDs that are not in the index are left out. Raises BrokenIndex.
        """
        return self._of_both(lambda part, some: part.read(some, kind), pmids)

    def precedences(self, pmids: Sequence[int]) -> dict[int, Precedence]:
        """Where the records of some PMIDs come from; PMIDs that are not in the index are left out."""
        return self._of_both(Catalogue.precedences, pmids)

    def definitions(self, *, shorts: Sequence[str] = (), longs: Sequence[str] = ()) -> list[Definition]:
        """The definitions of some short forms, and of some long ones: the delta takes off what the dead had."""
        counts = Counter[tuple[str, str]]()
        for part in filter(None, (self.base, self.delta)):
            # A definition that is found by both its forms stands there twice; one that both parts have counts for each.
            for one in dict.fromkeys(part.definitions(shorts=shorts, longs=longs)):
                counts[one.short, one.long] += one.articles
        return [Definition(short, long, articles) for (short, long), articles in counts.items() if articles > 0]

    def _of_both(self, read: Callable[[Catalogue, Sequence[int]], dict[int, _Read]], pmids: Sequence[int]) -> dict[int, _Read]:
        """What is read of the delta's records, and of the base's where these are alive."""
        found = {} if self.delta is None else read(self.delta, pmids)
        rest = np.array([pmid for pmid in pmids if pmid not in found], np.int64)
        found.update(read(self.base, rest[~is_among(rest, self.dead)].tolist()))
        return found

"""A base, a delta beside it and what of the base is dead, drawn at random; a reader of the parts must find what is `live`."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from toy import article

from search.article import Article, Author, MeshHeading
from search.vectors import Pmids

FIELDS = st.fixed_dictionaries(
    {
        "abstract": st.sampled_from(["", "A."]),
        "year": st.sampled_from([None, 1999, 2005, 2024]),
        "publication_types": st.lists(st.sampled_from(["Review", "Retracted Publication"]), max_size=2).map(tuple),
        "mesh": st.lists(st.builds(MeshHeading, st.sampled_from(["Asthma", "Humans"])), max_size=2).map(tuple),
        "authors": st.lists(st.builds(Author, st.sampled_from(["Smith", "Li"])), max_size=1).map(tuple),
    }
)


def articles_of(pmids: st.SearchStrategy[int], least: int) -> st.SearchStrategy[list[Article]]:
    """Articles with random fields, in order of PMID."""
    return st.dictionaries(pmids, FIELDS, min_size=least, max_size=25).map(
        lambda rows: [article(pmid, f"Title {pmid}", **rows[pmid]) for pmid in sorted(rows)]  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class Parts:
    base: list[Article]
    delta: list[Article]
    deleted: set[int]

    @property
    def dead(self) -> Pmids:
        gone = self.deleted | {one.pmid for one in self.delta}
        return pmids_of(one for one in self.base if one.pmid in gone)

    @property
    def live(self) -> list[Article]:
        """What a build from the final state would make one part of."""
        dead = set(self.dead.tolist())
        return sorted([*(one for one in self.base if one.pmid not in dead), *self.delta], key=lambda one: one.pmid)


def pmids_of(articles: Iterable[Article]) -> Pmids:
    return np.array([one.pmid for one in articles], np.int64)


# Deltas above the base, below it, and among it; empty ones, too, which only delete.
PARTS = st.builds(
    Parts,
    articles_of(st.integers(300, 600), 1),
    st.one_of(articles_of(pmids, 0) for pmids in (st.integers(300, 600), st.integers(1, 900), st.integers(2_000, 2_300))),
    st.sets(st.integers(250, 650), max_size=200),
)

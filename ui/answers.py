"""The answer that a visitor looks at, kept for as long as they do: opening a fold asks nothing anew."""

import weakref
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import streamlit as st

from search.results import SearchResults
from search.search_options import EXPLAINED_UNASKED
from ui.address import PAGE_SIZE, Address
from ui.current_searcher import AnySearcher

if TYPE_CHECKING:
    from search.facets import Facets
    from search.hit_map import HitMap

_KEY = "answer"


@dataclass(slots=True)
class Answer:
    """What one address was answered; the facets and the map are found when they are first looked at.

    The searcher is held weakly: a page that nobody looks at any more must not keep an old generation of the index open.
    """

    asked: Address
    searcher: "weakref.ref[AnySearcher]"
    results: SearchResults
    counted: "Facets | None" = field(default=None)
    mapped: "HitMap | None" = field(default=None)

    @property
    def facets(self) -> "Facets":
        """What the candidates have in common, with counts."""
        if self.counted is None:
            self.counted = self._asked_of().facets(self.results.ranked)
        return self.counted

    @property
    def map(self) -> "HitMap":
        """The first hits in the plane."""
        if self.mapped is None:
            self.mapped = self._asked_of().hit_map(self.results.ranked)
        return self.mapped

    def _asked_of(self) -> AnySearcher:
        searcher = self.searcher()
        if searcher is None:
            raise RuntimeError("An answer is looked into while its searcher is in use.")
        return searcher


def answer(searcher: AnySearcher, address: Address) -> Answer:
    """The answer to an address. Raises what the search raises."""
    asked = replace(address, opened=None, mapped=False)
    kept: Answer | None = st.session_state.get(_KEY)
    if kept is not None and kept.asked == asked and kept.searcher() is searcher:
        return kept
    found = Answer(asked, weakref.ref(searcher), _ask(searcher, asked))
    if kept is not None and kept.searcher() is searcher and kept.results.ranked == found.results.ranked:
        found.counted, found.mapped = kept.counted, kept.mapped  # another page of the same
    st.session_state[_KEY] = found
    return found


def _ask(searcher: AnySearcher, asked: Address) -> SearchResults:
    if asked.like:
        return searcher.similar(
            asked.like, asked.unlike, PAGE_SIZE, asked.filters, explain=EXPLAINED_UNASKED, skip=asked.skipped
        )
    return searcher.search(
        asked.query,
        PAGE_SIZE,
        asked.filters,
        asked.mode,
        sort=asked.sort,
        unlike=asked.unlike,
        explain=EXPLAINED_UNASKED,
        skip=asked.skipped,
    )

"""Saved searches: kept beside the index, for all who use this page; each says how much is new since somebody last looked."""

import weakref
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import escape

import streamlit as st

from search.errors import PubMedSearchError, SavedSearchError
from search.results import Mode
from search.saved_search import LONGEST_NAME, Question, SavedSearch
from search.saved_searches import SavedSearches
from ui.address import LISTS, Address
from ui.answers import Answer
from ui.current_searcher import AnySearcher
from ui.navigation import go
from ui.plain_label import plain_label

_SHARED = "Saved searches are shared by all who use this page."


@contextmanager
def _optional() -> Iterator[None]:
    """Say what is wrong with the saved searches, and go on: nothing of them is needed to search."""
    try:
        yield
    except PubMedSearchError as error:
        st.html(f'<p class="end" role="status">{escape(str(error))}</p>')


def draw_save(saved: SavedSearches, searcher: AnySearcher, answer: Answer) -> None:
    """Offer to keep the search that is shown, under a name."""
    with st.popover("Save search"), st.form("save", border=False):
        st.html(f"<p>{_SHARED} <code>pubmed-search --saved NAME --format atom</code> makes a feed of one.</p>")
        name = st.text_input("Name", value=answer.asked.query[:60], max_chars=LONGEST_NAME)
        if st.form_submit_button("Save"):
            with _optional():
                _save(saved, _search_of(name, answer.asked), searcher, answer)


def _save(saved: SavedSearches, search: SavedSearch, searcher: AnySearcher, answer: Answer) -> None:
    before = saved.get(search.name)
    if before is not None and before.question != search.question:
        raise SavedSearchError(f"Another search is saved as “{search.name}”. Choose another name, or delete that one first.")
    saved.mark_seen(saved.save(search), answer.results, searcher)
    st.success(f"Saved as {plain_label(search.name)}.")


def draw_saved(saved: SavedSearches) -> None:
    """List what was saved: a click asks it again."""
    with _optional():
        _draw_list(saved, saved.all())


def _draw_list(saved: SavedSearches, searches: Sequence[SavedSearch]) -> None:
    if not searches:
        return
    st.html(f'<h2 class="start">Saved searches</h2><p class="end">{_SHARED}</p>')
    for number, search in enumerate(searches):
        with st.container(horizontal=True, vertical_alignment="center", key=f"saved-{number}"):
            st.button(plain_label(search.name), key=f"saved-ask-{number}", on_click=go, args=(address_of(search),))
            looked = f"last looked at {search.last_looked[:10]}" if search.last_looked else "not looked at yet"
            st.html(f'<p class="end">{looked}</p>')
            with st.popover("Delete"):
                st.html("<p>It is deleted for all who use this page.</p>")
                if st.button("Delete it", key=f"saved-delete-{number}"):
                    saved.delete(search.name)
                    st.rerun()


def draw_news(saved: SavedSearches, searcher: AnySearcher, answer: Answer) -> Collection[int]:
    """Say how many articles are new in the answer to a saved search, and give them; who sees it has looked."""
    with _optional():
        found = _news(saved, searcher, answer)
        if found is not None:
            st.html(f'<p class="end" role="status">{escape(found.said)}</p>')
            return found.pmids
    return ()


@dataclass(frozen=True, slots=True)
class _News:
    """What is new in an answer to a saved search, as it was when this visitor first saw it in a generation of the index."""

    said: str
    pmids: frozenset[int]
    searcher: "weakref.ref[AnySearcher]"


def _news(saved: SavedSearches, searcher: AnySearcher, answer: Answer) -> _News | None:
    asked = _search_of("as asked", answer.asked).question
    kept: dict[Question, _News] = st.session_state.setdefault("news", {})
    if asked in kept and kept[asked].searcher() is searcher:
        return kept[asked]
    found = saved.find(asked)
    if found is None:
        return None
    new = saved.new_since_last_time(found, answer.results, searcher)
    saved.mark_seen(found, answer.results, searcher)
    said = f"Saved as “{found.name}”"
    said += "." if new is None else f": {len(new):,} new since somebody last looked, {found.last_looked[:10]}."
    kept[asked] = _News(said, frozenset(new or ()), weakref.ref(searcher))
    return kept[asked]


def _search_of(name: str, address: Address) -> SavedSearch:
    query = "" if address.like else address.query
    return SavedSearch(name, query, address.mode, address.filters, address.sort, address.like, address.unlike)


def address_of(search: SavedSearch) -> Address:
    """Where a saved search is shown."""
    filters = search.filters
    mode = Mode.HYBRID if search.like else search.mode  # what resembles examples has no mode
    blank = Address(search.query, mode, search.sort, like=search.like, unlike=search.unlike)
    named = {name: getattr(filters, name) for name in ("year_from", "year_to", *LISTS, "has_abstract", "include_retracted")}
    return replace(blank, **named)

"""Saved searches: kept beside the index, for all who use this page; each says how much is new since somebody last looked."""

from dataclasses import replace
from html import escape

import streamlit as st

from search.errors import PubMedSearchError
from search.saved_search import SavedSearch
from search.saved_searches import SavedSearches
from ui.address import LISTS, Address
from ui.answers import Answer
from ui.current_searcher import AnySearcher
from ui.navigation import go
from ui.plain_label import plain_label

_SHARED = "Saved searches are shared by all who use this page."


def draw_save(saved: SavedSearches, searcher: AnySearcher, answer: Answer) -> None:
    """Offer to keep the search that is shown, under a name."""
    with st.popover("Save search"), st.form("save", border=False):
        st.html(f"<p>{_SHARED} <code>pubmed-search --saved NAME --format atom</code> makes a feed of one.</p>")
        name = st.text_input("Name", value=answer.asked.query[:60], max_chars=100)
        if st.form_submit_button("Save"):
            try:
                search = saved.save(_search_of(name, answer.asked))
                saved.mark_seen(search, answer.results, searcher)
            except PubMedSearchError as error:
                st.warning(plain_label(str(error), longest=500))
            else:
                st.success(f"Saved as {plain_label(search.name)}.")


def draw_saved(saved: SavedSearches) -> None:
    """List what was saved: a click asks it again."""
    searches = saved.all()
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
                st.button("Delete it", key=f"saved-delete-{number}", on_click=_delete, args=(saved, search.name))


def _delete(saved: SavedSearches, name: str) -> None:
    saved.delete(name)


def draw_news(saved: SavedSearches, searcher: AnySearcher, answer: Answer) -> None:
    """Say how many articles are new in the answer to a saved search; who sees it has looked."""
    if answer.news is None:
        answer.news = _news(saved, searcher, answer)
    if answer.news:
        st.html(f'<p class="end" role="status">{escape(answer.news)}</p>')


def _news(saved: SavedSearches, searcher: AnySearcher, answer: Answer) -> str:
    found = next((one for one in saved.all() if address_of(one) == answer.asked.first_page()), None)
    if found is None:
        return ""
    new = saved.new_since_last_time(found, answer.results, searcher)
    saved.mark_seen(found, answer.results, searcher)
    if new is None:
        return f"Saved as “{found.name}”."
    return f"Saved as “{found.name}”: {len(new):,} new since somebody last looked, {found.last_looked[:10]}."


def _search_of(name: str, address: Address) -> SavedSearch:
    query = "" if address.like else address.query
    return SavedSearch(name, query, address.mode, address.filters, address.sort, address.like, address.unlike)


def address_of(search: SavedSearch) -> Address:
    """Where a saved search is shown."""
    filters = search.filters
    blank = Address(search.query, search.mode, search.sort, like=search.like, unlike=search.unlike)
    named = {name: getattr(filters, name) for name in ("year_from", "year_to", *LISTS, "has_abstract", "include_retracted")}
    return replace(blank, **named)

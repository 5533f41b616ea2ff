"""The search box, filled from the URL and written back to it."""

import streamlit as st

from ui.address import Address
from ui.navigation import go, here

_PLACEHOLDER = "A question, keywords, PubMed syntax, a PMID, or an abstract"


def draw_form(address: Address) -> None:
    """Draw the form; Enter searches."""
    _fill(address)
    with st.form("search", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Your question", key="query", placeholder=_PLACEHOLDER, width="stretch")
        st.form_submit_button("Search", type="primary", on_click=_submit)


def hint_wanted() -> bool:
    """Whether the last search was asked with an empty box; true once."""
    return bool(st.session_state.pop("asked_nothing", False))


def _fill(address: Address) -> None:
    """Put the URL's question into the box when the URL has moved, so that what a visitor is typing is left alone."""
    state = st.session_state
    if state.get("filled_from") == address.query and "query" in state:
        return
    state["filled_from"] = state["query"] = address.query


def _submit() -> None:
    """Ask what was typed among the same articles; examples belong to the question before."""
    query = st.session_state["query"].strip()
    st.session_state["asked_nothing"] = not query
    go(here().first_page(query=query, like=(), unlike=()))

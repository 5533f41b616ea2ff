"""The search box and its filters, filled from the URL and written back to it."""

import streamlit as st

from ui.address import FIRST_YEAR, LAST_YEAR, Address
from ui.navigation import go


def draw_form(address: Address) -> None:
    """Draw the form; Enter in any of its fields searches."""
    _fill(address)
    with st.form("search", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Your question", key="query", placeholder="Ask in plain words, or name a topic", width="stretch")
            st.form_submit_button("Search", type="primary", on_click=_submit)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _draw_year("From year", "year_from", "any")
            _draw_year("To year", "year_to", "any")
            st.checkbox("Include retracted articles", key="include_retracted")


def hint_wanted() -> bool:
    """Whether the last search was asked with an empty box; true once."""
    return bool(st.session_state.pop("asked_nothing", False))


def _draw_year(label: str, key: str, placeholder: str) -> None:
    st.number_input(label, FIRST_YEAR, LAST_YEAR, value=None, step=1, key=key, placeholder=placeholder, width=110)


def _fill(address: Address) -> None:
    """Put the URL's values into the fields when the URL has moved, so that what a visitor is typing is left alone."""
    state = st.session_state
    if state.get("filled_from") == address and "query" in state:
        return
    state["filled_from"] = address
    state["query"] = address.query
    state["year_from"] = address.year_from
    state["year_to"] = address.year_to
    state["include_retracted"] = address.include_retracted


def _submit() -> None:
    state = st.session_state
    asked = Address(
        query=state["query"].strip(),
        year_from=state["year_from"],
        year_to=state["year_to"],
        include_retracted=state["include_retracted"],
    )
    state["asked_nothing"] = not asked.query
    go(asked)

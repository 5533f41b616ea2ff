"""Moves between addresses: the URL is the one place where the page keeps what it shows."""

from dataclasses import replace

import streamlit as st

from ui.address import Address

_TO_TOP = """<script>
for (const part of document.querySelectorAll('[data-testid="stMain"]')) part.scrollTo(0, 0); // drawing %d
</script>"""


def here() -> Address:
    """The address that the browser shows."""
    return Address.read({name: st.query_params.get_all(name) for name in st.query_params})


def go(address: Address) -> None:
    """Move to an address; the browser's Back leads to the one before."""
    st.query_params.from_dict(address.parameters())


def start_at_top(address: Address) -> None:
    """Scroll up when the page has moved on to another list.

    No text from a record or a question is part of the script: a number, without which the browser would run it only once.
    """
    page = replace(address, opened=None, mapped=False)
    drawn, times = st.session_state.get("drawn_page", (page, 0))
    if drawn != page:
        times += 1
        st.html(_TO_TOP % times, unsafe_allow_javascript=True)
    st.session_state["drawn_page"] = page, times

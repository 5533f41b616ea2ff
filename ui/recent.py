"""The searches of this browser session, to return to."""

import streamlit as st

from ui.address import Address
from ui.navigation import go
from ui.plain_label import plain_label

_KEY = "recent"
_KEPT = 8


def remember(address: Address) -> None:
    """Keep a search by its question, the newest first; its filters are those that it was left with."""
    if not address.query:
        return
    kept: dict[str, Address] = st.session_state.setdefault(_KEY, {})
    kept.pop(address.query, None)
    kept[address.query] = address.first_page(like=(), unlike=())
    while len(kept) > _KEPT:
        kept.pop(next(iter(kept)))


def draw_recent() -> None:
    """Offer what was searched for."""
    kept: dict[str, Address] = st.session_state.get(_KEY, {})
    if not kept:
        return
    st.html('<h2 class="start">Your last searches</h2>')
    with st.container(horizontal=True, key="recent"):
        for number, address in enumerate(reversed(kept.values())):
            st.button(plain_label(address.query), key=f"recent-{number}", on_click=go, args=(address,))

"""Moves between addresses: the URL is the one place where the page keeps what it shows."""

from dataclasses import replace

import streamlit as st

from ui.address import Address

# Screen readers say what changes in a place that was there before; Streamlit puts every new answer in a new place.
LISTENED_TO = """<script>
if (!document.getElementById("said")) {
  const said = document.createElement("div");
  said.id = "said";
  said.setAttribute("role", "status");
  document.body.append(said);
}
</script>"""
_ARRIVED = """<script>
for (const part of document.querySelectorAll('[data-testid="stMain"]')) part.scrollTo(0, 0); // drawing %d
document.getElementById("said").textContent = document.querySelector(".answer > p").textContent;
</script>"""


def here() -> Address:
    """The address that the browser shows."""
    return Address.read({name: st.query_params.get_all(name) for name in st.query_params})


def go(address: Address) -> None:
    """Move to an address; the browser's Back leads to the one before."""
    st.query_params.from_dict(address.parameters())


def arrive(address: Address) -> None:
    """Scroll up, and let a screen reader say what there is, when the page has moved on to another list.

    No text from a record or a question is part of the script: a number, without which the browser would run it only once.
    """
    page = replace(address, opened=None, mapped=False)
    drawn, times = st.session_state.get("drawn_page", (None, 0))
    if drawn != page:
        times += 1
        st.html(_ARRIVED % times, unsafe_allow_javascript=True)
    st.session_state["drawn_page"] = page, times

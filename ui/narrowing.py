"""The side of the page that narrows a search: mode, years, and what the candidates have in common, with counts."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import streamlit as st

from search.article import Article
from search.facets import Count, Facets
from search.results import Mode, Sort
from ui.address import Address, shown_value
from ui.answers import Answer
from ui.hit_text import title_of
from ui.navigation import go, here
from ui.plain_label import plain_label
from ui.publication_types import telling_first
from ui.year_chart import draw_year_chart

_SHOWN = 6
_MODES = {Mode.HYBRID: "Meaning and words", Mode.DENSE: "Meaning", Mode.LEXICAL: "Words"}
_SORTS = {Sort.RELEVANCE: "Best first", Sort.DATE: "Newest first"}


def draw_narrowing(address: Address, years: tuple[int, int] | None, answer: Answer | None) -> None:
    """Draw the side: how to search always, and what to narrow by where there is an answer."""
    with st.sidebar:
        if not address.like:
            _draw_choice("Search by", "mode", _MODES, address.mode)
            _draw_choice("Order", "sort", _SORTS, address.sort)
        if years is not None and years[0] < years[1]:
            _draw_years(address, years, answer)
        _draw_switch("Only with an abstract", "has_abstract", address.has_abstract)
        _draw_switch(_retracted_label(answer), "include_retracted", address.include_retracted)
        if answer is not None and answer.results.ranked:
            _draw_facets(address, answer.facets)


def draw_chips(address: Address, unlike: Mapping[int, Article]) -> None:
    """What narrows the search now, each to be taken away by a click; hits should not resemble the articles `unlike`."""
    chips = [*address.narrowings, *_unlike_chips(address, unlike)]
    if not chips:
        return
    with st.container(horizontal=True, key="chips"):
        for number, (label, without) in enumerate(chips):
            st.button(f"{plain_label(label)} ✕", key=f"chip-{number}", help="Remove this filter", on_click=go, args=(without,))
        if len(address.narrowings) > 1:
            st.button("Clear all", key="plain-clear", type="tertiary", on_click=go, args=(address.unfiltered(),))


def _unlike_chips(address: Address, unlike: Mapping[int, Article]) -> Iterable[tuple[str, Address]]:
    for pmid in address.unlike:
        left = tuple(other for other in address.unlike if other != pmid)
        name = f"“{title_of(unlike[pmid])}”" if pmid in unlike else str(pmid)
        yield f"Not like {name}", address.first_page(unlike=left)


# Each widget has one key, whatever it shows: with another one it would be another widget, and the keyboard's focus lost. What
# the URL says is put into it before it is drawn.
def _draw_choice(label: str, name: str, names: dict[Mode, str] | dict[Sort, str], chosen: Mode | Sort) -> None:
    st.session_state[name] = chosen

    def choose() -> None:
        go(here().first_page(**{name: st.session_state[name]}))

    st.radio(label, list(names), format_func=names.__getitem__, key=name, horizontal=name == "sort", on_change=choose)


def _draw_switch(label: str, name: str, on: bool) -> None:
    st.session_state[name] = on

    def switch() -> None:
        go(here().first_page(**{name: st.session_state[name]}))

    st.checkbox(label, key=name, on_change=switch)


def _retracted_label(answer: Answer | None) -> str:
    hidden = answer.results.hidden_retracted if answer is not None else 0
    return f"Show retracted articles ({hidden:,} hidden)" if hidden else "Show retracted articles"


def _draw_years(address: Address, years: tuple[int, int], answer: Answer | None) -> None:
    """The histogram to drag over, and a slider for the keyboard; both say the same."""
    if answer is not None and answer.results.ranked:
        with st.container(key="papers-per-year"):
            draw_year_chart(answer.facets.years, address)
    first, last = years
    low = min(max(address.year_from or first, first), last)
    high = max(min(address.year_to or last, last), first)
    st.session_state["years"] = (min(low, high), max(low, high))

    def choose() -> None:
        low, high = st.session_state["years"]
        go(here().first_page(year_from=low if low > first else None, year_to=high if high < last else None))

    st.slider("Years of publication", first, last, key="years", on_change=choose)


def _draw_facets(address: Address, facets: Facets) -> None:
    groups: tuple[tuple[str, str, Sequence[Count]], ...] = (
        ("Publication type", "publication_types", telling_first(facets.publication_types.counts)),
        ("MeSH heading", "mesh", facets.telling_mesh),
        ("Journal", "journals", facets.journals.counts),
        ("Language", "languages", facets.languages.counts),
    )
    for heading, name, counts in groups:
        if counts:
            with st.expander(heading, expanded=name == "publication_types"):
                _draw_counts(address, name, counts, f"More: {heading.lower()}")


def _draw_counts(address: Address, name: str, counts: Sequence[Count], label: str) -> None:
    for one in counts[:_SHOWN]:
        key = f"facet-{name}-{one.value}"
        st.session_state[key] = address.has(name, one.value)
        shown = f"{plain_label(shown_value(name, one.value))} ({one.articles:,})"
        st.checkbox(shown, key=key, on_change=_toggling(name, one.value))
    if len(counts) > _SHOWN:
        key = f"more-{name}"
        st.session_state[key] = None

        def add() -> None:
            if st.session_state[key] is not None:
                _toggling(name, st.session_state[key])()

        labels = {one.value: f"{shown_value(name, one.value)} ({one.articles:,})" for one in counts[_SHOWN:]}
        options, placeholder = list(labels), "Choose another"
        st.selectbox(
            label, options, None, labels.__getitem__, key, on_change=add, placeholder=placeholder, label_visibility="collapsed"
        )


def _toggling(name: str, value: str) -> Callable[[], None]:
    def toggle() -> None:
        go(here().toggled(name, value))

    return toggle

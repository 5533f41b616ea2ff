"""One article by itself, over the page: its whole record, and citations to copy."""

from dataclasses import replace

import streamlit as st

from search.article import Article
from search.export import Format, export
from ui import basket, hit_text
from ui.current_searcher import AnySearcher
from ui.navigation import go, here
from ui.states import draw_unknown_article
from ui.toolbar import FILES, unranked

CLOSED = "closed"  # how many articles were closed in this session
_CITED_AS = (Format.NBIB, Format.RIS, Format.BIBTEX)


def draw_record(searcher: AnySearcher, pmid: int) -> None:
    """Draw an article over the page until it is closed."""
    article = searcher.article(pmid)
    _dialog(article, pmid, searcher.summary.articles)


def _close() -> None:
    st.session_state[CLOSED] = st.session_state.get(CLOSED, 0) + 1
    go(replace(here(), opened=None))


@st.dialog("Article", width="medium", on_dismiss=_close)
def _dialog(article: Article | None, pmid: int, articles: int) -> None:
    if article is None:
        draw_unknown_article(pmid, articles)
        return
    st.html(
        f'<article><h3>{hit_text.linked_title(article)}</h3><p class="byline" dir="auto">{hit_text.byline(article)}</p>'
        f'<p class="links">{hit_text.links(article)}</p>{hit_text.badges(article)}{hit_text.details(article)}</article>'
    )
    with st.container(horizontal=True):
        # A dialog is drawn by itself: what a click changes of the page behind it asks for a new drawing of the whole.
        if st.button("More like this", key="record-like"):
            go(here().first_page(like=(pmid,), unlike=()))
            st.rerun()
        basket.draw_pick(article, "record-pick")
    st.html("<h4>Cite</h4>")
    texts = {"Text": hit_text.citation(article)}
    texts |= {FILES[form][0]: export(unranked([article]), form) for form in _CITED_AS}
    for tab, text in zip(st.tabs(list(texts)), texts.values(), strict=True):
        tab.code(text, language=None, wrap_lines=True)

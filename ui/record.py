"""One article by itself, over the page: its whole record, and citations to copy."""

from dataclasses import replace

import streamlit as st

from search.article import Article
from search.export import Format, export
from search.results import SearchResult, Why
from ui import basket, hit_text
from ui.current_searcher import AnySearcher
from ui.navigation import go, here
from ui.states import draw_unknown_article

_CITED_AS = {Format.NBIB: "NBIB (PubMed)", Format.RIS: "RIS", Format.BIBTEX: "BibTeX"}


def draw_record(searcher: AnySearcher, pmid: int) -> None:
    """Draw an article over the page until it is closed."""
    article = searcher.article(pmid)
    _dialog(article, pmid, searcher.summary.articles)


def _close() -> None:
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
        alike = here().first_page(like=(pmid,), unlike=())
        st.button("More like this", key="record-like", on_click=go, args=(alike,))
        st.button(basket.pick_label(pmid), key="record-pick", on_click=basket.pick, args=(article,))
    st.html("<h4>Cite</h4>")
    st.code(hit_text.citation(article), language=None, wrap_lines=True)
    with st.popover("Other formats"):
        for form, name in _CITED_AS.items():
            st.html(f"<h5>{name}</h5>")
            st.code(export([SearchResult(1, pmid, 0.0, article, Why())], form), language=None, wrap_lines=True)

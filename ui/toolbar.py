"""What can be done with an answer as a whole: the basket, and files of the basket or of the answer."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import streamlit as st

from search.article import Article
from search.export import Format, export
from search.filters import Filters
from search.results import Mode, SearchResult, SearchResults, Why
from ui import basket
from ui.address import Address
from ui.answers import Answer
from ui.current_searcher import AnySearcher
from ui.navigation import go
from ui.plain_label import plain_label

FILES = {
    Format.RIS: ("RIS", "ris", "application/x-research-info-systems"),
    Format.NBIB: ("NBIB (PubMed)", "nbib", "application/nbib"),
    Format.BIBTEX: ("BibTeX", "bib", "application/x-bibtex"),
    Format.CSV: ("CSV", "csv", "text/csv"),
    Format.PMIDS: ("PMIDs", "txt", "text/plain"),
}
_TITLE_LENGTH = 90


def draw_toolbar(get_searcher: Callable[[], AnySearcher], answer: Answer, address: Address) -> None:
    """Draw the basket, the export of the whole answer, and the switch of the map.

    Files are made later, by the searcher that `get_searcher` gives then: a page that is left open keeps no generation.
    """
    draw_basket(get_searcher, address)
    ranked, query = answer.results.ranked, answer.results.query
    if not ranked:
        return
    with st.popover("Export results"):
        _draw_export("results", len(ranked), lambda: results_of(get_searcher(), ranked, query))
    label = "Hide the map" if address.mapped else "Map"
    st.button(label, key="map-switch", on_click=go, args=(replace(address, mapped=not address.mapped),))


def results_of(searcher: AnySearcher, pmids: Sequence[int], query: str) -> SearchResults:
    """Some articles as an answer, in their order and without scores, for a file that says how current its data is."""
    articles = searcher.articles(pmids)
    hits = unranked(articles[pmid] for pmid in pmids if pmid in articles)
    return SearchResults(query, Mode.HYBRID, Filters(), 0.0, 0, searcher.summary, hits)


def unranked(articles: Iterable[Article]) -> tuple[SearchResult, ...]:
    """Articles as hits, in their order, which nothing gave a score."""
    return tuple(SearchResult(rank, one.pmid, math.nan, one, Why()) for rank, one in enumerate(articles, start=1))


def draw_basket(get_searcher: Callable[[], AnySearcher], address: Address) -> None:
    """Draw the picked articles, and what can be done with them."""
    picked = basket.picked()
    with st.popover(f"Basket ({len(picked)})"):
        if not picked:
            st.html("<p>Add articles from the list to export them, or to find more like all of them.</p>")
            return
        for pmid, title in picked.items():
            label = f"✕ {plain_label(title, _TITLE_LENGTH)}"
            st.button(label, key=f"plain-put-back-{pmid}", type="tertiary", on_click=basket.put_back, args=([pmid],))
        alike = address.first_page(like=tuple(picked), unlike=())
        st.button("Find more like these", key="alike", type="primary", on_click=go, args=(alike,))
        _draw_export("basket", len(picked), lambda: results_of(get_searcher(), tuple(picked), "basket"))
        st.button("Empty the basket", key="plain-empty", type="tertiary", on_click=basket.put_back, args=(tuple(picked),))


def _draw_export(name: str, count: int, found: Callable[[], SearchResults]) -> None:
    """A choice of format, and a button whose file is made when it is pressed."""
    chosen = st.selectbox("Format", list(FILES), format_func=lambda one: FILES[one][0], key=f"format-{name}")
    _, ending, kind = FILES[chosen]

    def file() -> bytes:
        return export(found(), chosen).encode()

    label = f"Download {count:,} article{'' if count == 1 else 's'}"
    st.download_button(label, file, f"pubmed-{name}.{ending}", kind, key=f"download-{name}", on_click="ignore")

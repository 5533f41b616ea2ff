"""The web page. Streamlit runs this file as a script, with the index folder as its argument."""

import datetime as dt
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from html import escape
from pathlib import Path

import streamlit as st

from search.encoder import Encoder
from search.errors import PubMedSearchError
from search.index_folder import DEFAULT_INDEX
from search.saved_searches import SavedSearches
from search.searcher import Searcher, load_transformer
from ui import recent, states
from ui.address import Address
from ui.answer_view import draw_heading, draw_hits
from ui.answers import Answer, answer
from ui.current_searcher import AnySearcher, CurrentSearcher
from ui.footer import draw_footer
from ui.launch import NO_SAVED
from ui.map_view import draw_map
from ui.narrowing import draw_chips, draw_narrowing
from ui.navigation import here, start_at_top
from ui.record import draw_record
from ui.saved import draw_news, draw_save, draw_saved
from ui.search_form import draw_form, hint_wanted
from ui.toolbar import draw_toolbar

TITLE = "PubMed semantic search"
_STYLE = Path(__file__).with_name("page.css")


def show(get_searcher: Callable[[], AnySearcher], folder: str = str(DEFAULT_INDEX), saved: SavedSearches | None = None) -> None:
    """Draw the whole page for the address in the URL.

    `get_searcher` gives the open index, or raises the PubMedSearchError that the page then explains; `folder` is named
    in the commands that the page recommends. Without `saved`, nothing is saved on this page.
    """
    _draw_head(here())
    with _explained(folder):
        with st.spinner("Opening the index …"):
            searcher = get_searcher()
        _draw_corpus_line(searcher, here())
        draw_form(here())
        _draw_body(searcher, here(), saved, folder)
        draw_footer(searcher.summary, searcher.holdings, searcher.corpus_note, dt.datetime.now(tz=dt.UTC).date())


@contextmanager
def _explained(folder: str) -> Iterator[None]:
    """Turn an error into a state of the page; the parts that are drawn already stay."""
    try:
        yield
    except PubMedSearchError as error:
        states.draw_error(error, folder)
    except Exception:
        # An unforeseen failure must neither look like an empty answer nor show a visitor a traceback.
        logging.getLogger(__name__).exception("The page could not be drawn")
        states.draw_unexpected()


def _draw_head(address: Address) -> None:
    title = f"{address.query} · {TITLE}" if address.query else TITLE
    st.set_page_config(page_title=title, page_icon="🔎", layout="centered")
    st.html(_STYLE)
    st.html(f"<h1>{TITLE}</h1>")


def _draw_corpus_line(searcher: AnySearcher, address: Address) -> None:
    """The size and age of the index; above hits also what must be known before reading them."""
    summary = searcher.summary
    words = [f"{summary.articles:,} articles, updated {summary.updated}. May not be current."]
    if address.asks:
        words.append(searcher.corpus_note)
    st.html(f'<p class="corpus">{escape(" ".join(words).strip())}</p>')


def _draw_body(searcher: AnySearcher, address: Address, saved: SavedSearches | None, folder: str) -> None:
    found: Answer | None = None
    with _explained(folder):
        draw_chips(address, searcher.articles(address.unlike))
        found = _draw_main(searcher, address, saved)
    with _explained(folder):
        draw_narrowing(address, searcher.first_and_last_year, found)
        if address.opened is not None:
            draw_record(searcher, address.opened)


def _draw_main(searcher: AnySearcher, address: Address, saved: SavedSearches | None) -> Answer | None:
    """Draw the answer, or what stands in its place where nothing is asked; gives the answer."""
    if not address.asks:
        states.draw_start(hint_wanted())
        recent.draw_recent()
        if saved is not None:
            draw_saved(saved)
        return None
    if address.year_from is not None and address.year_to is not None and address.year_from > address.year_to:
        states.draw_backward_years(address)
        return None
    return _draw_answer(searcher, address, saved)


def _draw_answer(searcher: AnySearcher, address: Address, saved: SavedSearches | None) -> Answer | None:
    examples = searcher.articles(address.like)
    if lost := [pmid for pmid in address.like if pmid not in examples]:
        states.draw_unknown_article(lost[0], searcher.summary.articles)
        return None
    with st.spinner("Searching …"):
        found = answer(searcher, address)
    recent.remember(address)
    draw_heading(found.results, address, [examples[pmid] for pmid in address.like])
    with st.container(horizontal=True, key="toolbar"):
        draw_toolbar(searcher, found)
        if saved is not None:
            draw_save(saved, searcher, found)
    if saved is not None:
        draw_news(saved, searcher, found)
    if address.mapped and found.results.ranked:
        draw_map(found.map, address)
    draw_hits(found.results, address)
    start_at_top(address)
    return found


@st.cache_resource(show_spinner=False)
def _shared_searcher(folder: str, encoder: str | None) -> CurrentSearcher:
    """One handle per folder for all visitors; what is answered is kept by the visit, not here."""
    return CurrentSearcher(partial(_open, folder, encoder))


def _open(folder: str, encoder: str | None) -> AnySearcher:
    """Open an index, and load its encoder while the visitor is still typing: that takes seconds."""
    searcher = Searcher.open(folder, encoder, load=_load_once)
    threading.Thread(target=_load_early, args=(searcher.load_encoder,), daemon=True).start()
    return searcher


@lru_cache(maxsize=1)
def _load_once(name: str) -> Encoder:
    """The encoder, loaded once: a newer generation of the same index needs no other."""
    return load_transformer(name)


def _load_early(load_encoder: Callable[[], object]) -> None:
    """Load an encoder; one that cannot be loaded is reported by the first question, to the visitor who asks it."""
    with suppress(PubMedSearchError):
        load_encoder()


def main(arguments: Sequence[str]) -> None:
    """Draw the page over an index folder.

    A second argument names the encoder where it has moved; a third one is `no-saved` on a page that saves none. Both may be "".
    """
    folder, encoder, keeping, *_ = [*arguments, *("", "", "")[len(arguments) :]]
    folder = folder or str(DEFAULT_INDEX)
    show(_shared_searcher(folder, encoder or None), folder, None if keeping == NO_SAVED else SavedSearches(folder))


if __name__ == "__main__":
    main(sys.argv[1:])

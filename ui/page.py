"""The web page. Streamlit runs this file as a script, with the index folder as its argument."""

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
from search.searcher import Searcher, load_transformer
from ui import states
from ui.address import Address
from ui.answer_view import draw_answer
from ui.current_searcher import AnySearcher, CurrentSearcher
from ui.navigation import here, start_at_top
from ui.search_form import draw_form, hint_wanted

TITLE = "PubMed semantic search"
_STYLE = Path(__file__).with_name("page.css")


def show(get_searcher: Callable[[], AnySearcher], folder: str = str(DEFAULT_INDEX)) -> None:
    """Draw the whole page for the address in the URL.

    `get_searcher` gives the open index, or raises the PubMedSearchError that the page then explains; `folder` is named
    in the commands that the page recommends.
    """
    _draw_head(here())
    with _explained(folder):
        with st.spinner("Opening the index …"):
            searcher = get_searcher()
        _draw_corpus_line(searcher, here())
        draw_form(here())
        with _explained(folder):
            _draw_body(searcher, here())
        _draw_footer(searcher)


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
    if address.query or address.like is not None:
        words.append(searcher.corpus_note)
    st.html(f'<p class="corpus">{escape(" ".join(words).strip())}</p>')


def _draw_body(searcher: AnySearcher, address: Address) -> None:
    if not address.query and address.like is None:
        states.draw_start(hint_wanted())
    elif address.year_from is not None and address.year_to is not None and address.year_from > address.year_to:
        states.draw_backward_years(address)
    elif address.like is not None:
        _draw_similar(searcher, address, address.like)
    else:
        with st.spinner("Searching …"):
            results = searcher.search(address.query, k=address.shown, filters=address.filters)
        draw_answer(results, address)
        start_at_top(address)


def _draw_similar(searcher: AnySearcher, address: Address, pmid: int) -> None:
    source = searcher.article(pmid)
    if source is None:
        states.draw_unknown_article(pmid, searcher.summary.articles)
        return
    with st.spinner("Searching …"):
        results = searcher.similar([pmid], k=address.shown, filters=address.filters)
    draw_answer(results, address, source)
    start_at_top(address)


def _draw_footer(searcher: AnySearcher) -> None:
    """Which data answered, and NLM's terms: data that may be behind PubMed is said to be so, conspicuously."""
    summary = searcher.summary
    st.html(
        '<footer><p class="currency"><strong>'
        f"Last updated {escape(summary.updated)}: may not reflect the most current data available from NLM.</strong></p>"
        f"<p>{summary.articles:,} articles · last file {escape(summary.last_file)} · encoder {escape(summary.encoder)}</p>"
        f"<p>{escape(searcher.corpus_note)}</p>"
        "<p>Records come from PubMed, a database of the U.S. National Library of Medicine (NLM), which neither runs nor "
        "endorses this page. Abstracts may be under their publishers' copyright.</p></footer>"
    )


@st.cache_resource(show_spinner=False)
def _shared_searcher(folder: str, encoder: str | None) -> CurrentSearcher:
    """One handle per folder for all visitors; results are never cached."""
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
    """Draw the page over an index folder; a second argument names the encoder, where it has moved."""
    folder = arguments[0] if arguments else str(DEFAULT_INDEX)
    encoder = arguments[1] if len(arguments) > 1 else None
    show(_shared_searcher(folder, encoder), folder)


if __name__ == "__main__":
    main(sys.argv[1:])

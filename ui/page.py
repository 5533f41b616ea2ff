"""The web page. Streamlit runs this file as a script, with the index folder as its argument."""

import datetime as dt
import logging
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from html import escape
from pathlib import Path

import streamlit as st

from search.encoder import Encoder
from search.encoder_files import content_hash, find_encoder
from search.errors import PubMedSearchError
from search.index_folder import DEFAULT_INDEX
from search.saved_searches import SavedSearches
from search.searcher import Searcher, load_transformer
from ui import basket, recent, states
from ui.address import Address
from ui.answer_view import draw_heading, draw_hits
from ui.answers import Answer, answer
from ui.current_searcher import AnySearcher, CurrentSearcher
from ui.footer import draw_footer
from ui.launch import NO_SAVED
from ui.map_view import draw_map
from ui.narrowing import draw_chips, draw_narrowing
from ui.navigation import LISTENED_TO, arrive, here
from ui.record import draw_record
from ui.saved import draw_news, draw_save, draw_saved
from ui.search_form import draw_form, hint_wanted
from ui.toolbar import draw_basket, draw_toolbar

TITLE = "PubMed semantic search"
_STYLE = Path(__file__).with_name("page.css")


def show(get_searcher: Callable[[], AnySearcher], folder: str = str(DEFAULT_INDEX), saved: SavedSearches | None = None) -> None:
    """Draw the whole page for the address in the URL.

    `get_searcher` gives the open index, or raises the PubMedSearchError that the page then explains; `folder` is named
    in the commands that the page recommends. Without `saved`, nothing is saved on this page.
    """
    _draw_head(here())
    with _explained("page", folder):
        with states.waiting("Opening the index …"):
            searcher = get_searcher()
        _draw_corpus_line(searcher, here())
        draw_form(here())
        _draw_body(Visit(here(), searcher, get_searcher, folder, saved))
        draw_footer(searcher.summary, searcher.holdings, searcher.corpus_note, dt.datetime.now(tz=dt.UTC).date())


@dataclass(frozen=True, slots=True)
class Visit:
    """What one drawing of the page goes by: where it is, and the generation of the index that answers.

    `get_searcher` gives the newest generation, to what happens later.
    """

    address: Address
    searcher: AnySearcher
    get_searcher: Callable[[], AnySearcher]
    folder: str
    saved: SavedSearches | None


@contextmanager
def _explained(part: str, folder: str) -> Iterator[None]:
    """Turn an error in a part of the page into a state of it; the parts that are drawn already stay."""
    try:
        yield
    except PubMedSearchError as error:
        states.draw_error(error, folder, part)
    except Exception:
        # An unforeseen failure must neither look like an empty answer nor show a visitor a traceback.
        logging.getLogger(__name__).exception("The page could not be drawn")
        states.draw_unexpected(part)


def _draw_head(address: Address) -> None:
    title = f"{address.query} · {TITLE}" if address.query else TITLE
    st.set_page_config(page_title=title, page_icon="🔎", layout="centered")
    st.html(_STYLE)
    st.html(f"<h1>{TITLE}</h1>{LISTENED_TO}", unsafe_allow_javascript=True)


def _draw_corpus_line(searcher: AnySearcher, address: Address) -> None:
    """The size and age of the index; above hits also what must be known before reading them."""
    summary = searcher.summary
    updated = f", updated {summary.updated}" if summary.updated else ""
    words = [f"{summary.articles:,} articles{updated}. May not be current."]
    if address.asks:
        words.append(searcher.corpus_note)
    st.html(f'<p class="corpus">{escape(" ".join(words).strip())}</p>')


def _draw_body(visit: Visit) -> None:
    address, searcher = visit.address, visit.searcher
    found: Answer | None = None
    with _explained("answer", visit.folder):
        draw_chips(address, searcher.articles(address.unlike))
        found = _draw_main(visit)
    with _explained("side", visit.folder):
        draw_narrowing(address, searcher.first_and_last_year, found)
        if address.opened is not None:
            draw_record(searcher, address.opened)


def _draw_main(visit: Visit) -> Answer | None:
    """Draw the answer, or what stands in its place where nothing is asked; gives the answer."""
    if not visit.address.asks:
        _draw_start(visit)
        return None
    if visit.address.years_run_backwards:
        states.draw_backward_years(visit.address)
        return None
    return _draw_answer(visit)


def _draw_start(visit: Visit) -> None:
    states.draw_start(hint_wanted())
    if basket.picked():
        draw_basket(visit.get_searcher, visit.address)
    recent.draw_recent()
    if visit.saved is not None:
        draw_saved(visit.saved)


def _draw_answer(visit: Visit) -> Answer | None:
    examples = visit.searcher.articles(visit.address.like)
    lost = [pmid for pmid in visit.address.like if pmid not in examples]
    if lost:
        states.draw_lost_examples(lost, visit.searcher.summary.articles, left=len(examples))
        basket.put_back(lost)
    address = replace(visit.address, like=tuple(examples))
    if not address.asks:
        return None
    with states.waiting("Searching …"):
        found = answer(visit.searcher, address)
    recent.remember(address)
    draw_heading(found.results, address, [examples[pmid] for pmid in address.like])
    news = _draw_tools(visit, found)
    if address.mapped and found.results.ranked:
        draw_map(found.map, address)
    draw_hits(found.results, address, news)
    arrive(address)
    return found


def _draw_tools(visit: Visit, found: Answer) -> Collection[int]:
    """Draw what can be done with an answer; gives the PMIDs that are new in that to a saved search."""
    with st.container(horizontal=True, key="toolbar"):
        draw_toolbar(visit.get_searcher, found, visit.address)
        if visit.saved is not None:
            draw_save(visit.saved, visit.searcher, found)
    return () if visit.saved is None else draw_news(visit.saved, visit.searcher, found)


@st.cache_resource(show_spinner=False)
def _shared_searcher(folder: str, encoder: str | None) -> CurrentSearcher:
    """One handle per folder for all visitors; what is answered is kept by the visit, not here."""
    return CurrentSearcher(partial(_open, folder, encoder))


@st.cache_resource(show_spinner=False)
def _shared_saved(folder: str) -> SavedSearches:
    return SavedSearches(folder)


def _open(folder: str, encoder: str | None) -> AnySearcher:
    """Open an index, and load its encoder while the visitor is still typing: that takes seconds."""
    searcher = Searcher.open(folder, encoder, load=_load_once)
    threading.Thread(target=_load_early, args=(searcher.load_encoder,), daemon=True).start()
    return searcher


def _load_once(name: str) -> Encoder:
    """The encoder, loaded once: a newer generation of the same index needs no other, unless its files are others."""
    return _loaded(name, content_hash(find_encoder(name)))


@lru_cache(maxsize=1)
def _loaded(name: str, content: str) -> Encoder:  # noqa: ARG001  (tells which files were loaded)
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
    show(_shared_searcher(folder, encoder or None), folder, None if keeping == NO_SAVED else _shared_saved(folder))


if __name__ == "__main__":
    main(sys.argv[1:])

"""The hits of one search or of one article's neighbourhood, as cards."""

from dataclasses import replace
from html import escape

import streamlit as st

from search.answer_wording import reasons, understanding
from search.article import Article, Flag
from search.results import Mode, SearchResult, SearchResults
from ui import hit_text
from ui.address import Address
from ui.navigation import go
from ui.states import draw_no_hits


def draw_answer(results: SearchResults, address: Address, source: Article | None = None) -> None:
    """Draw the answer line, the hits and the way to more of them; `source` is the article they are similar to."""
    if source is not None:
        _draw_way_back(address)
    understood = "".join(f'<p dir="auto">{escape(line)}</p>' for line in understanding(results))
    st.html(f'<div class="answer" role="status">{_heading(address, source)}<p>{_answer_line(results)}</p>{understood}</div>')
    if results.hidden_retracted and len(results) > 0:
        shown = replace(address, include_retracted=True)
        st.button("Show retracted articles too", key="plain-retracted", type="tertiary", on_click=go, args=(shown,))
    for hit in results:
        _draw_hit(hit, results.mode, address)
    if len(results) > 0:
        _draw_more(results, address)
    else:
        draw_no_hits(results, address)


def _heading(address: Address, source: Article | None) -> str:
    if source is None:
        return f'<h2 dir="auto">Results for “{escape(address.query)}”</h2>'
    return f"<h2>Similar to {hit_text.linked_title(source)}</h2>{hit_text.badges(source)}"


def _answer_line(results: SearchResults) -> str:
    """How many, of how many, how fast: ``10 of 29,457 articles, 23 ms · 2 retracted articles left out``."""
    line = f"{len(results):,} of {_articles(results.index.articles)}, {results.took_ms:.0f} ms"
    years = Address(year_from=results.filters.year_from, year_to=results.filters.year_to).years
    hidden = results.hidden_retracted
    parts = [line, f"years {years}" if years else "", f"{_articles(hidden, 'retracted ')} left out" if hidden else ""]
    return escape(" · ".join(part for part in parts if part))


def _articles(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}article{'' if count == 1 else 's'}"


def _draw_way_back(address: Address) -> None:
    label = "← Back to the results" if address.query else "← New search"
    st.button(label, key="plain-back", type="tertiary", on_click=go, args=(replace(address, like=None),))


def _draw_hit(hit: SearchResult, mode: Mode, address: Address) -> None:
    article = hit.article
    tone = "hit-retracted" if Flag.RETRACTED in article.flags else "hit"
    with st.container(border=True, key=f"{tone}-{hit.rank}"):
        st.html(_card(hit, mode))
        similar = replace(address, like=article.pmid, shown=Address().shown)
        st.button("Similar articles", key=f"similar-{hit.rank}", type="tertiary", on_click=go, args=(similar,))
        with st.expander("Details" if Flag.TITLE_ONLY in article.flags else "Abstract"):
            st.html(hit_text.details(article))


def _card(hit: SearchResult, mode: Mode) -> str:
    said = reasons(hit.why, mode)
    why = f' <span class="reasons">{escape(said)}</span>' if said else ""
    return (
        f'<article><h3><span class="rank">{hit.rank}.</span> {hit_text.linked_title(hit.article)}</h3>'
        f'<p class="byline" dir="auto">{hit_text.byline(hit.article)}{why}</p>'
        f"{hit_text.badges(hit.article)}{hit_text.snippet(hit.article)}</article>"
    )


def _draw_more(results: SearchResults, address: Address) -> None:
    """Offer the next size while this one was filled; say so at the end of the list."""
    if len(results) == address.shown and address.next_size is not None:
        longer = replace(address, shown=address.next_size)
        st.button(f"Show more ({address.next_size})", on_click=go, args=(longer,))
    elif len(results) < address.shown:
        st.html('<p class="end">These are all the articles that meet the filters.</p>')
    else:
        st.html('<p class="end">The list ends here. A narrower question or fewer years bring other articles up.</p>')

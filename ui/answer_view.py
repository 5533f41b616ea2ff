"""The hits of one search or of some examples' neighbourhood, as cards, twenty a page."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from html import escape

import streamlit as st

from search.answer_wording import understanding
from search.article import Article, Flag
from search.results import DEPTH, SORTED_BY_DATE, SearchResult, SearchResults, Sort, Suggestion
from ui import basket, hit_text
from ui.address import LAST_PAGE, MOST_VALUES, PAGE_SIZE, Address
from ui.navigation import go, here
from ui.plain_label import plain_label
from ui.states import draw_no_hits


def draw_heading(results: SearchResults, address: Address, examples: list[Article]) -> None:
    """Say what was asked, how it was understood, and how many hits there are."""
    if examples:
        _draw_way_back(address)
    understood = "".join(f'<p dir="auto">{escape(line)}</p>' for line in understanding(results))
    heading = _heading(address, examples)
    st.html(f'<div class="answer">{heading}<p>{_answer_line(results)}</p>{understood}</div>')
    if (spelt := _spelt(address.query, results.understood.suggestions)) != address.query:
        label = plain_label(f"Search for “{spelt}”", longest=200)
        st.button(label, key="spelt", on_click=go, args=(address.first_page(query=spelt),))


def draw_hits(results: SearchResults, address: Address, new: Collection[int]) -> None:
    """Draw a page of hits, those whose PMID is among the `new` marked, and the way to the others."""
    for hit in results:
        _draw_hit(hit, results, address, is_new=hit.pmid in new)
    if len(results) > 0:
        _draw_paging(results, address)
    elif address.page > 1:
        st.button("← To the first page", key="plain-first", type="tertiary", on_click=go, args=(address.first_page(),))
    else:
        draw_no_hits(results, address)


def _spelt(query: str, suggestions: Sequence[Suggestion]) -> str:
    """A question with the words that no article has as they are suggested."""
    for one in suggestions:
        query = re.sub(rf"(?i)\b{re.escape(one.word)}\b", one.instead.replace("\\", r"\\"), query)
    return query


def _heading(address: Address, examples: list[Article]) -> str:
    if not examples:
        return f'<h2 dir="auto">Results for “{escape(address.query)}”</h2>'
    if len(examples) == 1:
        return f"<h2>Similar to {hit_text.linked_title(examples[0])}</h2>{hit_text.badges(examples[0])}"
    titles = "".join(f"<li>{hit_text.linked_title(one)}</li>" for one in examples)
    return (
        f'<h2>Similar to {len(examples)} articles</h2><details class="fold"><summary>Which</summary><ul>{titles}</ul></details>'
    )


def _answer_line(results: SearchResults) -> str:
    """Which, of how many, how fast: ``1 to 20 of 1,000 hits among 29,457 articles, 23 ms · 2 retracted articles left out``."""
    total, hidden = len(results.ranked), results.hidden_retracted
    hits = results.hits
    shown = f"{hits[0].rank:,} to {hits[-1].rank:,} of {total:,} hits" if hits else f"{total:,} hits" if total else "No hits"
    parts = [
        f"{shown} among {_articles(results.index.articles)}, {results.took_ms:.0f} ms",
        f"{_articles(hidden, 'retracted ')} left out" if hidden else "",
    ]
    return escape(" · ".join(part for part in parts if part))


def _articles(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}article{'' if count == 1 else 's'}"


def _draw_way_back(address: Address) -> None:
    label = "← Back to the results" if address.query else "← New search"
    back = address.first_page(like=(), unlike=())
    st.button(label, key="plain-back", type="tertiary", on_click=go, args=(back,))


def _draw_hit(hit: SearchResult, results: SearchResults, address: Address, *, is_new: bool) -> None:
    article = hit.article
    tone = "hit-retracted" if Flag.RETRACTED in article.flags else "hit"
    with st.container(border=True, key=f"{tone}-{hit.rank}"):
        st.html(hit_text.card(hit, results.mode, results.best_score, is_new=is_new))
        with st.container(horizontal=True, key=f"actions-{hit.rank}"):
            _draw_actions(article, address)


def _draw_actions(article: Article, address: Address) -> None:
    pmid = article.pmid
    alike = address.first_page(like=(pmid,), unlike=())
    st.button("More like this", key=f"plain-like-{pmid}", type="tertiary", on_click=go, args=(alike,))
    unlike = address.first_page(unlike=(*address.unlike, pmid))
    many = len(address.unlike) >= MOST_VALUES
    key = f"plain-unlike-{pmid}"
    st.button("Not like this", key=key, type="tertiary", disabled=many, on_click=go, args=(unlike,))
    basket.draw_pick(article, f"plain-pick-{pmid}", "tertiary")
    st.button("Cite", key=f"plain-cite-{pmid}", type="tertiary", on_click=_open, args=(pmid,))


def _open(pmid: int) -> None:
    go(replace(here(), opened=pmid))


def _draw_paging(results: SearchResults, address: Address) -> None:
    """The pages before and after this one; the end of the list is said to be one."""
    total = len(results.ranked)
    last = min(LAST_PAGE, -(-total // PAGE_SIZE))
    if last > 1:
        _draw_steps(address, last)
    if address.page >= last:
        st.html(f'<p class="end">The list ends here. {_why_it_ends(total, address)}</p>')


def _why_it_ends(total: int, address: Address) -> str:
    if address.sort is Sort.DATE and total == SORTED_BY_DATE:
        return f"These are the best {SORTED_BY_DATE} hits, the newest first."
    return "A narrower question or fewer years bring other articles up." if total >= DEPTH else ""


def _draw_steps(address: Address, last: int) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="paging"):
        previous, following = replace(address, page=address.page - 1), replace(address, page=address.page + 1)
        st.button("← Previous", key="previous", disabled=address.page <= 1, on_click=go, args=(previous,))
        st.html(f'<p class="end">Page {address.page} of {last}</p>')
        st.button("Next →", key="next", disabled=address.page >= last, on_click=go, args=(following,))

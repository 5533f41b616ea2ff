"""The articles that a visitor has picked: kept for this browser session, and for nobody else."""

from collections.abc import Iterable

import streamlit as st

from search.article import Article
from ui.hit_text import title_of

_KEY = "basket"
# An address names no more examples than this, and a query by example of more says little of each.
MOST = 30


def picked() -> dict[int, str]:
    """The titles of the picked articles by PMID, in the order in which they were picked."""
    basket: dict[int, str] = st.session_state.setdefault(_KEY, {})
    return basket


def pick_label(pmid: int) -> str:
    """What the button says that picks an article, or puts it back."""
    return "✓ In the basket" if pmid in picked() else "Add to basket"


def pick(article: Article) -> None:
    """Pick an article, or put a picked one back."""
    basket = picked()
    if basket.pop(article.pmid, None) is None and len(basket) < MOST:
        basket[article.pmid] = title_of(article)


def put_back(pmids: Iterable[int]) -> None:
    """Take articles out of the basket."""
    for pmid in list(pmids):
        picked().pop(pmid, None)

"""The articles that a visitor has picked: kept for this browser session, and for nobody else."""

from collections.abc import Iterable
from typing import Literal

import streamlit as st

from search.article import Article
from ui.address import MOST_VALUES
from ui.hit_text import title_of

_KEY = "basket"


def picked() -> dict[int, str]:
    """The titles of the picked articles by PMID, in the order in which they were picked."""
    basket: dict[int, str] = st.session_state.setdefault(_KEY, {})
    return basket


def draw_pick(article: Article, key: str, kind: Literal["secondary", "tertiary"] = "secondary") -> None:
    """A button that picks an article, or puts it back."""
    basket = picked()
    is_full = len(basket) >= MOST_VALUES and article.pmid not in basket
    label = "✓ In the basket" if article.pmid in basket else "The basket is full" if is_full else "Add to basket"
    st.button(label, key=key, type=kind, disabled=is_full, on_click=_pick, args=(article,))


def _pick(article: Article) -> None:
    if picked().pop(article.pmid, None) is None:
        picked()[article.pmid] = title_of(article)


def put_back(pmids: Iterable[int]) -> None:
    """Take articles out of the basket."""
    for pmid in list(pmids):
        picked().pop(pmid, None)

"""The foot of the page: which data answered, how old it is, and whose it is."""

import datetime as dt
from html import escape

import streamlit as st

from search.results import Holdings, IndexSummary

_STALE_DAYS = 30


def draw_footer(summary: IndexSummary, holdings: Holdings, corpus_note: str, today: dt.date) -> None:
    """Say which files the index holds up to what date, and NLM's terms; old data is said to be old, conspicuously."""
    st.html(
        f'<footer><p class="currency"><strong>{escape(_currency(summary.updated, today))}</strong></p>'
        f"<p>{escape(_held(summary, holdings))}</p><p>{escape(corpus_note)}</p>"
        "<p>Records come from PubMed, a database of the U.S. National Library of Medicine (NLM), which neither runs nor "
        "endorses this page. Abstracts may be under their publishers' copyright.</p></footer>"
    )


def _currency(updated: str, today: dt.date) -> str:
    warning = f"Last updated {updated or 'at an unknown time'}: may not reflect the most current data available from NLM."
    days = _days_since(updated, today)
    if days is None or days <= _STALE_DAYS:
        return warning
    return f"{warning} The newest change in it is {days:,} days old: run `pubmed-index update`."


def _days_since(updated: str, today: dt.date) -> int | None:
    try:
        return (today - dt.date.fromisoformat(updated)).days
    except ValueError:
        return None


def _held(summary: IndexSummary, holdings: Holdings) -> str:
    files = f"{holdings.files:,} file{'' if holdings.files == 1 else 's'}, the last one {summary.last_file}"
    without = f"{holdings.title_only:,} of them without an abstract"
    return f"{summary.articles:,} articles, {without} · {files} · encoder {summary.encoder}"

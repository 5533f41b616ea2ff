"""What the page says when it has no hits to show, each time with what to do next."""

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import escape

import streamlit as st

from search.article import LARGEST_PMID
from search.errors import (
    BrokenIndex,
    EncoderError,
    EncoderMismatch,
    IndexVersion,
    NoIndex,
    PubMedSearchError,
    QueryError,
)
from search.results import Mode, SearchResults
from ui.address import Address
from ui.navigation import go

# Each has an answer in the sample, and is put in other words than the article that answers it.
EXAMPLES = (
    "Does lowering cholesterol help the heart when it is not high?",
    "talking therapy over the internet for depression",
    "Can vitamin D strengthen bones?",
    "how what we eat changes the gut and its inflammation",
)

_HELP = """<div class="help"><p><strong>Plain words</strong> are searched by their meaning and by the words themselves.</p>
<p><strong>PubMed's syntax</strong> filters exactly, and may stand beside a question:
<code>asthma[mh] AND 2019:2024[dp] NOT review[pt] does exercise help</code></p>
<p><strong>A PMID or DOI</strong> shows its article. <strong>A whole abstract</strong> finds articles like it.</p></div>"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A state in which the index cannot answer: its heading, and what to do about it."""

    heading: str
    advice: str
    rebuild: bool = False


# The first entry that an error is an instance of describes it.
_TROUBLES: tuple[tuple[type[PubMedSearchError], Trouble], ...] = (
    (NoIndex, Trouble("There is no index yet", "Build one from PubMed files, then reload this page:", rebuild=True)),
    (
        BrokenIndex,
        Trouble(
            "The index is damaged",
            "Nothing was searched. If the files cannot be restored, build the index again:",
            rebuild=True,
        ),
    ),
    (
        IndexVersion,
        Trouble(
            "The index has another format",
            "It was written by another version of this program. Build it again with this one:",
            rebuild=True,
        ),
    ),
    (
        EncoderMismatch,
        Trouble(
            "The index belongs to another encoder",
            "Start pubmed-ui with the encoder that the index was built with (--encoder), or build the index again:",
            rebuild=True,
        ),
    ),
    (
        EncoderError,
        Trouble(
            "The encoder cannot be used",
            "Without it no question can be compared with the articles. Put it right, then try again.",
        ),
    ),
    (QueryError, Trouble("This question cannot be answered as it is put", "Change the question or its filters.")),
    (PubMedSearchError, Trouble("The search did not succeed", "Nothing was searched; this is not an empty answer.")),
)


def draw_error(error: PubMedSearchError, folder: str, part: str) -> None:
    """Say what is wrong with a part of the page in the error's own sentence, and which command helps."""
    trouble = next(trouble for kind, trouble in _TROUBLES if isinstance(error, kind))
    draw_notice(trouble.heading, str(error), trouble.advice, grave=not isinstance(error, NoIndex | QueryError))
    if trouble.rebuild:
        _draw_build("SOURCE...", folder)
    if isinstance(error, NoIndex):
        st.html("<p>Or try it with the sample that ships with the project (<code>make demo</code> does the same):</p>")
        _draw_build("--sample", folder)
    if not isinstance(error, QueryError):
        _draw_try_again(part)


def _draw_try_again(part: str) -> None:
    st.button("Try again", key=f"try-again-{part}")


def _draw_build(source: str, folder: str) -> None:
    st.code(f"pubmed-index build {source} --index {shlex.quote(folder)}", language="bash", wrap_lines=True)


def draw_unexpected(part: str) -> None:
    """Say that the program itself failed, so that nobody takes the silence for an empty answer."""
    draw_notice(
        "Something went wrong in the program",
        "The search was not completed: this is not an empty answer.",
        "The terminal that runs pubmed-ui shows the cause. Trying again may help.",
        grave=True,
    )
    _draw_try_again(part)


def draw_backward_years(address: Address) -> None:
    """Say that the range of years is empty, and offer it the other way round."""
    draw_notice(
        "The years run backwards",
        f"No year lies from {address.year_from} to {address.year_to}, so nothing was searched.",
        "Put the earlier year first.",
    )
    swapped = replace(address, year_from=address.year_to, year_to=address.year_from)
    _offer(f"Search {swapped.years}", swapped, primary=True)


def draw_lost_examples(pmids: Sequence[int], articles: int, *, left: int) -> None:
    """Say which articles whose neighbours were asked for are not in the index, `left` of them being there."""
    numbers = ", ".join(map(_number, pmids))
    advice = "The answer is to the others." if left else "Describe in the box above what it should be about."
    which, verb = ("This article is", "is") if len(pmids) == 1 else ("These articles are", "are")
    draw_notice(f"{which} not in the index", f"{numbers} {verb} none of the {articles:,} articles here.", advice)


def draw_unknown_article(pmid: int, articles: int) -> None:
    """Say that an article that was to be opened is not in the index."""
    draw_notice("This article is not in the index", f"{_number(pmid)} is none of the {articles:,} articles here.", "")


def _number(pmid: int) -> str:
    return f"{'PMID' if pmid <= LARGEST_PMID else 'Local id'} {pmid}"


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """Say what the page is doing where that takes long; what is drawn below must not move, as it would for st.spinner."""
    place = st.empty()
    place.html(f'<p class="waiting">{words}</p>')
    try:
        yield
    finally:
        place.empty()


def draw_no_hits(results: SearchResults, address: Address) -> None:
    """Say why nothing is left, and offer what brings articles up."""
    filters = [label for label, _ in address.narrowings]
    if results.understood.filter:
        filters.append(results.understood.filter)
    if not address.include_retracted:
        filters.append("retracted articles left out")
    by_words = results.mode is Mode.LEXICAL and bool(results.understood.question)
    what = "has any of these words and meets the filters" if by_words else "meets the filters"
    sentence = f"None of the {results.index.articles:,} articles in this index {what}."
    draw_notice("No articles found", sentence, f"Filters that were on: {'; '.join(filters) or 'none'}.")
    with st.container(horizontal=True):
        if by_words:
            _offer("Search by meaning, too", address.first_page(mode=Mode.HYBRID), primary=True)
        if address.narrowings:
            _offer("Clear all filters", address.unfiltered(), primary=True)
        if results.hidden_retracted:
            _offer("Include retracted articles", address.first_page(include_retracted=True))


def draw_start(hint: bool) -> None:
    """The empty page: what to type, and examples to click."""
    if hint:
        draw_notice("The box is empty", "Type a question or a topic above, then press Enter.", "")
    st.html('<h2 class="start">Try one of these</h2>')
    with st.container(horizontal=True):
        for example in EXAMPLES:
            _offer(example, Address(query=example))
    st.html(_HELP)


def draw_notice(heading: str, sentence: str, advice: str, *, grave: bool = False) -> None:
    """A framed message; all of it is plain text, but for commands between backticks."""
    kind, role = ("notice-box grave", "alert") if grave else ("notice-box", "status")
    paragraphs = "".join(f"<p>{_with_code(part)}</p>" for part in (sentence, advice) if part)
    st.html(f'<div class="{kind}" role="{role}"><h2>{escape(heading)}</h2>{paragraphs}</div>')


def _with_code(text: str) -> str:
    """Text as markup; commands, which error messages put between backticks, look like commands."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _offer(label: str, address: Address, *, primary: bool = False) -> None:
    """A button that leads to an address; its label is ours, never text from a record."""
    st.button(label, type="primary" if primary else "secondary", on_click=go, args=(address,))

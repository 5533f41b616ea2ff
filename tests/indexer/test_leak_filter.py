"""What a model is measured on must not be learnt from, however its text was changed on the way into a set."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.beir import read_texts
from indexer.leak_filter import LeakFilter, shingles
from indexer.reading import read_parts
from indexer.sources import find_sources
from search.article import Article

TEXT = (
    "Oral sucrose before a heel lance lowered pain scores of preterm newborns in three randomised trials. "
    "Breastfeeding during venipuncture was about as helpful as glucose solution given with a pacifier."
)
# The words that NFCorpus lacks, roughly: https://www.cl.uni-heidelberg.de/statnlpgroup/nfcorpus/
STRIPPED = re.compile(
    r"\b(?:the|of|in|and|a|an|to|was|were|with|for|is|are|by|as|during|before|about|three|given|on|that)\b", re.IGNORECASE
)
COPIES = 20


def stripped(text: str) -> str:
    """A text as NFCorpus would have it: small letters, no stop words, no signs, numbers as a word."""
    words = re.sub(r"[^\w\s/-]|\d[\d.,]*", lambda found: " num " if found.group()[0].isdigit() else " ", text.lower())
    return " ".join(STRIPPED.sub(" ", words).split())


def test_a_copy_is_found_in_whatever_form() -> None:
    leaks = LeakFilter.of([stripped(TEXT)]).leaks
    assert leaks(TEXT)
    assert leaks("Comforting babies. " + TEXT.upper())
    assert leaks("some other text", stripped(TEXT))
    assert leaks(TEXT.split(". ")[1])  # a sentence of it, asked as a question


def test_a_protected_text_that_is_longer_is_found_by_its_part() -> None:
    assert LeakFilter.of([f"{TEXT} And much more follows on another subject altogether."]).leaks(TEXT)


def test_other_texts_of_the_field_are_no_copies() -> None:
    leaks = LeakFilter.of([TEXT]).leaks
    assert not leaks("Oral sucrose lowered pain in adults who had a tooth drawn, compared with water and with no drink at all.")
    assert not leaks("preterm newborns")
    assert not leaks("")


def test_what_many_protected_texts_share_is_a_phrase_of_the_field() -> None:
    phrase = "randomised double blind placebo controlled trial"
    texts = [f"{phrase} number {name} tested {name}" for name in ("alpha", "bravo", "charlie", "delta")]
    assert not LeakFilter.of(texts).leaks(phrase)
    assert LeakFilter.of(texts[:1]).leaks(phrase)


def test_a_text_of_several_sets_is_protected_all_the_same() -> None:
    assert LeakFilter.of([TEXT] * 5).leaks(TEXT)


def test_nothing_is_protected_at_first() -> None:
    assert not LeakFilter.of([]).leaks(TEXT)


@given(st.lists(st.sampled_from(["abcd", "efgh", "ijkl", "mnop", "the", "of"]), max_size=12))
def test_rows_are_those_of_the_content_words(words: list[str]) -> None:
    content = [word for word in words if word not in {"the", "of"}]
    rows = {tuple(content[place : place + 4]) for place in range(max(1, len(content) - 3))} if content else set()
    assert len(np.unique(shingles(" ".join(words)))) == len(rows)


def test_planted_copies_of_real_records(shared_data: Path) -> None:
    """Twenty records of the judged sets, stripped as NFCorpus is, among twenty of the training records."""
    sets = sorted(path for path in (shared_data / "beir").iterdir() if path.is_dir())
    texts = [text for folder in sets for text in read_texts(folder)]
    leaks = LeakFilter.of(texts).leaks
    chance = random.Random(0)
    documents = [text for text in texts if len(text.split()) > 60]
    planted = [stripped(text) for text in chance.sample(documents, COPIES)]
    assert all(leaks(text) for text in planted)
    assert [text for text in chance.sample(documents, COPIES) if not leaks(text)] == []
    source = find_sources([shared_data / "train" / "articles.jsonl.gz"]).files[0]
    (first, *_) = read_parts(source, 1000)
    assert sum(_leaks(leaks, one) for one in first.articles) < 0.05 * len(first.articles)


def _leaks(leaks: object, one: Article) -> bool:
    assert callable(leaks)
    return bool(leaks(one.title, one.abstract))


@pytest.mark.parametrize("text", ["", "the of and", "123 456", "é"])
def test_texts_without_content(text: str) -> None:
    assert not LeakFilter.of([TEXT, text]).leaks(text)

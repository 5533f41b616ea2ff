"""Labels show text as it is; what a browser makes of them is in `test_browser.py`."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.plain_label import LONGEST, plain_label


def shown(label: str) -> str:
    """What is left of a label when Markdown has taken its backslashes, and nobody sees what has no width."""
    return re.sub(rf"\\([{re.escape(string.punctuation)}])", r"\1", label).replace("\u2060", "")


@given(st.text(st.characters(exclude_characters="\u2060"), max_size=LONGEST))
def test_a_label_shows_its_text_on_one_line(text: str) -> None:
    assert shown(plain_label(text)) == " ".join(text.split())


@given(st.text(min_size=1))
def test_no_sign_of_markdown_is_left_bare(text: str) -> None:
    assert not re.search(rf"(?<!\\)(?:\\\\)*[{re.escape(string.punctuation.replace(chr(92), ''))}]", plain_label(text))


@pytest.mark.parametrize("looked_for", [":smile:", "->", "<-", "www.example.com", ":red[x]", "a@b.c"])
def test_what_is_looked_for_after_markdown_was_read_is_broken_up(looked_for: str) -> None:
    assert looked_for not in re.sub(r"\\(?=\W)", "", plain_label(looked_for))


def test_a_long_text_is_cut() -> None:
    assert plain_label("word " * 40, longest=12) == "word word w…"

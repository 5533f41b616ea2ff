"""Text from records as labels of Streamlit's widgets, which read labels as Markdown."""

import re
import string

LONGEST = 60
_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
_WORD_JOINER = (
    "\u2060"  # has no width, and breaks what is looked for in text after its Markdown is read: `:smile:`, `->`, `www.`
)
_LOOKED_FOR_LATER = re.compile(r"(?<=[:\-<>=.@])(?=\S)")


def plain_label(text: str, longest: int = LONGEST) -> str:
    """A label that shows a text as it is, on one line, cut where it is longer than `longest` characters."""
    line = " ".join(text.split())
    shown = line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"
    return _PUNCTUATION.sub(r"\\\1", _LOOKED_FOR_LATER.sub(_WORD_JOINER, shown))

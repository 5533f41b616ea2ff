"""Files of questions: one a line, or BEIR's `queries.jsonl`."""

from pathlib import Path

import msgspec

from search.errors import SourceError


class _Question(msgspec.Struct):
    """A line of a BEIR `queries.jsonl`."""

    text: str


def read_questions(path: Path) -> list[str]:
    """Read questions from a file: BEIR's `queries.jsonl`, or text with one question a line. Raises SourceError."""
    try:
        # Not `splitlines`: JSON may hold the other line separators of Unicode inside a string.
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").split("\n")]
        as_json = path.suffix == ".jsonl"
        questions = [msgspec.json.decode(line, type=_Question).text if as_json else line for line in lines if line]
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise SourceError(
            f"{path} cannot be read as questions ({error}). Expected one question a line, or in a .jsonl one "
            '{"text": "..."} a line.'
        ) from error
    if not questions:
        raise SourceError(f"{path} holds no question. Expected one a line.")
    return questions

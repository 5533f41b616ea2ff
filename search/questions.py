"""Files of questions: one a line, or BEIR's `queries.jsonl`."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from search.errors import SourceError


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and what its file calls it: BEIR's `_id`, "" where it has none."""

    text: str
    identity: str = ""


class _Line(msgspec.Struct):
    """A line of a BEIR `queries.jsonl`."""

    text: str
    identity: str | int | None = msgspec.field(name="_id", default=None)


def read_questions(path: Path) -> list[Question]:
    """Read questions from a file: BEIR's `queries.jsonl`, or text with one question a line. Raises SourceError.

    A JSON line whose `text` is empty is a question, too: whoever asks it is told so, and the others are not lost.
    """
    try:
        # Not `splitlines`: JSON may hold the other line separators of Unicode inside a string.
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").split("\n")]
        read = _from_json if path.suffix == ".jsonl" else Question
        questions = [read(line) for line in lines if line]
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise SourceError(
            f"{path} cannot be read as questions ({error}). Expected one question a line, or in a .jsonl one "
            '{"text": "..."} a line.'
        ) from error
    if not questions:
        raise SourceError(f"{path} holds no question. Expected one a line.")
    return questions


def _from_json(line: str) -> Question:
    read = msgspec.json.decode(line, type=_Line)
    return Question(read.text, "" if read.identity is None else str(read.identity))

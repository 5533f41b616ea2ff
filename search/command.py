"""What the commands share: how a failure ends, and text from records made safe for a terminal."""

import argparse
import io
import json
import math
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any, NoReturn

from search.errors import PubMedSearchError
from search.results import DEPTH

# Escape sequences in a title could recolour or rewrite the terminal; PubMed's XML cannot hold them, JSONL can.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def run(command: Callable[[], None], interrupted: str = "Stopped.") -> int:
    """Run a command to its exit code: 0, or 1 with one sentence on stderr."""
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 has no β
    try:
        command()
        sys.stdout.flush()
    except PubMedSearchError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail(interrupted)
    except BrokenPipeError:
        _drop_output()  # the reader of a pipe, `head` for one, has seen enough
    except OSError as error:
        if error.filename is None:
            _drop_output()  # it is stdout that cannot be written
        return _fail(_said(error))
    except MemoryError:
        return _fail("There is not enough memory for this. Close other programs, or use a smaller encoder or fewer records.")
    return 0


def positive(text: str) -> int:
    """Read a whole number above 0, for argparse."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found {text!r}")
    return int(text)


def number_above_0(text: str, said: str = "expected") -> float:
    """Read a finite number above 0, for argparse; `said` begins the sentence about any other text."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{said} a number above 0; found {text!r}")
    return number


def hits(text: str) -> int:
    """Read a number of hits, for argparse."""
    number = positive(text)
    if number > DEPTH:
        raise argparse.ArgumentTypeError(f"expected at most {DEPTH:,} hits, found {number:,}")
    return number


def write_json(document: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Print one JSON document, non-ASCII text as it is where stdout is UTF-8."""
    sys.stdout.write(f"{_json(document)}\n")


def write_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Print a report for people: names in one column, what they are in the other."""
    width = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        sys.stdout.write(plain(f"{name:<{width}}{value}") + "\n")


def write_json_list(documents: Iterable[Any]) -> None:
    """Print one JSON list, each document as soon as there is one: no more than one is held."""
    before = "[\n"
    for document in documents:
        sys.stdout.write(before + _json(document))
        before = ",\n"
    sys.stdout.write("\n]\n" if before == ",\n" else "[]\n")


def plain(text: str) -> str:
    """Text from a record without control characters."""
    return _CONTROL.sub(" ", text)


def _json(document: Any) -> str:  # noqa: ANN401  (any JSON value)
    escaped = sys.stdout.encoding.lower() != "utf-8"
    return json.dumps(document, ensure_ascii=escaped, indent=1)


def _fail(sentence: str) -> int:
    sys.stderr.write(f"{plain(sentence)}\n")
    return 1


def _said(error: OSError) -> str:
    """What the system refused, in a sentence; the errors that we expect have better ones."""
    where = "The output, or a file" if error.filename is None else os.fsdecode(error.filename)
    return f"{where}: {(error.strerror or str(error)).lower()}. Check the path, its permissions and the space on its disk."


def _drop_output() -> None:
    """Let what stdout could not take go nowhere: Python would try it again at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """A polite kill ends like Ctrl-C: what was done is kept."""
    raise KeyboardInterrupt

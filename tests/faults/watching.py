"""Watches a run from inside: each file it makes, moves or removes, each SQL statement, each call of a library that writes.

Every such event is a moment at which the run can be killed, before it happens; moments inside a library's own writing lie
between two events, and are met by waiting so long after the first.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from faults.jobs import Event, Stage

# Calls of compiled libraries that work on a file of the index.
_LEXICAL_CALLS = {"add_document", "delete_documents_by_query", "wait_merging_threads"}
_VECTOR_CALLS = {"index_factory", "write_index"}
_STREAM_CALLS = {"write", "writelines", "flush", "fsync", "truncate"}
_WRITERS = {
    "collecting.py": Stage.READ,
    "embedding_cache.py": Stage.EMBED,
    "vectors.py": Stage.VECTORS,
    "transform.py": Stage.VECTORS,
    "columns.py": Stage.COLUMNS,
    "postings.py": Stage.COLUMNS,
    "tombstones.py": Stage.COLUMNS,
    "storage.py": Stage.PUBLISH,
}
_FOLDERS = {"embeddings": Stage.EMBED, "lexical": Stage.LEXICAL, "columns": Stage.COLUMNS}
_NAMES = {
    ".tantivy": Stage.LEXICAL,
    "tombstones": Stage.COLUMNS,
    ".sqlite": Stage.CATALOGUE,
    "vectors": Stage.VECTORS,
    "candidates": Stage.VECTORS,
    "transform": Stage.VECTORS,
    "manifest": Stage.PUBLISH,
    "publishing": Stage.PUBLISH,
    "current": Stage.PUBLISH,
    ".gz": Stage.READ,
    ".jsonl": Stage.READ,
}
_PATH_OF = {"open": 0, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "os.truncate": 0, "os.rename": 1, "os.link": 1}
_ALTERING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_OF_COMMANDS = {
    "Reading": Stage.READ,
    "Embedding": Stage.EMBED,
    "Indexing": Stage.COLUMNS,
    "Indexing words": Stage.LEXICAL,
    "Merging": Stage.VECTORS,
    "Grouping": Stage.VECTORS,
    "Transforming": Stage.VECTORS,
}


class Watch:
    """Tells `reached` of every event. `whole` is the stage of a command that counts as one, whatever it works on."""

    def __init__(self, roots: tuple[Path, ...], whole: Stage | None, reached: Callable[[Event], None]) -> None:
        self._roots = tuple(f"{root}{os.sep}" if root.is_dir() else str(root) for root in roots)
        self._whole, self._reached = whole, reached
        self._stages: dict[CodeType, Stage | None] = {}
        self._running = Stage.START
        self._is_inside = False

    def start(self) -> None:
        """Watch from now on, until the process ends."""
        sys.addaudithook(self._audit)
        sys.setprofile(self._profile)

    def tell(self, stage: Stage, what: str) -> None:
        """Say that something happens now."""
        if not self._is_inside:
            self._is_inside = True
            self._reached(Event(self._whole or stage, what, time.perf_counter()))
            self._is_inside = False

    def began(self, name: str) -> None:
        """A part of the work begins that is reported under a name."""
        self._running = _OF_COMMANDS.get(name, Stage.PUBLISH)
        self.tell(self._running, f"begins {name}")

    def went_on(self) -> None:
        """That part went on."""
        self.tell(self._running, "goes on")

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _PATH_OF:
            return
        path = arguments[_PATH_OF[event]]
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if isinstance(path, (str, Path)) and self._matters(event, str(path), arguments):
            self.tell(stage_of(Path(path)), f"{event} {Path(path).name}")

    def _matters(self, event: str, path: str, arguments: tuple[Any, ...]) -> bool:
        if not path.startswith(os.sep):
            return event in {"os.remove", "os.rmdir"}  # of a folder that is removed with all in it
        if not path.startswith(self._roots):
            return False
        return event != "open" or bool(arguments[2] & _ALTERING) or path.endswith(".gz")

    def _profile(self, frame: FrameType, event: str, called: Any) -> None:
        if event in {"c_call", "c_return"} and (stage := self._stage_of_call(frame, called)) is not None:
            self.tell(stage, f"{event} {called.__name__}")

    def _stage_of_call(self, frame: FrameType, called: Any) -> Stage | None:
        name = getattr(called, "__name__", "")
        if name in _STREAM_CALLS:
            return self._stage_of_code(frame.f_code)
        if name in {"execute", "executemany", "commit"}:
            library = type(called.__self__).__module__.partition(".")[0]
            return {"sqlite3": Stage.CATALOGUE, "tantivy": Stage.LEXICAL}.get(library)
        if name in _LEXICAL_CALLS:
            return Stage.LEXICAL
        return Stage.VECTORS if name in _VECTOR_CALLS else None

    def _stage_of_code(self, code: CodeType) -> Stage | None:
        if code not in self._stages:
            self._stages[code] = _WRITERS.get(Path(code.co_filename).name)
        return self._stages[code]


def stage_of(path: Path) -> Stage:
    """The stage that writes a file of an index, or reads a source."""
    for folder, stage in _FOLDERS.items():
        if folder in path.parts:
            return stage
    if path.name.isdigit():
        return Stage.PUBLISH
    return next((stage for part, stage in _NAMES.items() if part in path.name), Stage.START)

"""What an index answers, as something to compare; and a reader that goes on asking while writers are killed."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from faults.jobs import Asked, Job
from toy import load_toy

from search import Searcher
from search.filters import Filters
from search.results import Mode

QUERIES = ("a bb ccc", "of the lungs", "statins in severe asthma", "longer measurements altogether")
_ALL = Filters(include_retracted=True)
_PAUSE = 0.05
# A reader outlives a harness that is killed, but not for ever.
_LONGEST_SECONDS = 1_800.0


@dataclass(frozen=True, slots=True)
class Answers:
    """All that is compared of a generation: its PMIDs, and to each question the ten best with their scores."""

    pmids: tuple[int, ...]
    tops: dict[str, tuple[tuple[int, float], ...]]


@dataclass(frozen=True, slots=True)
class Expected:
    """The answers of every state that a reader may meet, by the last file of the index in that state."""

    by_last_file: dict[str, Answers]


def ask(searcher: Searcher) -> Answers:
    """Ask every question in every mode."""
    tops = {}
    for mode in Mode:
        for query in QUERIES:
            hits = searcher.search(query, 10, _ALL, mode)
            tops[f"{mode}: {query}"] = tuple((hit.pmid, round(hit.score, 6)) for hit in hits)
    return Answers(tuple(searcher.pmids().tolist()), tops)


def answers_of(index: Path) -> Answers:
    """What the published generation answers."""
    with Searcher.open(index, load=load_toy) as searcher:
        return ask(searcher)


@dataclass(slots=True)
class _Reader:
    """A reader that moves to a new generation when there is one, as the page does."""

    index: Path
    expected: Mapping[str, Answers]
    answers: int = 0
    moves: int = 0
    failures: list[str] = field(default_factory=list)
    open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    searcher: Searcher | None = None

    def ask_once(self) -> None:
        """Ask, of the newest generation, and compare."""
        if self.searcher is None or not self.searcher.is_current():
            self.moves += self.searcher is not None
            self.open.close()
            self.searcher = self.open.enter_context(Searcher.open(self.index, load=load_toy))
        last_file = self.searcher.summary.last_file
        found, expected = ask(self.searcher), self.expected.get(last_file)
        if found == expected:
            self.answers += len(found.tops)
        else:
            self.failures.append(f"an index up to {last_file} answered something else: {_difference(found, expected)}")


def _difference(found: Answers, expected: Answers | None) -> str:
    if expected is None:
        return "no such state was expected"
    if found.pmids != expected.pmids:
        return f"its PMIDs differ in {sorted(set(found.pmids) ^ set(expected.pmids))[:5]}"
    return next(f"{query}: {found.tops[query]}" for query in found.tops if found.tops[query] != expected.tops[query])


def ask_until_stopped(job: Job) -> None:
    """Ask until the job's `stop` file is there; what was met is written to `asked`."""
    assert job.expected
    assert job.stop
    assert job.asked
    expected = msgspec.json.decode(job.expected.read_bytes(), type=Expected)
    reader = _Reader(job.index, expected.by_last_file)
    with reader.open:
        for _ in _until(job.stop):
            try:
                reader.ask_once()
            except Exception as error:  # noqa: BLE001  (whatever a reader meets is a finding)
                reader.failures.append(f"{type(error).__name__}: {error}")
    job.asked.write_bytes(msgspec.json.encode(Asked(reader.answers, reader.moves, tuple(reader.failures))))


def _until(stop: Path) -> Iterator[None]:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while not stop.exists() and time.monotonic() < deadline:
        yield
        time.sleep(_PAUSE)

"""The commands that are disturbed, each over an index of its own, and the proof that the index is as it should be."""

import dataclasses
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
from faults.asking import Answers, Expected, answers_of, ask
from faults.corpus import Corpus
from faults.jobs import Command, Done, Ended, Event, Job, Recorded
from faults.workers import Worker
from toy import DIMENSION, load_toy

from indexer.embedding_cache import EmbeddingCache
from indexer.history import Keep, prune, roll_back
from indexer.progress import Silent
from indexer.verify import verify
from search import Searcher
from search.article import Article
from search.errors import PubMedSearchError
from search.index_folder import IndexFolder
from search.transform import TransformKind

_HELD_SECONDS = 10.0


class Disturbed(Protocol):
    """A command that leads an index from the state `before` to `after`, and can be tried again and again."""

    @property
    def name(self) -> str: ...
    @property
    def job(self) -> Job: ...
    @property
    def events(self) -> tuple[Event, ...]: ...
    @property
    def before(self) -> str: ...
    @property
    def after(self) -> str: ...

    def begin(self) -> None:
        """Put the index into the state before."""

    def state(self) -> str:
        """The state that the published generation is in."""

    def wrong(self, *states: str) -> list[str]:
        """What is wrong with the index, which should be in one of the states."""

    def completes(self, worker: Worker) -> list[str]:
        """Run the command again, undisturbed; returns what is wrong afterwards."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command over an index that leads from one state to another, and all that is known of both.

    `events` are those of an undisturbed run, which embeds `needed` articles and leaves the `generations`.
    """

    name: str
    job: Job
    corpus: Corpus
    answers: Mapping[str, Answers]
    before: str
    after: str
    events: tuple[Event, ...]
    needed: int
    generations: tuple[str, ...]
    reset: Callable[[], None]

    @property
    def folder(self) -> IndexFolder:
        """The index."""
        return IndexFolder(self.job.index)

    def begin(self) -> None:
        """Put the index into the state before."""
        self.reset()

    def state(self) -> str:
        """The last file of the published generation."""
        return self.folder.published().read_manifest().last_file

    def wrong(self, *states: str) -> list[str]:
        """What is wrong with the index: all generations are whole, and the published one is in one of the states."""
        try:
            for generation in self.folder.all_generations():
                generation.read_manifest()
            problems = list(verify(self.folder, Silent()).problems)
            with Searcher.open(self.job.index, load=load_toy) as searcher:
                problems += self._wrong_answers(searcher, states)
        except PubMedSearchError as error:
            return [str(error)]
        return problems

    def _wrong_answers(self, searcher: Searcher, states: tuple[str, ...]) -> list[str]:
        state = searcher.summary.last_file
        if state not in states:
            return [f"the published generation ends with {state}, not with {' or '.join(states)}"]
        problems = [] if ask(searcher) == self.answers[state] else [f"the index of {state} answers something else"]
        expected = self.corpus.after(state)
        if searcher.pmids().tolist() != sorted(expected):
            problems.append(f"{len(expected)} records were expected and {len(searcher.pmids())} found")
        found = {pmid: _undated(searcher.article(pmid)) for pmid in expected}
        problems += [f"PMID {pmid} is not the record that it was" for pmid in expected if found[pmid] != expected[pmid]]
        return problems

    def cached(self) -> int:
        """How many embeddings are in the cache."""
        return sum(len(EmbeddingCache(path, DIMENSION)) for path in self.job.index.glob("embeddings/*"))

    def completes(self, worker: Worker) -> list[str]:
        """Run the command again, undisturbed; returns what is wrong afterwards."""
        state, cached = self.state(), self.cached()
        if state == self.after and self.job.command is Command.ROLLBACK:
            return self.wrong(self.after)  # run again, it would go back one further
        ended = worker.run(self.job)
        if ended.code:
            return [f"run again, it ended with {ended.code}: {ended.errors.strip()}"]
        problems = self.wrong(self.after) + self.left_over()
        done = msgspec.json.decode(ended.output, type=Done)
        is_repeated = state == self.after and self.job.command is Command.UPDATE
        if done.embedded != (expected := 0 if is_repeated else self.needed - cached):
            problems.append(f"run again, it embedded {done.embedded} articles where {expected} were not in the cache")
        return problems

    def left_over(self) -> list[str]:
        """What lies in the index that does not belong there."""
        found = sorted(path.name for path in self.folder.generations.iterdir())
        expected = sorted({*self.generations, self.folder.published().name})
        problems = [f"of generations there are {found} where {expected} were expected"] if found != expected else []
        return problems + [f"{path.name} is left over" for path in self.job.index.rglob("*.new")]


@dataclass(frozen=True, slots=True)
class Setting:
    """Makes scenarios in a folder, with a worker."""

    folder: Path
    corpus: Corpus
    worker: Worker

    def build(self) -> Scenario:
        """A build of baseline and update, where an index of the baseline is published."""
        job = Job(Command.BUILD, self.folder / "build", self.corpus.files[:5])
        run_well(self.worker, dataclasses.replace(job, sources=self.corpus.baseline))
        return self._scenario("build", job, lambda: _undo(job.index))

    def update(self) -> Scenario:
        """An update that makes a delta beside centred vectors."""
        return self._updating("update", 100.0, TransformKind.CENTRE)

    def merge(self) -> Scenario:
        """An update that is merged with the base at once."""
        return self._updating("merge", 0.0, TransformKind.NONE)

    def _updating(self, name: str, merged_above: float, transform: TransformKind) -> Scenario:
        run_well(self.worker, Job(Command.BUILD, self.folder / name, self.corpus.baseline, transform))
        job = Job(Command.UPDATE, self.folder / name, (self.corpus.update,), merged_above=merged_above)
        return self._scenario(name, job, lambda: _undo(job.index))

    def prune(self) -> Scenario:
        """Three of four generations are pruned; the reset brings them back."""
        index = self._with_four_generations("prune")
        template = Path(shutil.copytree(index / "generations", self.folder / "prune-template"))
        return self._scenario("prune", Job(Command.PRUNE, index), lambda: _bring_back(template, index / "generations"))

    def rollback(self) -> Scenario:
        """Going back from the last of four generations."""
        index = self._with_four_generations("rollback")
        return self._scenario("rollback", Job(Command.ROLLBACK, index), lambda: _go_to(index, "4"))

    def _with_four_generations(self, name: str) -> Path:
        index = self.folder / name
        run_well(self.worker, Job(Command.BUILD, index, self.corpus.baseline))
        for file, merged_above in zip(self.corpus.files[4:], (100.0, 0.0, 100.0), strict=True):
            run_well(self.worker, Job(Command.UPDATE, index, (file,), merged_above=merged_above))
        return index

    def _scenario(self, name: str, job: Job, reset: Callable[[], None]) -> Scenario:
        """Run the command once, undisturbed, and note what is known of it."""
        folder, record = IndexFolder(job.index), self.folder / f"{name}.events"
        before, answers = folder.published().read_manifest().last_file, answers_of(job.index)
        shutil.rmtree(job.index / "embeddings")
        ended = run_well(self.worker, dataclasses.replace(job, record=record))
        after = folder.published().read_manifest().last_file
        scenario = Scenario(
            name=name,
            job=job,
            corpus=self.corpus,
            answers={before: answers, after: answers_of(job.index)},
            before=before,
            after=after,
            events=read_events(record),
            needed=msgspec.json.decode(ended.output, type=Done).embedded,
            generations=tuple(path.name for path in sorted(folder.generations.iterdir())),
            reset=reset,
        )
        problems = scenario.wrong(after) + scenario.left_over()
        assert not problems, problems
        return scenario


def run_well(worker: Worker, job: Job) -> Ended:
    """Run a job that must not fail."""
    ended = worker.run(job)
    assert not ended.code, ended.errors
    return ended


def read_events(record: Path) -> tuple[Event, ...]:
    """The events that a job recorded."""
    return tuple(msgspec.json.decode(record.read_bytes(), type=Recorded).events)


def write_expected(path: Path, scenario: Scenario) -> Path:
    """Write down what a reader may meet."""
    path.write_bytes(msgspec.json.encode(Expected(dict(scenario.answers))))
    return path


def _undated(found: Article | None) -> Article | None:
    """A record without what only its file says."""
    return found and dataclasses.replace(found, revised="", publication_date="")


def _undo(index: Path) -> None:
    """Go back to the first generation, and forget the later ones and all embeddings."""
    folder = IndexFolder(index)
    roll_back(folder, "1")
    deadline = time.monotonic() + _HELD_SECONDS
    while prune(folder, Keep(1)).held and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(index / "embeddings", ignore_errors=True)


def _bring_back(template: Path, generations: Path) -> None:
    """Put pruned generations back where they were."""
    for generation in template.iterdir():
        if not (generations / generation.name).exists():
            copy = Path(shutil.copytree(generation, generations.parent / "copy"))
            copy.rename(generations / generation.name)


def _go_to(index: Path, name: str) -> None:
    roll_back(IndexFolder(index), name)

"""The repair of a damaged index as a command to be disturbed: until it is published, not a byte of the old may change."""

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path

from faults.asking import Answers, answers_of
from faults.damage import flipped
from faults.jobs import Command, Event, Job
from faults.scenarios import Scenario, read_events, run_well
from faults.workers import Worker

from indexer.progress import Silent
from indexer.verify import verify
from search.index_folder import IndexFolder
from search.storage import file_sha256

DAMAGED, REPAIRED = "damaged", "repaired"
# All vectors are made anew where the transform is lost, and all words where a file of them is.
_LOST = ("transform.npz", "lexical/meta.json", "base/columns/years.npy")


@dataclass(frozen=True, slots=True)
class Repairing:
    """A repair of a copy of the index `template`; `checksums` are those of its published generation's files."""

    job: Job
    template: Path
    checksums: dict[str, str]
    answers: Answers
    events: tuple[Event, ...]
    name: str = "repair"
    before: str = DAMAGED
    after: str = REPAIRED

    def begin(self) -> None:
        """Put the index into the state before."""
        shutil.rmtree(self.job.index, ignore_errors=True)
        shutil.copytree(self.template, self.job.index)

    def state(self) -> str:
        """Whether the damaged generation is still the published one."""
        names = IndexFolder(self.template).published_name(), IndexFolder(self.job.index).published_name()
        return DAMAGED if names[0] == names[1] else REPAIRED

    def wrong(self, *states: str) -> list[str]:
        """What is wrong with the index: while it is the damaged one, whatever was changed of it."""
        state = self.state()
        if state not in states:
            return [f"it is {state}"]
        if state == DAMAGED:
            return [] if checksums(self.job.index) == self.checksums else ["the damaged generation was changed"]
        problems = list(verify(IndexFolder(self.job.index), Silent()).problems)
        return problems or ([] if answers_of(self.job.index) == self.answers else ["it answers something else"])

    def completes(self, worker: Worker) -> list[str]:
        """Run the repair again; returns what is wrong afterwards."""
        ended = worker.run(self.job)
        if ended.code:
            return [f"run again, it ended with {ended.code}: {ended.errors.strip()}"]
        left_over = [path.name for path in IndexFolder(self.job.index).generations.iterdir() if not path.name.isdigit()]
        return self.wrong(REPAIRED) + [f"{name} is left over" for name in left_over]


def repairing(updated: Scenario, folder: Path, worker: Worker) -> Repairing:
    """Damage a copy of an index that was updated, and repair it once, undisturbed."""
    updated.begin()
    run_well(worker, updated.job)
    template = Path(shutil.copytree(updated.job.index, folder / "damaged"))
    for name in _LOST:
        path = IndexFolder(template).published().folder / name
        path.write_bytes(flipped(path.read_bytes(), path.stat().st_size // 2, 0))
    job, record = Job(Command.REPAIR, folder / "repair"), folder / "repair.events"
    repair = Repairing(job, template, checksums(template), updated.answers[updated.after], ())
    repair.begin()
    run_well(worker, dataclasses.replace(job, record=record))
    repair = dataclasses.replace(repair, answers=answers_of(job.index), events=read_events(record))
    assert not (problems := repair.wrong(REPAIRED)), problems
    assert repair.answers.pmids == updated.answers[updated.after].pmids
    return repair


def checksums(index: Path) -> dict[str, str]:
    """The checksums of the published generation's files."""
    folder = IndexFolder(index).published().folder
    return {str(path.relative_to(folder)): file_sha256(path) for path in folder.rglob("*") if path.is_file()}

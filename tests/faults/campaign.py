"""All that is injected, in order; how much of it is a plan's."""

import random
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from faults.corpus import write_corpus
from faults.damage import damaged_cache, damaged_files
from faults.disks import full_disks, limited_files, small_disk
from faults.jobs import Stage
from faults.kills import draw, draw_renames, kill_at, kill_in_a_row
from faults.reading import reader_beside
from faults.repairing import repairing
from faults.results import Trial
from faults.scenarios import Disturbed, Scenario, Setting
from faults.workers import Worker
from faults.writers import at_the_same_time, beside_a_build

SEED = 20261122
_OF_WRITING = (
    Stage.START,
    Stage.READ,
    Stage.EMBED,
    Stage.CATALOGUE,
    Stage.COLUMNS,
    Stage.VECTORS,
    Stage.LEXICAL,
    Stage.PUBLISH,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How often each fault is injected; `kills` is for each stage of each writing command."""

    kills: int = 5
    kills_at_renames: bool = True
    kills_of_upkeep: int = 12
    kills_in_a_row: int = 12
    flips: int = 5
    file_sizes: tuple[int, ...] = (0, 1_000, 4_000, 20_000, 60_000)
    free_bytes: tuple[int, ...] = (0, 20_000, 100_000, 300_000, 600_000)
    races: int = 5


@dataclass(slots=True)
class Campaign:
    """Runs a plan in a folder; `trials` grow while it does."""

    folder: Path
    plan: Plan = field(default_factory=Plan)
    seed: int = SEED
    trials: list[Trial] = field(default_factory=list)

    def run(self) -> list[Trial]:
        """Inject everything."""
        with Worker(self.folder) as worker, Worker(self.folder) as second:
            setting = Setting(self.folder, write_corpus(self.folder / "files"), worker)
            build, update, merge = setting.build(), setting.update(), setting.merge()
            for scenario in (build, update, merge):
                self.kill_writing(scenario, worker)
            prune, rollback = setting.prune(), setting.rollback()
            repair = repairing(update, self.folder, worker)
            for scenario in (prune, rollback):
                with reader_beside(scenario, self.folder, self.trials):
                    self.kill_upkeep(scenario, scenario.events[0].stage, worker)
            self.kill_upkeep(repair, Stage.REPAIR, worker)
            self.fill_disks((build, update, merge, prune, rollback), repair, worker)
            self.note(damaged_files(update, worker, self.plan.flips, self._chance("flips")))
            for scenario in (build, update):
                self.note(damaged_cache(scenario, worker, self._chance("cache")))
            self.note(beside_a_build(build, worker, second))
            self.note(at_the_same_time(build, worker, second, self.plan.races))
        return self.trials

    def kill_writing(self, scenario: Scenario, worker: Worker) -> None:
        """Kill a build or an update in each of its stages, while a reader asks."""
        with reader_beside(scenario, self.folder, self.trials):
            for stage in _OF_WRITING:
                moments = draw(scenario.events, stage, self.plan.kills, self._chance(f"{scenario.name} {stage}"))
                if stage is Stage.PUBLISH and self.plan.kills_at_renames:
                    moments += draw_renames(scenario.events, stage)
                self.note(kill_at(moment, scenario, worker) for moment in moments)
            self._top_up(scenario, worker)
            chance = self._chance(f"{scenario.name} in a row")
            stages = chance.choices(_OF_WRITING, k=self.plan.kills_in_a_row)
            moments = [moment for stage in stages for moment in draw(scenario.events, stage, 1, chance)]
            self.note(kill_in_a_row(moments, scenario, worker))

    def _top_up(self, scenario: Disturbed, worker: Worker) -> None:
        """Kill where fewer kills than planned struck, since some came later than they were drawn."""
        struck = Counter(trial.place for trial in self.trials if trial.command == scenario.name)
        for stage in _OF_WRITING:
            chance = self._chance(f"{scenario.name} {stage} again")
            moments = [draw(scenario.events, stage, 1, chance)[0] for _ in range(self.plan.kills - struck[stage])]
            self.note(kill_at(moment, scenario, worker) for moment in moments)

    def kill_upkeep(self, scenario: Disturbed, stage: Stage, worker: Worker) -> None:
        """Kill a command that is one stage."""
        moments = draw(scenario.events, stage, self.plan.kills_of_upkeep, self._chance(scenario.name))
        self.note(kill_at(moment, scenario, worker) for moment in moments)

    def fill_disks(self, scenarios: Iterable[Scenario], repair: Disturbed, worker: Worker) -> None:
        """Let every command run out of room."""
        with small_disk(self.folder / "disk") as disk:
            for scenario in scenarios:
                self.note(limited_files(scenario, worker, self.plan.file_sizes))
                if disk is not None:
                    self.note(full_disks(scenario, disk, worker, self.plan.free_bytes))
        self.note(limited_files(repair, worker, self.plan.file_sizes))
        if disk is None:
            self.trials.append(Trial("a full disk", "", "", "left out: mounting a small one needs root", times=0))

    def note(self, trials: Iterable[Trial]) -> None:
        """Take trials as they come; say at once where something is wrong."""
        for trial in trials:
            self.trials.append(trial)
            for problem in trial.problems:
                sys.stderr.write(f"\n{trial.fault}, {trial.command}, {trial.place}: {problem}\n")
            sys.stderr.write(".")
            sys.stderr.flush()

    def _chance(self, what: str) -> random.Random:
        """Chances of their own, so that no part of the plan changes another's moments."""
        return random.Random(f"{self.seed} {what}")

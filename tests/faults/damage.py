"""Damage to files: a flipped bit, a cut, a loss. `verify` finds each and names the file; a build does without a shard."""

import dataclasses
import random
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec
from faults.jobs import Done, Moment, Stage
from faults.kills import draw_renames
from faults.results import Trial
from faults.scenarios import Scenario, run_well
from faults.workers import Worker

from indexer.progress import Silent
from indexer.verify import verify
from search.errors import BrokenIndex
from search.index_folder import IndexFolder

_HEADER_BYTES = 128


class Harm(StrEnum):
    """What is done to a file."""

    FLIPPED = "a flipped bit"
    CUT = "a file cut short"
    EMPTIED = "an emptied file"
    LOST = "a lost file"


def flipped(content: bytes, position: int, bit: int) -> bytes:
    """The content with one bit flipped."""
    damaged = bytearray(content)
    damaged[position] ^= 1 << bit
    return bytes(damaged)


def damaged_files(updated: Scenario, worker: Worker, flips: int, chance: random.Random) -> Iterator[Trial]:
    """Damage each file of an updated index, its shards included, in each way; `flips` bits of every file, one at a time."""
    updated.begin()
    run_well(worker, updated.job)
    folder = IndexFolder(updated.job.index)
    generation = folder.published().folder
    files = sorted(path for path in generation.rglob("*") if path.is_file())
    shards = sorted((folder.root / "embeddings").rglob("*.shard"))
    for path in [*files, *shards]:
        content = path.read_bytes()
        for harm, damaged in _damaged(content, flips, chance):
            if path in shards and harm is Harm.LOST:
                continue  # nobody knows of a shard that is gone: its texts are embedded again
            path.unlink()  # the file may be linked from other generations
            if damaged is not None:
                path.write_bytes(damaged)
            problems = [] if _is_named(path, folder) else [f"{path.name}: {harm} was not found"]
            yield Trial(harm, "", _place(path, generation), "found by `verify`, which names the file", tuple(problems))
        path.unlink(missing_ok=True)
        path.write_bytes(content)
    if problems := updated.wrong(updated.after):
        yield Trial("all files put back", "", "update", "whole again", tuple(problems))


def _damaged(content: bytes, flips: int, chance: random.Random) -> Iterator[tuple[Harm, bytes | None]]:
    size = len(content)
    for position in [0, size - 1, *(chance.randrange(size) for _ in range(flips - 2))][:flips] if size else []:
        yield Harm.FLIPPED, flipped(content, position, chance.randrange(8))
    if size:
        yield Harm.CUT, content[: chance.randrange(1, size) if size > 1 else 0]
        yield Harm.EMPTIED, b""
    yield Harm.LOST, None


def _place(path: Path, generation: Path) -> str:
    if not path.is_relative_to(generation):
        return "embeddings/"
    parts = path.relative_to(generation).parts
    return f"{parts[0]}/" if len(parts) > 1 else path.name


def _is_named(path: Path, folder: IndexFolder) -> bool:
    """Whether `verify` finds fault with a file; a manifest and its checksum stand for each other."""
    try:
        problems = verify(folder, Silent()).problems
    except BrokenIndex as error:
        problems = (str(error),)
    name = str(path.with_suffix("")) if path.stem == "manifest" else str(path)
    return any(name in problem for problem in problems)


def damaged_cache(scenario: Scenario, worker: Worker, chance: random.Random) -> Iterator[Trial]:
    """Damage a shard that a killed run left in each way: the next run says so, and embeds its texts again."""
    late = draw_renames(scenario.events, Stage.PUBLISH)[0]
    for harm in Harm:
        scenario.begin()
        yield _without_a_shard(harm, late, scenario, worker, chance)


def _without_a_shard(harm: Harm, late: Moment, scenario: Scenario, worker: Worker, chance: random.Random) -> Trial:
    worker.run(dataclasses.replace(scenario.job, kill=late))
    cached = scenario.cached()
    shard = chance.choice(sorted(scenario.job.index.glob("embeddings/*/*.shard")))
    content = shard.read_bytes()
    rows = msgspec.json.decode(content[:_HEADER_BYTES])["count"]
    damaged = dict(_damaged(content, 3, chance))[harm]
    shard.unlink() if damaged is None else shard.write_bytes(damaged)
    done = msgspec.json.decode(run_well(worker, scenario.job).output, type=Done)
    problems = scenario.wrong(scenario.after)
    if done.embedded != (expected := scenario.needed - cached + rows):
        problems.append(f"it embedded {done.embedded} articles where {expected} were lost or missing")
    if damaged is not None and not any(f"{shard} is damaged" in line for line in done.said):
        problems.append("it did not say that a shard was damaged")
    outcome = "embedded again" if damaged is None else "set aside, said, and embedded again"
    return Trial(f"{harm} of the embedding cache", "", scenario.name, outcome, tuple(problems))

"""What a worker is asked to do, and how that ended: the nouns that travel between the harness and its workers."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from search.transform import TransformKind


class Command(StrEnum):
    """What is run, and disturbed."""

    BUILD = "build"
    UPDATE = "update"
    PRUNE = "prune"
    ROLLBACK = "rollback"
    REPAIR = "repair"
    ASK = "ask"


class Stage(StrEnum):
    """What a run is at when something happens to it."""

    START = "start"
    READ = "read"
    EMBED = "embed"
    CATALOGUE = "catalogue"
    COLUMNS = "columns"
    VECTORS = "vectors"
    LEXICAL = "lexical"
    PUBLISH = "publish"
    PRUNE = "prune"
    ROLLBACK = "rollback"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Moment:
    """So many seconds after the `number`-th event of a run: the moment at which it is killed."""

    number: int
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a run: its stage, what happened, and when, in seconds."""

    stage: Stage
    what: str
    at: float


@dataclass(frozen=True, slots=True)
class Job:
    """A command over an index, and what is to be done to it: nothing, a `kill`, or a limit on the size of files.

    Its events are written to `record`. A reader compares to what is `expected` until there is a file `stop`, and writes what
    it was `asked`.
    """

    command: Command
    index: Path
    sources: tuple[Path, ...] = ()
    transform: TransformKind = TransformKind.NONE
    merged_above: float = 100.0
    keep: int = 1
    seconds_per_batch: float = 0.0
    kill: Moment | None = None
    file_size: int | None = None
    record: Path | None = None
    expected: Path | None = None
    asked: Path | None = None
    stop: Path | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to: how many articles it embedded and found in the cache, and the lines it said."""

    embedded: int = 0
    cached: int = 0
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader met: `answers` as expected, times it moved to another generation, and what was wrong."""

    answers: int = 0
    moves: int = 0
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended: its exit code, or less than 0 the signal that killed it, and the stage that it was at last."""

    pid: int
    code: int
    stage: Stage
    output: str = ""
    errors: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """A job runs, as a process of its own."""

    pid: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """All events of an undisturbed run."""

    events: list[Event] = field(default_factory=list)

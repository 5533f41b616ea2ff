"""How an index of a given size does on this machine: made of a real one, built, and asked."""

import gc
import multiprocessing
import os
import platform
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import msgspec
import numpy as np

from indexer.bench import Way, WayLatency, time_way
from indexer.build import Build, BuildSummary
from indexer.progress import Progress, Silent
from indexer.progress_bars import progress_for_people
from indexer.scale_corpus import FILTERS, ScaleCorpus
from indexer.scale_law import Measured
from indexer.scale_measures import Memory, disk_by_part, forget_pages, recall
from indexer.scale_seeds import Seeds
from indexer.sources import find_sources
from search.article import Article
from search.candidates import FLAT_LIMIT
from search.columns import Selection
from search.encoder import EmbeddedBatch, Encoder, EncoderIdentity, Vectors
from search.errors import EncoderError
from search.generation import Generation
from search.index_folder import IndexFolder
from search.memory import peak_memory_mb
from search.open_generation import OpenGeneration
from search.query_encoder import EncoderLoader
from search.results import Mode
from search.searcher import Searcher, load_transformer
from search.storage import write_atomically
from search.transform import TransformKind

# Each of these opens the index anew, in each way of asking.
_JUST_OPENED = 10
_MADE = "made.json"


@dataclass(frozen=True, slots=True)
class Scale:
    """What is asked for: `records` made of those of `index`, in the folder `work`, and how to ask them.

    Without `questions`, `count` titles are asked that went into no record. `encoder` says where that of `index` lies now.
    """

    index: Path
    records: int
    work: Path
    questions: tuple[str, ...] = ()
    count: int = 200
    k: int = 10
    encoder: str | None = None
    flat_limit: int = FLAT_LIMIT

    @property
    def built(self) -> IndexFolder:
        """The index of the made records."""
        return IndexFolder(self.work / "index")


class Kind(StrEnum):
    """What the dense leg looks at."""

    FLAT = "every vector"
    LISTS = "inverted lists"


@dataclass(frozen=True, slots=True)
class Made:
    """What making the index took: seconds by stage, `records` first, and the most memory, that of the seeds included.

    `disk_mb` is by part; `questions` are titles that went into no record.
    """

    records: int
    encoder: str
    candidates: str
    seconds: dict[str, float]
    peak_memory_mb: int
    seeds_mb: int
    disk_mb: dict[str, float]
    questions: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """What the dense leg does; no law holds for both kinds."""
        return Kind.FLAT if "Flat" in self.candidates else Kind.LISTS


@dataclass(frozen=True, slots=True)
class Scaled:
    """An index of one size: how it was made, and how it answers, warm and just opened.

    `memory` is that of a process that has opened the index, loaded the encoder, and answered; without the vectors of the page
    cache that are mapped, which are file-backed. `recall` is that of the dense leg, by filter. `pages_dropped` says whether
    what is just opened came from the disk.
    """

    made: Made
    source: str
    memory: dict[str, Memory]
    recall: dict[str, float]
    opening_ms: float
    pages_dropped: bool
    warm: tuple[WayLatency, ...]
    just_opened: tuple[WayLatency, ...]

    @property
    def measured(self) -> Measured:
        """The figures that grow with the corpus, by name."""
        return Measured(self.made.records, self.source, dict(_figures(self)))


def made_index(scale: Scale) -> Made:
    """Make the records and build their index, or take the one of that size that lies in `work` already.

    It is made by a process of its own, so that its memory is not counted when questions are. Raises SourceError, StorageFull.
    """
    scale.work.mkdir(parents=True, exist_ok=True)
    if (made := _made_before(scale)) is not None:
        return made
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_make_index, scale).result()


def _make_index(scale: Scale) -> Made:
    """Make the index; the records' own files are removed."""
    started = time.perf_counter()
    (scale.work / _MADE).unlink(missing_ok=True)
    shutil.rmtree(scale.built.root, ignore_errors=True)
    seeds = Seeds.read(IndexFolder(scale.index).published(), scale.count)
    corpus, sources = ScaleCorpus(seeds, scale.records), scale.work / "records"
    shutil.rmtree(sources, ignore_errors=True)
    sources.mkdir()
    with progress_for_people() as progress:
        files = corpus.write(sources, progress)
        writing = time.perf_counter() - started
        summary = _build(scale, corpus, seeds.encoder, files, progress)
    shutil.rmtree(sources)
    made = _made(scale, seeds, summary, writing)
    write_atomically(scale.work / _MADE, msgspec.json.encode(made))
    return made


def _build(
    scale: Scale, corpus: ScaleCorpus, encoder: EncoderIdentity, files: Sequence[Path], progress: Progress
) -> BuildSummary:
    """The real build; the corpus knows all vectors, so that nothing is embedded, and nothing cached."""
    build = Build(
        scale.built,
        _Unasked(encoder),
        progress,
        corpus_note="Made-up records.",
        flat_limit=scale.flat_limit,
        transform=TransformKind.NONE,
        known=[corpus],
    )
    return build.run(find_sources(files))


def _made(scale: Scale, seeds: Seeds, summary: BuildSummary, writing: float) -> Made:
    disk = disk_by_part(scale.built.published().read_manifest())
    return Made(
        records=summary.articles,
        encoder=summary.encoder,
        candidates=summary.candidates,
        seconds={"records": round(writing, 2), **summary.seconds_by_stage},
        peak_memory_mb=peak_memory_mb(),
        seeds_mb=round(seeds.vectors.nbytes / 1e6),
        disk_mb={part: round(size / 1e6, 1) for part, size in disk.items()},
        questions=tuple(seeds.questions),
    )


def _made_before(scale: Scale) -> Made | None:
    """What an earlier run with the same folder and size made."""
    try:
        made = msgspec.json.decode((scale.work / _MADE).read_bytes(), type=Made)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return made if made.records == scale.records else None


class _Unasked:
    """Stands for the encoder of vectors that are all known."""

    def __init__(self, identity: EncoderIdentity) -> None:
        self.identity = identity

    def embed(self, articles: Sequence[Article]) -> Iterator[EmbeddedBatch]:
        """Embed nothing."""
        if articles:
            raise EncoderError(f"{len(articles)} made records have no vector: they were read otherwise than written.")
        return iter(())

    def encode_documents(self, articles: Sequence[Article]) -> Vectors:
        """Refuse: no text is made to be embedded."""
        raise EncoderError(f"{len(articles)} texts are to be embedded where all vectors are known.")

    def encode_query(self, text: str) -> Vectors:
        """Refuse: questions are for the encoder of the index that the records are made of."""
        raise EncoderError(f"{text!r} is to be encoded where all vectors are known.")

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Refuse, too."""
        raise EncoderError(f"{len(texts)} questions are to be encoded where all vectors are known.")


def measure_scale(scale: Scale, made: Made, progress: Progress, load: EncoderLoader = load_transformer) -> Scaled:
    """Measure the index that was made: memory first, then what it finds, then how long questions take."""
    questions = (scale.questions or made.questions)[: scale.count]
    memory, encoder = _memory(scale, questions, load)
    generation = scale.built.published()
    found = _recall(generation, encoder, questions)
    with Searcher.open(scale.built.root, scale.encoder, load=lambda _name: encoder) as searcher:
        progress.start("Asking", len(_WAYS) * len(questions), "questions")
        warm = tuple(time_way(searcher, way, questions, scale.k, progress) for way in _WAYS)
    del searcher
    dropped, opening, just_opened = True, [], []
    for way in _WAYS:
        opened = [_ask_anew(scale, generation, encoder, way, question) for question in _some(questions)]
        dropped = all(one.dropped for one in opened)
        opening += [one.opening_ms for one in opened]
        just_opened.append(_latency(way, [one.asking_ms for one in opened]))
    opening_ms = round(float(np.median(opening)), 1)
    return Scaled(made, _source(made), memory, found, opening_ms, dropped, warm, tuple(just_opened))


_WAYS = (
    *(Way(mode) for mode in (Mode.LEXICAL, Mode.DENSE, Mode.HYBRID)),
    *(Way(Mode.HYBRID, (filters,), name) for name, filters in FILTERS.items()),
)


def _memory(scale: Scale, questions: Sequence[str], load: EncoderLoader) -> tuple[dict[str, Memory], Encoder]:
    """The memory of a process that does one thing after the other, and the encoder that it loaded."""
    states = {"before": Memory.now()}
    with Searcher.open(scale.built.root, scale.encoder, load=load) as searcher:
        states["opened"] = Memory.now()
        encoder = searcher.load_encoder()
        states["encoder loaded"] = Memory.now()
        for way in _WAYS:
            time_way(searcher, way, questions, scale.k, Silent())
        states["answering"] = Memory.now()
    return {name: memory for name, memory in states.items() if memory is not None}, encoder


def _recall(generation: Generation, encoder: Encoder, questions: Sequence[str]) -> dict[str, float]:
    files = OpenGeneration.open(generation, generation.read_manifest())
    try:
        everything = files.columns.everything()
        kept: dict[str, Selection] = {"none": everything}
        for name, filters in FILTERS.items():
            kept[name] = files.columns.select(filters.condition(), files.lexical.pmids_of)
        queries = np.stack([files.transformed(encoder.encode_query(question)) for question in questions])
        return {name: round(share, 4) for name, share in recall(files, generation, queries, kept).items()}
    finally:
        files.close()


@dataclass(frozen=True, slots=True)
class _AskedAnew:
    """One question to an index that nothing of is in memory, where `dropped`."""

    dropped: bool
    opening_ms: float
    asking_ms: float


def _ask_anew(scale: Scale, generation: Generation, encoder: Encoder, way: Way, question: str) -> _AskedAnew:
    gc.collect()  # a searcher that is not yet collected keeps its files mapped, and what is mapped stays in memory
    dropped = forget_pages(generation)
    started = time.perf_counter()
    with Searcher.open(scale.built.root, scale.encoder, load=lambda _name: encoder) as searcher:
        searcher.load_encoder()
        opened = time.perf_counter()
        searcher.search(question, scale.k, way.filters[0], way.mode)
        done = time.perf_counter()
    return _AskedAnew(dropped, 1000 * (opened - started), 1000 * (done - opened))


def _some(questions: Sequence[str]) -> Sequence[str]:
    return questions[:: max(1, len(questions) // _JUST_OPENED)][:_JUST_OPENED]


def _latency(way: Way, took_ms: Sequence[float]) -> WayLatency:
    median, percentile_99, slowest = (round(float(value), 1) for value in np.percentile(took_ms, [50, 99, 100]))
    return WayLatency(way.mode, way.said, way.explained, median, percentile_99, slowest)


def _source(made: Made) -> str:
    """What figures must share to be put into one law."""
    return f"{made.encoder}, {made.kind}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def way_name(way: WayLatency) -> str:
    """A way as reports and figures name it: ``hybrid, 50 % kept``."""
    return f"{way.mode}, {way.filters} kept" if way.filters else str(way.mode)


def _figures(scaled: Scaled) -> Iterator[tuple[str, float]]:
    made = scaled.made
    yield "build, s", sum(made.seconds.values())
    yield from ((f"build, {stage}, s", seconds) for stage, seconds in made.seconds.items())
    yield "build, peak memory MB", made.peak_memory_mb
    yield "disk, MB", sum(made.disk_mb.values())
    yield from ((f"disk, {part}, MB", size) for part, size in made.disk_mb.items())
    for state, memory in scaled.memory.items():
        yield from (
            (f"memory, {state}, {name.replace('_mb', ' MB').replace('_', '-')}", size) for name, size in asdict(memory).items()
        )
    yield "opening, ms", scaled.opening_ms
    for when, ways in (("warm", scaled.warm), ("just opened", scaled.just_opened)):
        for way in ways:
            yield f"{way_name(way)}, {when}, median ms", way.median_ms
            yield f"{way_name(way)}, {when}, p99 ms", way.percentile_99_ms

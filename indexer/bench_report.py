"""What `bench` says when it is done: text for people, one JSON document for programs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from search.command import write_json, write_rows

if TYPE_CHECKING:
    from indexer.bench import Latency, WayLatency
    from indexer.scale import Scaled
    from indexer.scale_law import Law, Miss

_PUBMED = 40_000_000
# Of some seventy laws; JSON has them all.
_LAWS_SHOWN = {"build, s", "disk, MB", "memory, answering, anonymous MB", "opening, ms"}


def report_latency(latency: "Latency", *, as_json: bool) -> None:
    """Report how long questions took."""
    if as_json:
        write_json(asdict(latency))
        return
    write_rows(
        [
            ("questions", f"{latency.queries:,} over {latency.articles:,} articles, {latency.k} hits each"),
            ("encoding", f"median {latency.encoding_median_ms:,.1f} ms ({latency.encoder}), part of dense and hybrid"),
            *((_name(way), _times(way)) for way in latency.ways),
        ]
    )


def report_scale(scaled: "Scaled", laws: Sequence["Law"], misses: Sequence["Miss"], *, as_json: bool) -> None:
    """Report what an index of a given size takes and finds, how its figures grow, and what will be too much."""
    if as_json:
        found = [{**asdict(law), f"at_{_PUBMED}": round(law.at(_PUBMED), 1)} for law in laws]
        write_json({**asdict(scaled), "laws": found, "misses": [asdict(miss) for miss in misses]})
        return
    write_rows([*_size_rows(scaled), *_time_rows(scaled), *_law_rows(laws), *_miss_rows(misses)])


def _size_rows(scaled: "Scaled") -> Iterator[tuple[str, str]]:
    made = scaled.made
    yield "records", f"{made.records:,} made-up ones ({made.encoder}, {made.candidates})"
    stages = ", ".join(f"{stage} {seconds:,.0f}" for stage, seconds in made.seconds.items())
    yield "build", f"{sum(made.seconds.values()):,.0f} s: {stages}"
    yield "  memory", f"at most {made.peak_memory_mb:,} MB, {made.seeds_mb:,} MB of seeds among them"
    parts = ", ".join(f"{part} {size:,.1f}" for part, size in made.disk_mb.items())
    yield "disk", f"{sum(made.disk_mb.values()):,.1f} MB: {parts}"
    for state, memory in scaled.memory.items():
        yield f"memory, {state}", f"{memory.anonymous_mb:,} MB of its own, {memory.file_backed_mb:,} MB of mapped files"
    shares = ", ".join(f"{share:.3f} ({name})" for name, share in scaled.recall.items())
    yield "recall@10", f"{shares}; dense leg against every vector, by filter"


def _time_rows(scaled: "Scaled") -> Iterator[tuple[str, str]]:
    yield "opening", f"median {scaled.opening_ms:,.1f} ms" + ("" if scaled.pages_dropped else ", from the page cache")
    for when, ways in (("warm", scaled.warm), ("just opened", scaled.just_opened)):
        for way in ways:
            yield f"{_scale_name(way)}, {when}", _times(way, said=False)


def _law_rows(laws: Sequence["Law"]) -> Iterator[tuple[str, str]]:
    if not laws:
        yield "law", "none yet: it takes two sizes or more, kept with --out FILE"
    for law in laws:
        if law.figure in _LAWS_SHOWN or law.figure.endswith("p99 ms"):
            yield (
                law.figure,
                f"{law.formula}, within {100 * law.error:.0f} % at {law.sizes} sizes: {law.at(_PUBMED):,.0f} at {_PUBMED:,}",
            )


def _miss_rows(misses: Sequence["Miss"]) -> Iterator[tuple[str, str]]:
    for miss in misses:
        yield (
            "too much",
            f"{miss.figure} is {miss.expected:,.0f} at {miss.records:,} records, {miss.most:,.0f} are wanted. {miss.mend}",
        )
    if not misses:
        yield "too much", "nothing"


def _scale_name(way: "WayLatency") -> str:
    return f"{way.mode}, {way.filters}" if way.filters else str(way.mode)


def _name(way: "WayLatency") -> str:
    return ", ".join([str(way.mode), *(["filtered"] if way.filters else []), *(["explained"] if way.explained else [])])


def _times(way: "WayLatency", *, said: bool = True) -> str:
    filters = f" ({way.filters})" if way.filters and said else ""
    return (
        f"median {way.median_ms:,.1f} ms, 99 of 100 within {way.percentile_99_ms:,.1f} ms, "
        f"slowest {way.slowest_ms:,.1f} ms{filters}"
    )

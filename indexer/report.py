"""What the commands say when they are done: text for people, one JSON document for programs."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from search.command import plain, write_json
from search.index_folder import Generation
from search.manifest import Manifest

if TYPE_CHECKING:
    from indexer.bench import Latency, WayLatency
    from indexer.build import BuildSummary
    from indexer.fetch import Fetched
    from indexer.verify import Verification


def report_build(summary: "BuildSummary", *, as_json: bool) -> None:
    """Report what a build read, left out and made."""
    if as_json:
        write_json(asdict(summary))
        return
    speed = f", {summary.embedded_per_second:,.1f} a second" if summary.embedded else ""
    _write(
        [
            (
                "files",
                f"{summary.files:,}"
                + (f" ({summary.ignored_files:,} of another kind ignored)" if summary.ignored_files else ""),
            ),
            ("records read", f"{summary.records:,}"),
            ("deletions", f"{summary.deletions:,}"),
            ("skipped", f"{summary.skipped:,}"),
            *((f"  {reason}", f"{count:,}") for reason, count in summary.skipped_by_reason.items()),
            *(("  e.g.", f"{Path(one.file).name}, {one.position}: {one.reason}") for one in summary.skipped_examples[:3]),
            *([("  all of them", summary.skipped_list)] if summary.skipped else []),
            ("articles", f"{summary.articles:,}"),
            ("  title only", f"{summary.title_only:,}"),
            ("  truncated", f"{summary.truncated:,} (longer than the {summary.max_length} tokens that the encoder reads)"),
            ("  retracted", f"{summary.retracted:,}"),
            (
                "embedded",
                f"{summary.embedded:,}{speed}; {summary.cached:,} from the cache ({summary.encoder}, {summary.numeric_path})",
            ),
            ("transform", str(summary.transform)),
            ("took", f"{summary.seconds:,.1f} s, at most {summary.peak_memory_mb:,} MB of memory"),
            ("published", f"{summary.index}, generation {summary.generation}"),
        ]
    )


def report_fetch(fetched: "Fetched", *, as_json: bool) -> None:
    """Report where the records lie and how many of the query's answers they are."""
    if as_json:
        write_json(msgspec.to_builtins(asdict(fetched), enc_hook=str))
        return
    again = " (already there)" if fetched.reused else ""
    sys.stdout.write(f"{fetched.records:,} of {fetched.total:,} records in {fetched.path}{again}\n")
    for note in fetched.notes:
        sys.stdout.write(f"{plain(note)}\n")


def report_info(generation: Generation, manifest: Manifest, *, as_json: bool) -> None:
    """Report a manifest; its files are summed up for people."""
    if as_json:
        write_json({"generation": generation.name, **msgspec.to_builtins(manifest)})
        return
    encoder, counts = manifest.encoder, manifest.counts
    size = sum(record.size for record in manifest.files.values())
    _write(
        [
            ("generation", f"{generation.name}, built {manifest.created} by version {manifest.project_version}"),
            ("articles", f"{counts.articles:,}"),
            ("  title only", f"{counts.title_only:,}"),
            ("  truncated", f"{counts.truncated:,}"),
            ("  retracted", f"{counts.retracted:,}"),
            (
                "sources",
                f"{len(manifest.sources):,} files, the last one {manifest.last_file}; newest change {manifest.data_date}",
            ),
            ("encoder", f"{encoder.name}, {encoder.dimension} dimensions, {encoder.max_length} tokens, {encoder.numeric_path}"),
            ("transform", str(manifest.transform)),
            ("candidates", manifest.candidates),
            ("size", f"{size / 1e6:,.1f} MB in {len(manifest.files)} files"),
            *([("note", manifest.corpus_note)] if manifest.corpus_note else []),
        ]
    )


def report_latency(latency: "Latency", *, as_json: bool) -> None:
    """Report how long questions took."""
    if as_json:
        write_json(asdict(latency))
        return
    _write(
        [
            ("questions", f"{latency.queries:,} over {latency.articles:,} articles, {latency.k} hits each"),
            ("encoding", f"median {latency.encoding_median_ms:,.1f} ms ({latency.encoder}), part of dense and hybrid"),
            *((_name(way), _times(way)) for way in latency.ways),
        ]
    )


def _name(way: "WayLatency") -> str:
    return ", ".join([str(way.mode), *(["filtered"] if way.filters else []), *(["explained"] if way.explained else [])])


def _times(way: "WayLatency") -> str:
    filters = f" ({way.filters})" if way.filters else ""
    return (
        f"median {way.median_ms:,.1f} ms, 99 of 100 within {way.percentile_99_ms:,.1f} ms, "
        f"slowest {way.slowest_ms:,.1f} ms{filters}"
    )


def report_verification(verification: "Verification", *, as_json: bool) -> None:
    """Report that all is well, or every problem."""
    if as_json:
        write_json(asdict(verification))
        return
    for problem in verification.problems:
        sys.stdout.write(f"{problem}\n")
    if not verification.problems:
        sys.stdout.write(
            f"Generation {verification.generation} is whole: {verification.articles:,} articles, "
            f"{verification.files} files, {verification.bytes / 1e6:,.1f} MB read.\n"
        )


def _write(rows: Sequence[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        sys.stdout.write(plain(f"{name:<{width}}{value}") + "\n")

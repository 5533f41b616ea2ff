"""What the commands say when they are done: text for people, one JSON document for programs."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from search.command import plain, write_json, write_rows
from search.generation import Generation
from search.manifest import Manifest

if TYPE_CHECKING:
    from indexer.build import BuildSummary
    from indexer.drift import Drift
    from indexer.fetch import Fetched
    from indexer.history import Pruned, RolledBack
    from indexer.repair import Repaired
    from indexer.update import UpdateSummary
    from indexer.verify import Verification


def report_build(summary: "BuildSummary", *, as_json: bool) -> None:
    """Report what a build read, left out and made."""
    if as_json:
        write_json(asdict(summary))
        return
    speed = f", {summary.embedded_per_second:,.1f} a second" if summary.embedded else ""
    write_rows(
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


def report_update(summary: "UpdateSummary", *, as_json: bool) -> None:
    """Report what an update read and changed."""
    if as_json:
        write_json(asdict(summary))
        return
    before = f"; {summary.applied_before:,} applied before" if summary.applied_before else ""
    rows = [("files", f"{summary.files:,}{before}")]
    if summary.files:
        rows += [
            ("records read", f"{summary.records:,}"),
            ("  new", f"{summary.inserted:,}"),
            ("  revised", f"{summary.revised:,}"),
            ("  as before", f"{summary.refreshed:,}"),
            ("  out of date", f"{summary.older:,}"),
            ("deleted", f"{summary.deleted:,}"),
            ("skipped", f"{summary.skipped:,}"),
            ("embedded", f"{summary.embedded:,}; {summary.cached:,} were known"),
        ]
    rows += [("note", note) for note in summary.notes]
    rows += [
        ("articles", f"{summary.articles:,}"),
        ("took", f"{summary.seconds:,.1f} s, {summary.peak_memory_mb:,} MB at most"),
    ]
    if summary.published:
        how = "merged into a new base" if summary.merged else f"{summary.in_delta:,} articles in the delta"
        rows.append(("published", f"{summary.index}, generation {summary.generation}; {how}"))
    else:
        rows.append(("published", f"nothing: nothing changed, generation {summary.generation} stays"))
    write_rows(rows)


def report_repair(repaired: "Repaired", *, as_json: bool) -> None:
    """Report what was damaged and what was done."""
    if as_json:
        write_json(asdict(repaired))
        return
    for line in (*repaired.damaged, *repaired.done):
        sys.stdout.write(f"{plain(line)}\n")
    what = "Repaired" if repaired.done else "Nothing to repair"
    sys.stdout.write(f"{what}: {repaired.index}, generation {repaired.generation}, {repaired.articles:,} articles\n")


def report_rollback(rolled_back: "RolledBack", *, as_json: bool) -> None:
    """Report which generation answers now."""
    if as_json:
        write_json(asdict(rolled_back))
        return
    sys.stdout.write(
        f"Generation {rolled_back.now} answers again instead of {rolled_back.before}: {rolled_back.articles:,} articles, the "
        f"last file {plain(rolled_back.last_file)}, newest change {rolled_back.data_date} ({rolled_back.seconds:,.3f} s)\n"
    )


def report_prune(pruned: "Pruned", *, as_json: bool) -> None:
    """Report which generations are gone and which are left."""
    if as_json:
        write_json(asdict(pruned))
        return
    write_rows(
        [
            ("removed", f"{', '.join(pruned.removed) or 'none'}; {pruned.freed_bytes / 1e6:,.1f} MB freed"),
            ("kept", ", ".join(pruned.kept)),
            *([("  in use", f"{', '.join(pruned.held)}: somebody is reading")] if pruned.held else []),
        ]
    )


def report_info(
    generation: Generation, manifest: Manifest, generations: Sequence[str], drift: "Drift | None", *, as_json: bool
) -> None:
    """Report a manifest; its files are summed up for people."""
    if as_json:
        facts = {"generations": list(generations), "drift": asdict(drift) if drift else None}
        write_json({"generation": generation.name, **facts, **msgspec.to_builtins(manifest)})
        return
    encoder, counts = manifest.encoder, manifest.counts
    size = sum(record.size for record in manifest.files.values())
    write_rows(
        [
            ("generation", f"{generation.name}, built {manifest.created} by version {manifest.project_version}"),
            *(
                [("  others", ", ".join(others))]
                if (others := [name for name in generations if name != generation.name])
                else []
            ),
            ("articles", f"{counts.articles:,}"),
            ("  title only", f"{counts.title_only:,}"),
            ("  truncated", f"{counts.truncated:,}"),
            ("  retracted", f"{counts.retracted:,}"),
            (
                "  in the delta",
                f"{manifest.parts.delta:,} beside {manifest.parts.base:,} in the base, {manifest.parts.dead:,} dead",
            ),
            *([("drift", _drift(drift))] if drift else []),
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


def _drift(drift: "Drift") -> str:
    lists = ""
    if drift.base_similarity is not None:
        lists = f"; similarity to the centroids {drift.delta_similarity:.2f}, in the base {drift.base_similarity:.2f}"
    advice = "; a new build would fit it better" if drift.is_far else ""
    return f"the delta's mean lies {drift.shift:.2f} of the base's spread away{lists}{advice}"


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

"""What `plan` says: a table for people, one JSON document for programs."""

from collections.abc import Iterator
from dataclasses import asdict

from indexer.plan import GPU_RATES, GPU_SHARE, Basis, EncoderPlan, Plan
from search.command import write_json
from search.encoder_files import EMBEDDED

_HOURS_PER_DAY = 24
_IN_DAYS_FROM = 2 * _HOURS_PER_DAY
_ESTIMATED = "~ "


def report_plan(plan: Plan, *, as_json: bool) -> None:
    """Report what an index of each encoder takes."""
    if as_json:
        write_json(asdict(plan))
        return
    from indexer.report_table import write_table

    corpus = plan.corpus
    title = f"{corpus.articles:,} articles, {corpus.with_abstract:.0%} with an abstract · {plan.machine}"
    columns = ("encoder", "vector", "index", "disk", "memory to build", "to answer", "embedding here", *GPU_RATES)
    write_table(title, columns, [_row(one) for one in plan.encoders], list(_notes(plan)))


def _row(one: EncoderPlan) -> tuple[str, ...]:
    return (
        one.encoder,
        f"{one.dimension:,}",
        f"{one.lists:,} lists" if one.lists else "flat",
        _size(sum(one.disk_mb.values())),
        _size(one.building_mb),
        _size(one.answering_mb),
        (_ESTIMATED if one.basis is Basis.ESTIMATED else "") + _span(one.embedding_hours),
        *(_span(hours) for hours in one.gpu_hours.values()),
    )


def _notes(plan: Plan) -> Iterator[str]:
    speed, produced_by = plan.reference.speed, plan.reference.produced_by
    yield (
        f"{EMBEDDED} encoded {speed.documents_per_second:,.0f} texts a second in {plan.numeric_path}, "
        f"{speed.flop_per_second / 1e9:,.0f} GFLOP ({plan.reference.texts:,} texts, {produced_by.date[:10]})."
    )
    if any(one.basis is Basis.ESTIMATED for one in plan.encoders):
        yield (
            f"{_ESTIMATED}estimated: as many FLOP a second as {EMBEDDED}; "
            "`pubmed-index bench --encode --encoder NAME` measures it."
        )
    yield f"Beside embedding, reading, words and the index take {_span(plan.other_hours)} of a build."
    cards = ", ".join(f"{card} {rate / 1e12:,.0f}" for card, rate in GPU_RATES.items())
    yield f"A card is taken to reach {GPU_SHARE:.0%} of its dense bf16 rate (TFLOP a second: {cards}), tokenizing aside."
    yield (
        "Disk holds one generation and the embedding cache; a new build needs the generation twice until `prune`. Memory is a "
        "process's own: mapped files, the vectors above all, use what else is free, and are read from the disk where it is not."
    )


def _size(megabytes: float) -> str:
    return f"{megabytes / 1e3:,.1f} GB" if megabytes >= 1e3 else f"{megabytes:,.0f} MB"  # noqa: PLR2004  (a GB)


def _span(hours: float) -> str:
    if hours < 1:
        return f"{60 * hours:,.0f} min"
    return f"{hours:,.1f} h" if hours < _IN_DAYS_FROM else f"{hours / _HOURS_PER_DAY:,.0f} days"

"""What `evaluate` says: tables for people, one JSON document for programs. Tables are in hundredths, JSON from 0 to 1."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import msgspec

from indexer.beir import BeirSet
from indexer.comparison import Difference, Gain, Summary
from indexer.evaluate import SetEvaluation
from indexer.evaluate_own import KNOWN_ITEM_DEPTH, LINK_DEPTH, NEIGHBOURS, NotMeasurable, OwnEvaluation, RankedTest, SharedMesh
from indexer.metrics import CONFIDENCE, RESAMPLES, SEED, Estimate, Measure, Scores
from indexer.provenance import Provenance
from search.command import plain, write_json
from search.encoder import EncoderIdentity
from search.results import Mode

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures come from."""

    encoder: EncoderIdentity
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Against:
    """Another encoder, what each set gains over it, and their mean, None for a single set."""

    encoder: EncoderIdentity
    gains: tuple[Gain, ...]
    mean: Gain | None


_METHOD = {
    "intervals": f"{CONFIDENCE:.0%} percentile bootstrap over questions, {RESAMPLES:,} resamples, seed {SEED}",
    "p": f"two-sided paired randomisation test, {RESAMPLES:,} resamples, seed {SEED}",
    "ndcg": "linear gain, as trec_eval",
}
_LEFT_OUT = {
    "unjudged_questions": "questions without judgements, not asked",
    "unknown_questions": "judged questions whose text is missing, not asked",
    "questions_without_relevant": "questions without a relevant document, not asked",
    "unknown_documents": "judged documents that the corpus lacks, counted as not found",
    "empty_documents": "documents without text, not in the index",
}


def report_sets(
    evaluations: Sequence[SetEvaluation],
    mean: Summary | None,
    source: Source,
    against: Against | None = None,
    *,
    as_json: bool,
    per_query: bool = False,
) -> None:
    """Report on BEIR sets, and on their mean where there are several; `against` compares to another encoder."""
    gains = against.gains if against else (None,) * len(evaluations)
    mean_gain = against.mean if against else None
    if as_json:
        sets = [_set(one, per_query=per_query) | _gained(gained) for one, gained in zip(evaluations, gains, strict=True)]
        means = (asdict(mean) | _gained(mean_gain)) if mean else None
        other = {"against": asdict(against.encoder)} if against else {}
        _write_json(source, {**other, "sets": sets, "mean_of_sets": means})
        return
    console = _console()
    with console.capture() as page:
        for one, gained in zip(evaluations, gains, strict=True):
            _print_summary(console, _title(one.beir_set), one.summary, one.depth)
            _print_gain(console, gained, against, one.depth)
            _print_notes(console, [*_refusals(one.refused, one.refused_questions), *_left_out(one.beir_set)])
        if mean:
            _print_summary(console, f"mean of {len(evaluations)} sets", mean, evaluations[0].depth)
            _print_gain(console, mean_gain, against, evaluations[0].depth)
            _print_notes(console, [])
        _print_notes(console, [_closing(source.encoder)])
    sys.stdout.write(page.get())


def _gained(gained: Gain | None) -> dict[str, object]:
    return {"against": asdict(gained)} if gained else {}


def report_own(evaluation: OwnEvaluation, index: Mapping[str, object], source: Source, *, as_json: bool) -> None:
    """Report on a user's own corpus; `index` says which."""
    tests: dict[str, RankedTest | SharedMesh | NotMeasurable]
    tests = {name: getattr(evaluation, name) for name in _TITLES}
    if as_json:
        _write_json(source, {"index": index, **{name: _outcome(test) for name, test in tests.items()}})
        return
    console = _console()
    with console.capture() as page:
        for name, test in tests.items():
            _print_test(console, name, test)
        _print_notes(console, [_closing(source.encoder)])
    sys.stdout.write(page.get())


_TITLES = {
    "known_items": "known items: an article by its title, which is left out of the text that is searched",
    "citation_links": "citation links: what an article cites, among those most similar to it",
    "shared_mesh": f"shared MeSH: of the nearest {NEIGHBOURS}, how many share a major heading with the article",
}
_DEPTHS = {"known_items": KNOWN_ITEM_DEPTH, "citation_links": LINK_DEPTH}


def _write_json(source: Source, document: Mapping[str, object]) -> None:
    head = {"produced_by": asdict(source.provenance), "encoder": asdict(source.encoder), "method": _METHOD}
    write_json(msgspec.to_builtins({**head, **document}, enc_hook=str))


def _set(one: SetEvaluation, *, per_query: bool) -> dict[str, object]:
    """One set's part of the document."""
    beir_set = one.beir_set
    by_question = {"per_query": {mode: _by_question(scores) for mode, scores in one.scores.items()}} if per_query else {}
    return {
        "name": beir_set.name,
        "files": {name: asdict(getattr(beir_set, name)) for name in ("corpus", "queries", "qrels")},
        "documents": len(beir_set.document_ids),
        "questions": len(beir_set.questions),
        "left_out": asdict(beir_set.left_out),
        "depth": one.depth,
        **asdict(one.summary),
        "refused": one.refused,
        "refused_questions": one.refused_questions,
        **by_question,
    }


def _by_question(scores: Scores) -> dict[str, dict[Measure, float]]:
    rows = zip(*(values.tolist() for values in scores.values.values()), strict=True)
    return {question: dict(zip(scores.values, row, strict=True)) for question, row in zip(scores.questions, rows, strict=True)}


def _outcome(test: RankedTest | SharedMesh | NotMeasurable) -> dict[str, object]:
    """One test's part of the document."""
    if isinstance(test, NotMeasurable):
        return {"not_measurable": test.reason}
    document = asdict(test)
    summary = document.pop("summary", {})
    return {**document, **summary}


def _console() -> "Console":
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False)


def _print_test(console: "Console", name: str, test: RankedTest | SharedMesh | NotMeasurable) -> None:
    if isinstance(test, NotMeasurable):
        _print_title(console, _TITLES[name])
        _print_notes(console, [f"not measurable: {test.reason}"])
        return
    title = f"{_TITLES[name]} · {test.questions:,} articles"
    if isinstance(test, SharedMesh):
        _print_title(console, title)
        _print_mesh(console, test)
        _print_notes(console, [])
    else:
        _print_summary(console, title, test.summary, _DEPTHS[name])
        _print_notes(console, _refusals(test.refused, test.refused_questions))


def _print_summary(console: "Console", title: str, summary: Summary, depth: int) -> None:
    _print_title(console, title)
    _print_estimates(console, "mode", summary.estimates, depth)
    _print_differences(
        console, "difference", {f"{one.mode} - {one.baseline}": one.differences for one in summary.comparisons}, depth
    )


def _print_gain(console: "Console", gained: Gain | None, against: Against | None, depth: int) -> None:
    if gained and against and gained.estimates:
        _print_estimates(console, f"with {plain(against.encoder.name)}", gained.estimates, depth)
        _print_differences(
            console, "gained", {str(mode): differences for mode, differences in gained.differences.items()}, depth
        )


def _print_estimates(console: "Console", title: str, estimates: Mapping[Mode, Mapping[Measure, Estimate]], depth: int) -> None:
    measures = list(next(iter(estimates.values())))
    table = _table(title, *_names(measures, depth))
    for mode, by_measure in estimates.items():
        table.add_row(str(mode), *(_hundredths(by_measure[measure]) for measure in measures))
    console.print(table)


def _print_differences(
    console: "Console", title: str, differences: Mapping[str, Mapping[Measure, Difference]], depth: int
) -> None:
    if not differences:
        return
    measures = list(next(iter(differences.values())))
    table = _table(title, *_names(measures, depth))
    for name, by_measure in differences.items():
        table.add_row(name, *(_difference(by_measure[measure]) for measure in measures))
    console.print(table)


def _names(measures: Sequence[Measure], depth: int) -> list[str]:
    return [f"MRR@{depth}" if measure is Measure.MRR else str(measure) for measure in measures]


def _print_mesh(console: "Console", test: SharedMesh) -> None:
    table = _table(f"nearest {NEIGHBOURS}", f"random {NEIGHBOURS}", "times as many", "p")
    lift = _cell(f"{test.lift.mean:.1f}", f"{test.lift.low:.1f} to {test.lift.high:.1f}") if test.lift else "-"
    table.add_row(_hundredths(test.nearest), _hundredths(test.random), lift, _p(test.p))
    console.print(table)


def _print_title(console: "Console", title: str) -> None:
    from rich.text import Text

    console.print(Text(plain(title), style="bold"))


def _print_notes(console: "Console", notes: Sequence[str]) -> None:
    from rich.text import Text

    for note in notes:
        console.print(Text(plain(note), style="dim"))
    console.print()


def _table(*columns: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column)
    return table


def _title(beir_set: BeirSet) -> str:
    size = f"{len(beir_set.document_ids):,} documents, {len(beir_set.questions):,} questions"
    return f"{beir_set.name} · {beir_set.qrels.path.name} · {size}"


def _refusals(refused: Mapping[Mode, str], refused_questions: Mapping[Mode, int]) -> list[str]:
    counted = [f"{mode}: questions that were refused and score 0: {count:,}" for mode, count in refused_questions.items()]
    return [f"{mode}: not measured. {reason}" for mode, reason in refused.items()] + counted


def _left_out(beir_set: BeirSet) -> list[str]:
    counts = asdict(beir_set.left_out)
    return [f"{meaning}: {counts[name]:,}" for name, meaning in _LEFT_OUT.items() if counts[name]]


def _closing(encoder: EncoderIdentity) -> str:
    return (
        f"Figures x 100; below each its {_METHOD['intervals']}; p of a {_METHOD['p']}. Encoder {encoder.name}, "
        f"{encoder.max_length} tokens, {encoder.numeric_path}."
    )


def _hundredths(one: Estimate, sign: str = "") -> "Text":
    return _cell(f"{100 * one.mean:{sign}.1f}", f"{100 * one.low:{sign}.1f} to {100 * one.high:{sign}.1f}")


def _difference(difference: Difference) -> "Text":
    return _hundredths(difference.estimate, "+").append(f"\np {_p(difference.p)}", style="dim")


def _cell(figure: str, interval: str) -> "Text":
    from rich.text import Text

    return Text(figure).append(f"\n{interval}", style="dim")


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"  # noqa: PLR2004  (as p is printed)

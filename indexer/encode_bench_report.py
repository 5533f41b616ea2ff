"""What `bench --encode` says when it is done: a table for people, one JSON document for programs."""

from collections.abc import Iterator
from dataclasses import asdict

from indexer.encode_bench import Encoding, Speed
from indexer.encode_contender import REFERENCE
from indexer.provenance import Provenance
from search.command import write_json

_COLUMNS = ("path", "texts a s", "times", "tokens a s", "matrix rate", "padding", "memory", "question")
_UNKNOWN = "-"


def report_encoding(encoding: Encoding, source: str, produced_by: Provenance, *, as_json: bool) -> None:
    """Report how fast an encoder is in every way; `source` says where the texts come from."""
    if as_json:
        write_json({"produced_by": asdict(produced_by), "source": source, **asdict(encoding)})
        return
    from indexer.report_table import write_table

    encoder = encoding.encoder
    title = f"{encoder.name} · {encoding.texts:,} texts of {source} · {encoding.speeds[0].machine}"
    write_table(title, _COLUMNS, [_row(one) for one in encoding.speeds], list(_notes(encoding)))


def _row(speed: Speed) -> tuple[str, ...]:
    times = _UNKNOWN if speed.times_reference is None else f"{speed.times_reference:.2f}"
    return (
        speed.name,
        f"{speed.documents_per_second:,.1f}",
        times,
        f"{speed.tokens_per_second:,.0f}",
        f"{speed.matrix_share:.0%} of {speed.matrix.numeric_path}'s",
        _UNKNOWN if speed.padding is None else f"{speed.padding:.1%}",
        f"{speed.peak_memory_mb:,} MB",
        f"{speed.question_ms:,.1f} ms",
    )


def _notes(encoding: Encoding) -> Iterator[str]:
    yield (
        f"Medians of {encoding.rounds} rounds, in each of which every way encoded the same texts. "
        f"Times: as fast as {REFERENCE} in the same round."
    )
    yield (
        f"A text has {encoding.tokens:,.0f} tokens of at most {encoding.encoder.max_length} and takes "
        f"{encoding.flop / 1e9:,.1f} GFLOP: L(24 S H² + 4 S² H) for its own S tokens. "
        f"The question has {encoding.question_tokens}."
    )
    rates = {one.matrix.numeric_path: one.matrix.flop_per_second for one in encoding.speeds}
    products = ", ".join(f"{path} {rate / 1e9:,.0f}" for path, rate in rates.items())
    yield (
        "Matrix rate: the texts' FLOP a second as a share of those of large matrix products just before and after "
        f"(GFLOP a second: {products})."
    )

"""What is trained on: files of JSON lines, each a document with questions that it answers and negatives that answer none.

Columns are named `query`, `query_2`, ..., `document`, `negative_1`, ...; where a line has fewer than others, the text is empty.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import msgspec

from indexer.hard_negatives import Mined
from indexer.topical_order import topical_order
from search.storage import sync_file

DOCUMENT = "document"
_QUERY = "query"
_decoder = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class Layout:
    """How many questions and negatives a line has at most, and how many lines in a row have one topic."""

    questions: int
    negatives: int
    together: int
    seed: int


def write_examples(mined: Iterable[Mined], path: Path, layout: Layout, advance: Callable[[int], None]) -> None:
    """Write a file of examples, in runs of one topic each. Nothing is there before all of it is."""
    by_source, partial = path.with_suffix(".mined"), path.with_suffix(".partial")
    with by_source.open("wb") as stream:
        for one in mined:
            stream.write(msgspec.json.encode(_line(one, layout)) + b"\n")
            advance(1)
    with by_source.open("rb") as stream:
        starts = list(accumulate(map(len, stream), initial=0))
    texts = (f"{line[_QUERY]} {line[DOCUMENT]}" for line in read_examples(by_source))
    order = topical_order(texts, layout.together, layout.seed)
    with by_source.open("rb") as stream, partial.open("wb") as ordered:
        for place in order:
            stream.seek(starts[place])
            ordered.write(stream.readline())
    sync_file(partial)
    partial.rename(path)
    by_source.unlink()


def read_examples(path: Path) -> Iterator[dict[str, str]]:
    """The lines of a file."""
    with path.open("rb") as stream:
        yield from map(_decoder.decode, stream)


def is_query(column: str) -> bool:
    """Whether a column has questions."""
    return column.startswith(_QUERY)


def _line(mined: Mined, layout: Layout) -> Mapping[str, str]:
    asked = [pair.query for pair in mined.pairs]
    names = [_QUERY, *(f"{_QUERY}_{number}" for number in range(2, layout.questions + 1))]
    line = dict(zip(names, [*asked, *[""] * (layout.questions - len(asked))], strict=True))
    line[DOCUMENT] = mined.pairs[0].document
    for number in range(layout.negatives):
        line[f"negative_{number + 1}"] = mined.negatives[number] if number < len(mined.negatives) else ""
    return line

"""JSONL: one record a line; a line that cannot be taken is named and the rest is read."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.jsonl import read_jsonl
from indexer.parsed_file import Numberless, Place, Record, SkipKind, Skipped
from search.article import LARGEST_PMID, AbstractSection, Article, Author, MeshHeading, MeshQualifier
from search.errors import SourceError

PATH = Path("records.jsonl")


def read(*lines: bytes) -> list[Record]:
    return list(read_jsonl(io.BytesIO(b"\n".join(lines)), PATH))


def skipped(line: bytes) -> Skipped:
    (record,) = read(line)
    assert isinstance(record, Skipped)
    return record


def test_a_full_record() -> None:
    line = {
        "pmid": 33000001,
        "title": " Statins and\n muscle pain. ",
        "abstract": "Muscle pain at 5 µg/ml.",
        "year": 2014,
        "journal": "J Made Up Med",
        "authors": ["Smith JA Jr", "van der Berg A", "Ødegård, Anna", "Madonna", ""],
        "doi": "10.5555/its-own",
        "pmcid": "PMC7000003",
        "mesh": ["*Communication", "Heart Failure/*drug therapy"],
        "publication_types": ["Review"],
        "keywords": ["statins"],
        "languages": ["eng"],
        "source": {"ignored": [1, None]},
    }
    assert read(json.dumps(line).encode()) == [
        Article(
            pmid=33000001,
            title="Statins and muscle pain.",
            sections=(AbstractSection("Muscle pain at 5 µg/ml."),),
            authors=(
                Author("Smith", initials="JA", suffix="Jr"),
                Author("van der Berg", initials="A"),
                Author("Ødegård", "Anna"),
                Author("Madonna"),
            ),
            journal="J Made Up Med",
            year=2014,
            publication_date="2014",
            languages=("eng",),
            publication_types=("Review",),
            mesh=(
                MeshHeading("Communication", major=True),
                MeshHeading("Heart Failure", (MeshQualifier("drug therapy", major=True),)),
            ),
            keywords=("statins",),
            doi="10.5555/its-own",
            pmcid="PMC7000003",
        )
    ]


def test_digits_blank_lines_byte_order_mark_and_nulls() -> None:
    first = b'\xef\xbb\xbf{"pmid": "33000002", "title": "Digits.", "year": "1998 Dec-1999 Jan"}\r'
    second = b'{"pmid": 33000003, "title": null, "abstract": "Only this.", "year": null, "authors": null}'
    assert read(first, b"", b"   ", second) == [
        Article(33000002, "Digits.", year=1998, publication_date="1998 Dec-1999 Jan"),
        Article(33000003, "", (AbstractSection("Only this."),)),
    ]


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        (b'{"pmid": 0, "title": "Zero."}', SkipKind.INVALID_PMID, "the record says '0'"),
        (b'{"pmid": -5, "title": "Negative."}', SkipKind.INVALID_PMID, "the record says '-5'"),
        (b'{"pmid": "PMC1", "title": "Other."}', SkipKind.INVALID_PMID, "the record says 'PMC1'"),
        (b'{"pmid": 9223372036854775808, "title": "int64 and one."}', SkipKind.INVALID_PMID, "9223372036854775808"),
        (b'{"pmid": 33000004}', SkipKind.NO_TEXT, "PMID 33000004 has neither a title nor an abstract."),
        (b'{"pmid": 33000004, "title": " ", "abstract": ""}', SkipKind.NO_TEXT, "neither a title nor an abstract"),
        (b'{"pmid": true, "title": "Bool."}', SkipKind.WRONG_TYPE, "got `bool` - at `$.pmid`"),
        (b'{"pmid": 1.5, "title": "Float."}', SkipKind.WRONG_TYPE, "got `float` - at `$.pmid`"),
        (b'{"pmid": 33000004, "title": ["a"]}', SkipKind.WRONG_TYPE, "Expected `str | null`, got `array` - at `$.title`"),
        (b'{"pmid": 33000004, "title": "a", "mesh": "b"}', SkipKind.WRONG_TYPE, "at `$.mesh`"),
        (b"[33000004]", SkipKind.WRONG_TYPE, "Expected `object`, got `array`"),
        (b"pmid,title", SkipKind.NOT_JSON, "The line is not a JSON object"),
        (b'{"pmid": 33000004, "title": "cut', SkipKind.NOT_JSON, "truncated"),
        (b'{"pmid": 33000004, "title": "\\ud800"}', SkipKind.NOT_JSON, "The line is not a JSON object"),
        (b'{"pmid": 33000004, "title": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", SkipKind.NOT_JSON, "recursion"),
        (b'{"pmid": ' + b"9" * 5000 + b', "title": "a"}', SkipKind.WRONG_TYPE, "at `$.pmid`"),
    ],
)
def test_a_line_that_cannot_be_taken(line: bytes, kind: SkipKind, said: str) -> None:
    record = skipped(line)
    assert (record.path, record.position, record.kind) == (PATH, "line 1", kind)
    assert said in record.reason


@pytest.mark.parametrize("written", ["", '"pmid": null, ', '"pmid": "", ', '"pmid": " ", '])
def test_a_record_without_a_pmid(written: str) -> None:
    (record,) = read(f'{{{written}"title": "None."}}'.encode())
    assert isinstance(record, Numberless)
    assert record.taken(local_ids=True) == Article(0, "None.")
    skipped_record = record.taken(local_ids=False)
    assert isinstance(skipped_record, Skipped)
    assert (skipped_record.position, skipped_record.kind) == ("line 1", SkipKind.NO_PMID)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_encoding(encoding: str) -> None:
    line = '{"pmid": 33000004, "title": "Café, 5 €"}\r\n'
    assert read((2 * line).encode(encoding)) == 2 * [Article(33000004, "Café, 5 €")]


def test_a_line_longer_than_any_record_is_refused() -> None:
    with pytest.raises(SourceError, match=r"records\.jsonl, line 2: the line is longer than 4 million characters"):
        read(b'{"pmid": 33000004, "title": "a"}', b" " * (5 << 20))


def test_the_rest_is_read_and_lines_are_counted_with_the_blank_ones() -> None:
    records = read(b"", b"nonsense", b'{"pmid": 33000005, "title": "Taken."}', b"", b'{"pmid": null}')
    assert isinstance(records[0], Skipped)
    assert records[0].position == "line 2"
    assert records[1] == Article(33000005, "Taken.")
    assert records[2] == Numberless(Place(PATH, "line 5"), Article(0, ""))


@given(st.binary())
def test_no_bytes_break_the_reader(content: bytes) -> None:
    assert all(isinstance(record, Article | Skipped | Numberless) for record in read(content))


@given(st.integers(min_value=1, max_value=LARGEST_PMID), st.text(min_size=1), st.text())
def test_records_come_back(pmid: int, title: str, abstract: str) -> None:
    (record,) = read(json.dumps({"pmid": pmid, "title": f"T{title}", "abstract": abstract}, ensure_ascii=False).encode())
    assert isinstance(record, Article)
    assert (record.pmid, record.title, record.abstract) == (pmid, " ".join(f"T{title}".split()), " ".join(abstract.split()))

"""Bytes to lines: every encoding, every line end, no character lost."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import decoding
from indexer.decoding import LONGEST_LINE, LONGEST_RECORD, RecordSize, decoded, text_lines, text_of
from search.errors import SourceError

PATH = Path("export.txt")
TEXT = st.text(st.characters(exclude_characters="\r\n\ufeff", exclude_categories=["Cs"]))


def lines_of(content: bytes) -> list[str]:
    return list(text_lines(io.BytesIO(content), PATH))


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@given(lines=st.lists(TEXT, min_size=1, max_size=20))
def test_lines_come_back(line_end: str, encoding: str, lines: list[str]) -> None:
    mark = "\ufeff" if encoding in {"utf-16-le", "utf-16-be"} else ""
    content = (mark + "".join(f"one{line}{line_end}" for line in lines)).encode(encoding)
    assert lines_of(content) == [f"one{line}" for line in lines]


def test_line_ends_may_be_mixed_and_the_last_may_be_missing() -> None:
    assert lines_of(b"a\nb\rc\r\nd\r\r\ne\n\nf\r\rg") == ["a", "b", "c", "d", "e", "", "f", "", "g"]


@pytest.mark.parametrize("length", range(decoding._CHUNK_BYTES - 4, decoding._CHUNK_BYTES + 4))
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
def test_a_line_end_may_lie_across_two_chunks(length: int, line_end: bytes) -> None:
    assert [len(line) for line in lines_of(b"a" * length + line_end + b"\xc3\xa9" + line_end)] == [length, 1]


def test_files_with_byte_order_marks_may_be_joined() -> None:
    assert lines_of("\ufeffa\n\ufeffb\n".encode()) == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("Café, 5 € β".encode(), "Café, 5 € β"),
        ("Café, 5 € “so”".encode("cp1252"), "Café, 5 € “so”"),
        ("Ødegård".encode("latin-1"), "Ødegård"),
        (
            "L\u2019ÉTÉ\u2019S \u2014 naïve".encode("cp1252"),
            "L\u2019ÉTÉ\u2019S \u2014 naïve",
        ),  # the second É and its apostrophe would be one letter of UTF-8
        ("Muscle pain, β, é and µ, cut within a β".encode()[:-1], "Muscle pain, β, é and µ, cut within a Î"),
        (b"\x81\x8d\x8f\x90\x9d", "\x81\x8d\x8f\x90\x9d"),  # undefined in Windows-1252
        (b"a\x00b", "a\0b"),
    ],
)
def test_what_a_line_says(line: bytes, text: str) -> None:
    assert decoded(line) == text


@given(st.binary())
def test_no_bytes_break_the_reader_and_none_is_lost(content: bytes) -> None:
    text = "".join(lines_of(content))
    text.encode()  # no half of a character
    assert "\ufffd" not in text or "\ufffd" in content.decode("utf-8", "ignore") or content[:2] in (b"\xff\xfe", b"\xfe\xff")
    line = content.replace(b"\n", b"").replace(b"\r", b"")
    assert len(decoded(line)) >= len(line.decode("utf-8", "ignore"))


def test_half_a_character_of_utf_16_is_shown_as_missing() -> None:
    assert lines_of("\ufeffa".encode("utf-16-le") + b"\x00\xd8b\x00c") == ["a\ufffdb\ufffd"]


def test_a_line_longer_than_any_is_refused() -> None:
    with pytest.raises(SourceError, match=r"export\.txt, line 2: the line is longer than 4 million characters"):
        lines_of(b"a\n" + b"b" * (LONGEST_LINE + decoding._CHUNK_BYTES))


def test_a_record_longer_than_any_is_refused() -> None:
    size = RecordSize(PATH, 7)
    size.add(" " * (LONGEST_RECORD - 100))
    with pytest.raises(SourceError, match=r"export\.txt, line 7: the record that begins here"):
        size.add("")


def test_the_text_of_a_head_has_one_kind_of_line_end() -> None:
    assert text_of("\ufeffa\r\nb\rc".encode("utf-16-le")) == "a\nb\nc"

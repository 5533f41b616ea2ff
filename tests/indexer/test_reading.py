"""Reading a file of any format in parts, plain or compressed, whole or damaged."""

import gzip
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import reading
from indexer.parsed_file import ParsedFile, SkipKind, SourceFile, SourceFormat
from indexer.reading import read_file, read_parts
from indexer.sources import find_sources
from search.article import Article
from search.errors import SourceError

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
NBIB = b"PMID- 35000001\nTI  - Title.\n"
JSONL = b'{"pmid": 35000001, "title": "Title."}\n'
XML = (
    b"<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>35000001</PMID><Article><ArticleTitle>Title.</ArticleTitle>"
    b"</Article></MedlineCitation></PubmedArticle></PubmedArticleSet>"
)
RIS = b"TY  - JOUR\nAN  - 35000001\nTI  - Title.\nER  - \n"
CSV = b"PMID,Title\n35000001,Title.\n"
CONTENTS = [
    (SourceFormat.PUBMED_XML, XML),
    (SourceFormat.NBIB, NBIB),
    (SourceFormat.RIS, RIS),
    (SourceFormat.JSONL, JSONL),
    (SourceFormat.CSV, CSV),
]


def source(path: Path, content: bytes, source_format: SourceFormat = SourceFormat.PUBMED_XML) -> SourceFile:
    path.write_bytes(content)
    return SourceFile(path, source_format)


@pytest.mark.parametrize(("source_format", "content"), CONTENTS)
@pytest.mark.parametrize("name", ["file", "file.gz"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_every_format_plain_or_compressed_whatever_the_name(
    source_format: SourceFormat, content: bytes, name: str, compress: "type[bytes]", tmp_path: Path
) -> None:
    parsed = read_file(source(tmp_path / name, compress(content), source_format))
    assert parsed == ParsedFile(articles=(Article(35000001, "Title."),))


def test_a_file_compressed_in_pieces_is_one_file(tmp_path: Path) -> None:
    pieces = gzip.compress(XML[:40]) + gzip.compress(XML[40:])
    assert [one.pmid for one in read_file(source(tmp_path / "a.xml.gz", pieces)).articles] == [35000001]


def test_articles_deletions_and_skipped_records_are_sorted_out() -> None:
    parsed = read_file(SourceFile(FIXTURES / "pubmed_xml" / "update_with_deletions.xml", SourceFormat.PUBMED_XML))
    assert [(one.pmid, one.version) for one in parsed.articles] == [(31000071, 1), (31000071, 2)]
    assert parsed.deleted_pmids == (31000072, 31000073)
    assert [one.position for one in parsed.skipped] == ["deletion 3, line 15"]


@given(st.integers(min_value=1, max_value=12))
def test_parts_are_bounded_and_together_are_the_file(size: int) -> None:
    file = SourceFile(FIXTURES / "nbib" / "export.nbib", SourceFormat.NBIB)
    parts = list(read_parts(file, articles_per_part=size))
    counts = [len(part.articles) + len(part.deleted_pmids) + len(part.skipped) for part in parts]
    assert counts == [size] * (7 // size) + ([7 % size] if 7 % size else [])
    assert tuple(one for part in parts for one in part.articles) == read_file(file).articles
    assert tuple(one for part in parts for one in part.skipped) == read_file(file).skipped


def test_very_long_records_make_shorter_parts(tmp_path: Path) -> None:
    line = b'{"pmid": 35000001, "title": "' + b"a" * (3 << 20) + b'"}\n'
    file = source(tmp_path / "b.jsonl.gz", gzip.compress(line, 1) * 50, SourceFormat.JSONL)
    counts = [len(part.articles) for part in read_parts(file)]
    assert sum(counts) == 50
    assert max(counts) <= 1 + reading._PART_BYTES // len(line)


@pytest.mark.parametrize(
    ("source_format", "content"),
    [
        (SourceFormat.NBIB, NBIB + b"\nOWN - LOCAL\nTI  - None.\n\nPMID- x\nTI  - No number.\n\nOWN - LOCAL\nDP  - 2014\n"),
        (SourceFormat.RIS, RIS + b"TY  - JOUR\nTI  - None.\nER  - \nTY  - JOUR\nPMID- x\nER  - \nTY  - JOUR\nER  - \n"),
        (SourceFormat.JSONL, JSONL + b'{"title": "None."}\n{"pmid": "x"}\n{}\n'),
        (SourceFormat.CSV, b"PMID,Title,Year\n35000001,Title.,\n,None.,\nx,No number.,\n,,2014\n"),
    ],
)
def test_articles_without_a_pmid_are_skipped_unless_local_ids_are_asked_for(
    source_format: SourceFormat, content: bytes, tmp_path: Path
) -> None:
    file = source(tmp_path / "own", content, source_format)
    without, with_local_ids = read_file(file), read_file(file, local_ids=True)
    assert without.articles == with_local_ids.articles == (Article(35000001, "Title."),)
    assert without.unnumbered == ()
    assert with_local_ids.unnumbered == (Article(0, "None."),)
    assert [one.kind for one in without.skipped] == [SkipKind.NO_PMID, SkipKind.INVALID_PMID, SkipKind.NO_PMID]
    assert [one.kind for one in with_local_ids.skipped] == [SkipKind.INVALID_PMID, SkipKind.NO_TEXT]
    assert with_local_ids.skipped[1].reason == "The record has neither a title nor an abstract."


def test_pubmed_xml_without_a_pmid_is_damaged_and_gets_no_local_id(tmp_path: Path) -> None:
    parsed = read_file(source(tmp_path / "a.xml", XML.replace(b"<PMID>35000001</PMID>", b"")), local_ids=True)
    assert (parsed.articles, parsed.unnumbered) == ((), ())
    assert [one.kind for one in parsed.skipped] == [SkipKind.NO_PMID]


def test_pubmed_xml_may_be_in_utf_16(tmp_path: Path) -> None:
    content = '<?xml version="1.0" encoding="UTF-16"?>' + XML.decode().replace("Title.", "Café β")
    assert read_file(source(tmp_path / "a.xml", content.encode("utf-16"))).articles == (Article(35000001, "Café β"),)


@pytest.mark.parametrize("unit", [b"<a/>", b"<a>text</a>", b" "])
def test_xml_in_which_no_record_ends_is_refused_before_it_fills_the_memory(unit: bytes, tmp_path: Path) -> None:
    opened = XML.partition(b"<MedlineCitation>")[0]
    bomb = gzip.compress(opened) + gzip.compress(unit * (1_000_000 // len(unit)), 1) * 60
    with pytest.raises(
        SourceError, match=r"bomb\.xml\.gz.*(expected the end of a record, found none in 16 MB|not well-formed)"
    ):
        read_file(source(tmp_path / "bomb.xml.gz", bomb))


def test_a_set_of_nothing_has_no_parts(tmp_path: Path) -> None:
    assert list(read_parts(source(tmp_path / "a.xml", b"<PubmedArticleSet/>"))) == []
    assert read_file(source(tmp_path / "a.xml", b"<PubmedArticleSet/>")) == ParsedFile()


def test_parts_before_a_fault_have_been_given() -> None:
    parts = read_parts(SourceFile(FIXTURES / "pubmed_xml" / "cut_short.xml", SourceFormat.PUBMED_XML), articles_per_part=1)
    assert [one.pmid for one in next(parts).articles] == [31000095]
    with pytest.raises(SourceError, match="cut short"):
        next(parts)


@pytest.mark.parametrize(("source_format", "content"), CONTENTS)
def test_a_compressed_file_cut_anywhere_is_refused(source_format: SourceFormat, content: bytes, tmp_path: Path) -> None:
    compressed = gzip.compress(content)
    for end in range(2, len(compressed)):
        with pytest.raises(SourceError, match=r"cut\.gz.*Download"):
            read_file(source(tmp_path / "cut.gz", compressed[:end], source_format))


@pytest.mark.parametrize("position", [2, 12, 60, -8, -4])
def test_a_flipped_byte_in_a_compressed_file_is_found(position: int, tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(os.urandom(200).hex().encode()))
    damaged[position] ^= 0xFF
    with pytest.raises(SourceError, match=r"damaged\.gz: the compressed file is cut short or damaged .* Download it again\."):
        read_file(source(tmp_path / "damaged.gz", bytes(damaged), SourceFormat.JSONL))


def test_what_follows_a_compressed_file_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cut short or damaged"):
        read_file(source(tmp_path / "a.xml.gz", gzip.compress(XML) + b"garbage"))


@pytest.mark.parametrize("source_format", list(SourceFormat))
def test_an_empty_file_is_an_error(source_format: SourceFormat, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected records, found an empty file"):
        read_file(source(tmp_path / "empty", b"", source_format))


@pytest.mark.parametrize("source_format", list(SourceFormat))
@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_a_file_of_nothing_in_an_envelope_is_an_error(source_format: SourceFormat, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="expected"):
        read_file(source(tmp_path / "blank.gz", gzip.compress(content), source_format))


def test_a_folder_and_a_missing_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"the file cannot be read \(Is a directory\)"):
        read_file(SourceFile(tmp_path, SourceFormat.PUBMED_XML))
    with pytest.raises(SourceError, match=r"the file cannot be read \(No such file or directory\)"):
        read_file(SourceFile(tmp_path / "gone.xml", SourceFormat.PUBMED_XML))


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_file_without_permission_is_an_error(tmp_path: Path) -> None:
    file = source(tmp_path / "a.xml", XML)
    file.path.chmod(0)
    with pytest.raises(SourceError, match=r"the file cannot be read \(Permission denied\)"):
        read_file(file)


def test_raw_deflate_is_not_taken_for_gzip(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not XML"):
        read_file(source(tmp_path / "a.xml", zlib.compress(XML)))


def test_all_real_files_are_read(shared_data: Path) -> None:
    sources = find_sources([shared_data / "pubmed_xml"])
    parsed = [read_file(one) for one in sources.files]
    assert len(parsed) == 188 + 5
    assert sum(len(one.articles) for one in parsed) == 534 + 1 + 1013
    assert sum(len(one.deleted_pmids) for one in parsed) == 2
    assert [one.skipped for one in parsed if one.skipped] == []

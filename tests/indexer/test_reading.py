"""Reading a file of any format in parts, plain or compressed, whole or damaged."""

import gzip
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed_file import ParsedFile, SourceFile, SourceFormat
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
CONTENTS = [
    (SourceFormat.PUBMED_XML, XML),
    (SourceFormat.NBIB, NBIB),
    (SourceFormat.RIS, RIS),
    (SourceFormat.JSONL, JSONL),
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

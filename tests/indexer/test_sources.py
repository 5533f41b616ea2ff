"""Which files are read, as what, and in which order."""

import errno
import gzip
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.parsed_file import SourceFile, SourceFormat
from indexer.reading import read_file
from indexer.sources import Sources, find_sources
from search.errors import SourceError, StorageFull

XML = b'<?xml version="1.0"?>\n<!DOCTYPE PubmedArticleSet SYSTEM "pubmed.dtd">\n<PubmedArticleSet></PubmedArticleSet>\n'
NBIB = b"PMID- 34000001\nTI  - Title.\n"
JSONL = b'{"pmid": 34000001, "title": "Title."}\n'
RIS = b"TY  - JOUR\r\nAU  - Smith\r\nER  - \r\n"
CSV = b"PMID,Title,Authors\n34000001,Title.,Smith J\n"
OTHER_CSV = b"country,year,cases\nMade-up Land,2014,12\n"
DTD = b"<!--\n2024-08-28\n--><!ELEMENT PubmedArticleSet (PubmedArticle)*>\n"


def write(path: Path, content: bytes = XML) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(sources: Sources) -> list[str]:
    return [source.path.name for source in sources.files]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.xml", XML, SourceFormat.PUBMED_XML),
        ("a.xml.gz", gzip.compress(XML), SourceFormat.PUBMED_XML),
        ("compressed-by-content-only.xml", gzip.compress(XML), SourceFormat.PUBMED_XML),
        ("plain-in-spite-of-its-name.xml.gz", XML, SourceFormat.PUBMED_XML),
        ("A.XML", b"<other/>", SourceFormat.PUBMED_XML),
        ("efetch.txt", XML, SourceFormat.PUBMED_XML),
        ("efetch", b"\xef\xbb\xbf\n" + XML, SourceFormat.PUBMED_XML),
        ("failed.txt", b"<eFetchResult><ERROR/></eFetchResult>", SourceFormat.PUBMED_XML),
        ("a.nbib", NBIB, SourceFormat.NBIB),
        ("pubmed-export.txt", b"\n" + NBIB, SourceFormat.NBIB),
        ("pubmed-export.txt.gz", gzip.compress(b"\xef\xbb\xbf\r\n" + NBIB), SourceFormat.NBIB),
        ("other-tags-first.txt", b"OWN - NLM\nPMID- 34000001\n", SourceFormat.NBIB),
        ("content-beats-extension.xml", NBIB, SourceFormat.NBIB),
        ("a.ris", b"TY  - JOUR\r\n", SourceFormat.RIS),
        ("a.ris.gz", gzip.compress(b"TY  - JOUR\r\nAN  - 34000001\r\nER  - \r\n"), SourceFormat.RIS),
        ("endnote.txt", b"\xef\xbb\xbfTY  - JOUR\r\nAU  - Smith\r\nER  - \r\n", SourceFormat.RIS),
        ("ris-with-a-tag-of-nbib.txt", b"TY  - JOUR\nTI  - Title.\nPMID- 34000001\nER  - \n", SourceFormat.RIS),
        ("cochrane.txt", b"Record #1 of 2\nProvider: P\n\nTY  -  JOUR\nAN  -  CN-1\nER  -  \n", SourceFormat.RIS),
        ("nbib-in-spite-of-its-name.ris", NBIB, SourceFormat.NBIB),
        ("a.jsonl", JSONL, SourceFormat.JSONL),
        ("a.ndjson.gz", gzip.compress(JSONL), SourceFormat.JSONL),
        ("a.json", JSONL, SourceFormat.JSONL),
        ("damaged.xml.gz", gzip.compress(XML)[:20], SourceFormat.PUBMED_XML),
        ("empty.jsonl", b"", SourceFormat.JSONL),
        ("old-macintosh.txt", RIS.replace(b"\r\n", b"\r"), SourceFormat.RIS),
        ("small-letters.txt", RIS.lower(), SourceFormat.RIS),
        ("blank-lines.txt", RIS.replace(b"\r\n", b"\r\r\n\r\r\n"), SourceFormat.RIS),
        ("wide.txt", RIS.decode().encode("utf-16"), SourceFormat.RIS),
        ("wide.nbib", NBIB.decode().encode("utf-16"), SourceFormat.NBIB),
        (
            "wide.xml",
            XML.replace(b' version="1.0"', b' version="1.0" encoding="UTF-16"').decode().encode("utf-16"),
            SourceFormat.PUBMED_XML,
        ),
        ("windows.txt", "PMID- 1\nTI  - Café.\n".encode("cp1252"), SourceFormat.NBIB),
        ("without-pmids.txt", b"OWN - LOCAL\nTI  - Title.\n", SourceFormat.NBIB),
        ("without-pmids.json", b'{"title": "Title.", "abstract": "Abstract."}\n', SourceFormat.JSONL),
        ("a.csv", CSV, SourceFormat.CSV),
        ("a.tsv", CSV.replace(b",", b"\t"), SourceFormat.CSV),
        ("a.csv.gz", gzip.compress(CSV), SourceFormat.CSV),
        ("A.CSV", "\ufeffSEP=;\r\nTitle;Abstract\r\n".encode("utf-16-le"), SourceFormat.CSV),
        ("csv.txt", b"\xef\xbb\xbf\n" + CSV, SourceFormat.CSV),
        ("csv-without-extension", CSV, SourceFormat.CSV),
        ("two-columns", b"PMID,Title\n34000001,Title.\n", SourceFormat.CSV),
        ("nbib-in-spite-of-its-name.csv", NBIB, SourceFormat.NBIB),
    ],
)
def test_the_format_is_seen_in_the_content_and_else_in_the_extension(
    name: str, content: bytes, expected: SourceFormat, tmp_path: Path
) -> None:
    path = write(tmp_path / name, content)
    assert find_sources([path]) == find_sources([tmp_path]) == Sources((SourceFile(path, expected),), ())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pubmed_250101.dtd", DTD),
        ("pubmed26n0001.xml.gz.md5", b"MD5(pubmed26n0001.xml.gz)= 0123456789abcdef\n"),
        ("pubmed26n0001.xml.gz.part", gzip.compress(b"nothing known")),
        ("notes.txt", b"Remember PMID 34000001.\n"),
        ("pretty.json", b'{\n  "pmid": 34000001\n}\n'),
        ("list.json", b'[{"pmid": 34000001}]\n'),
        ("photo.png", b"\x89PNG\r\n"),
        ("empty", b""),
        ("prose.txt", b"Title, authors, and the journal\nare what a record has.\n"),
        ("titles.txt", b"title,year\nA novel,2014\n"),
        ("book.json", b'{"title": "A novel"}\n'),
    ],
)
def test_other_files_are_ignored_in_a_folder_and_refused_by_name(name: str, content: bytes, tmp_path: Path) -> None:
    other = write(tmp_path / name, content)
    record_file = write(tmp_path / "records.xml")
    assert find_sources([tmp_path]) == Sources((SourceFile(record_file, SourceFormat.PUBMED_XML),), (other,))
    with pytest.raises(SourceError, match=re.escape(str(other))):
        find_sources([other])


@pytest.mark.parametrize("name", ["other.csv", "other.tsv"])
def test_a_table_of_something_else_is_ignored_in_a_folder_and_read_by_name(name: str, tmp_path: Path) -> None:
    other = write(tmp_path / name, OTHER_CSV)
    record_file = write(tmp_path / "records.csv", CSV)
    assert find_sources([tmp_path]) == Sources((SourceFile(record_file, SourceFormat.CSV),), (other,))
    (source,) = find_sources([other]).files
    with pytest.raises(SourceError, match=r"expected a header with a column 'title' .* found 'country', 'year', 'cases'"):
        read_file(source)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (XML, SourceFormat.PUBMED_XML),
        (NBIB, SourceFormat.NBIB),
        (RIS, SourceFormat.RIS),
        (JSONL, SourceFormat.JSONL),
        (CSV, SourceFormat.CSV),
    ],
)
def test_standard_input_is_read_in_every_format(
    content: bytes, expected: SourceFormat, compress: "type[bytes]", tmp_path: Path
) -> None:
    other = write(tmp_path / "a.xml")
    first, source = find_sources([other, "-"], io.BytesIO(compress(content))).files
    assert (first.path, source.format, source.shown, source.path.name) == (other, expected, Path("stdin"), "stdin")
    assert (source.year, source.number) == (0, 0)
    assert source.path.read_bytes() == compress(content)
    again = find_sources([source.path]).files  # it is a file like any other
    assert [(one.path, one.format) for one in again] == [(source.path, expected)]


def test_standard_input_may_be_a_table_of_two_columns() -> None:
    (source,) = find_sources(["-"], io.BytesIO(b"title;abstract\nTitle.;Abstract.\n")).files
    assert len(read_file(source, local_ids=True).unnumbered) == 1


def test_messages_call_standard_input_by_its_name() -> None:
    (source,) = find_sources(["-"], io.BytesIO(NBIB + b"\nPMID- x\nTI  - Title.\n")).files
    assert [one.path for one in read_file(source).skipped] == [Path("stdin")]
    (broken,) = find_sources(["-"], io.BytesIO(XML[:-5])).files
    with pytest.raises(SourceError, match=r"^stdin, line 3: the file ends before"):
        read_file(broken)


@pytest.mark.parametrize(
    ("arguments", "content", "said"),
    [
        (["-", "-"], NBIB, "- is standard input, which can be read once; it is named twice. Leave one out."),
        (["-"], b"", "Expected records on standard input, found nothing in it, or nothing more. Name a file instead."),
        (["-"], b"notes\n", "stdin: expected PubMed XML"),
    ],
)
def test_standard_input_that_holds_no_records_is_an_error(arguments: list[str], content: bytes, said: str) -> None:
    with pytest.raises(SourceError) as error:
        find_sources(arguments, io.BytesIO(content))
    assert str(error.value).startswith(said)


def test_standard_input_is_empty_when_it_has_been_read() -> None:
    stream = io.BytesIO(NBIB)
    find_sources(["-"], stream)
    with pytest.raises(SourceError, match="found nothing in it, or nothing more"):
        find_sources(["-"], stream)


def test_the_process_reads_its_own_standard_input_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code = "from indexer.sources import find_sources; (source,) = find_sources(['-']).files; print(source.path, source.format)"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, input=gzip.compress(CSV), capture_output=True, check=True, env=environment)
    path, _, found = done.stdout.decode().strip().rpartition(" ")
    assert (Path(path).name, Path(path).parent.parent, found) == ("stdin", tmp_path, "CSV")
    assert list(tmp_path.iterdir()) == []


def test_a_full_folder_of_temporary_files_is_said() -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageFull, match="What comes on standard input does not fit into"):
        find_sources(["-"], Full())


def test_an_unfinished_download_is_ignored_in_a_folder_though_it_begins_well(tmp_path: Path) -> None:
    part = write(tmp_path / "pubmed26n0001.xml.gz.part", gzip.compress(XML))
    write(tmp_path / "pubmed26n0002.xml.gz", gzip.compress(XML))
    assert find_sources([tmp_path]).ignored == (part,)


@pytest.mark.parametrize(
    ("name", "year", "number"),
    [
        ("pubmed26n0001.xml", 2026, 1),
        ("pubmed26n1437.xml.gz", 2026, 1437),
        ("pubmed31n10002.xml.gz", 2031, 10002),
        ("medline16n0812.xml.gz", 2016, 812),
        ("my-pubmed26n0001.xml", 0, 0),
        ("pubmed26n1.xml", 0, 0),
        ("pubmed_result.xml", 0, 0),
    ],
)
def test_year_and_number_come_from_pubmeds_names(name: str, year: int, number: int, tmp_path: Path) -> None:
    (source,) = find_sources([write(tmp_path / name)]).files
    assert (source.year, source.number) == (year, number)


def test_numbered_files_come_last_by_number_and_others_as_given(tmp_path: Path) -> None:
    for name in ("pubmed26n0002.xml", "pubmed26n1300.xml", "pubmed26n0010.xml", "z.xml", "a.nbib"):
        write(tmp_path / "folder" / name, NBIB if name == "a.nbib" else XML)
    write(tmp_path / "folder" / "below" / "pubmed26n0001.xml.gz")
    write(tmp_path / "folder" / "below" / "m.xml")
    later = write(tmp_path / "later.jsonl", JSONL)
    first = write(tmp_path / "first.xml")
    assert names(find_sources([first, str(tmp_path / "folder"), later])) == [
        "first.xml",
        "a.nbib",
        "z.xml",
        "m.xml",
        "later.jsonl",
        "pubmed26n0001.xml.gz",
        "pubmed26n0002.xml",
        "pubmed26n0010.xml",
        "pubmed26n1300.xml",
    ]


def test_of_a_folder_tables_come_first_and_by_name_as_they_are_given(tmp_path: Path) -> None:
    nbib, table = write(tmp_path / "a.nbib", NBIB), write(tmp_path / "b.csv", CSV)
    assert names(find_sources([tmp_path])) == ["b.csv", "a.nbib"]
    assert names(find_sources([nbib, table])) == ["a.nbib", "b.csv"]


def test_a_file_named_twice_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.xml")
    (tmp_path / "link.xml").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    found = find_sources(["a.xml", path, tmp_path / "." / "a.xml", tmp_path, "*.xml", "link.xml"])
    assert found.files == (SourceFile(Path("a.xml"), SourceFormat.PUBMED_XML),)


def test_globs_match_files_and_folders(tmp_path: Path) -> None:
    for name in ("2025/b.xml", "2025/deep/c.xml", "2026/a.xml", "2026/a.md5"):
        write(tmp_path / name)
    assert names(find_sources([tmp_path / "20*" / "*.xml"])) == ["b.xml", "a.xml"]
    assert names(find_sources([tmp_path / "**" / "*.xml"])) == ["b.xml", "c.xml", "a.xml"]
    found = find_sources([tmp_path / "20*"])
    assert names(found) == ["b.xml", "c.xml", "a.xml"]
    assert found.ignored == (tmp_path / "2026" / "a.md5",)


def test_a_name_with_a_globs_characters_is_a_name_where_it_exists(tmp_path: Path) -> None:
    path = write(tmp_path / "records[1].xml")
    assert find_sources([path]).files == (SourceFile(path, SourceFormat.PUBMED_XML),)


def test_hidden_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    for name in ("._a.xml", ".cache/a.xml", "a.xml"):
        write(tmp_path / name)
    assert find_sources([tmp_path]) == Sources((SourceFile(tmp_path / "a.xml", SourceFormat.PUBMED_XML),), ())


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("missing.xml", "missing.xml: expected a file, a folder or a glob, found nothing there"),
        ("*.xml", "in the glob *.xml, found 0 files"),
        ("empty", "in the folder empty, found 0 files"),
        ("others", "in the folder others, found 2 files, none of them of these formats"),
        ("others/*", "in the glob others/*, found 2 files"),
        ("", "found an empty name"),
        ("a\0b", "found nothing there"),
        ("a" * 5000, "this path cannot be read (File name too long)"),
    ],
)
def test_what_names_no_records_is_an_error(argument: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    write(tmp_path / "others" / "pubmed.dtd", DTD)
    write(tmp_path / "others" / "notes.txt", b"notes")
    with pytest.raises(SourceError) as error:
        find_sources([argument])
    assert said in str(error.value)


def test_no_argument_is_an_error() -> None:
    with pytest.raises(SourceError, match="Expected at least one file, folder or glob"):
        find_sources([])


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.xml")
    with pytest.raises(SourceError, match=r"pipe\.xml"):
        find_sources([tmp_path / "pipe.xml"])


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_what_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "a.xml").chmod(0)
    with pytest.raises(SourceError, match=r"a\.xml: the file cannot be read"):
        find_sources([tmp_path])


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_that_may_not_be_listed_is_an_error_wherever_it_lies(tmp_path: Path) -> None:
    write(tmp_path / "a.xml")
    closed = write(tmp_path / "below" / "b.xml").parent
    closed.chmod(0)
    with pytest.raises(SourceError, match="below: the folder cannot be listed"):
        find_sources([tmp_path])
    closed.chmod(0o700)


def test_the_real_folder(shared_data: Path) -> None:
    found = find_sources([shared_data / "pubmed_xml"])
    formats = [source.format for source in found.files]
    assert (formats.count(SourceFormat.PUBMED_XML), formats.count(SourceFormat.NBIB)) == (188, 5)
    assert {path.suffix for path in found.ignored} == {".dtd"}


def test_an_index_below_the_folder_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text('{"pmid": 1, "title": "T"}\n')
    generation = tmp_path / "index" / "generations" / "0001"
    generation.mkdir(parents=True)
    (tmp_path / "index" / "lock").write_text("1")
    (generation / "skipped.jsonl").write_text("")
    assert [source.path.name for source in find_sources([tmp_path]).files] == ["records.jsonl"]


def test_two_yearly_baselines_are_refused(tmp_path: Path) -> None:
    for name in ("pubmed25n0001.xml", "pubmed26n0001.xml"):
        (tmp_path / name).write_text("<PubmedArticleSet></PubmedArticleSet>")
    with pytest.raises(SourceError, match=r"two yearly baselines, 2025 .*Build from the files of 2026 alone"):
        find_sources([tmp_path])

"""``pubmed-index`` as people and programs run it."""

import fcntl
import gzip
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running import Done, Run, in_process

from indexer.cli import main

RECORD = """<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">{pmid}</PMID><Article PubModel="Print">
<Journal><JournalIssue><PubDate><Year>2001</Year></PubDate></JournalIssue><Title>A journal</Title></Journal>
<ArticleTitle>{title}</ArticleTitle>{abstract}<PublicationTypeList><PublicationType UI="">{kind}</PublicationType>
</PublicationTypeList></Article></MedlineCitation></PubmedArticle>"""
XML = (
    "<PubmedArticleSet>"
    + RECORD.format(
        pmid=11, title="Foxes.", abstract="<Abstract><AbstractText>Red.</AbstractText></Abstract>", kind="Journal Article"
    )
    + RECORD.format(pmid=12, title="Withdrawn claims.", abstract="", kind="Retracted Publication")
    + RECORD.format(pmid=13, title="Never meant to be here.", abstract="", kind="Journal Article")
    + "<DeleteCitation><PMID>13</PMID></DeleteCitation></PubmedArticleSet>"
)
JSONL = "\n".join(
    [
        json.dumps({"pmid": 21, "title": "A long story.", "abstract": "fever " * 400, "year": 2003}),
        '{"pmid": 22, "title": "Cut in the mid',
        json.dumps({"pmid": "PMC23", "title": "Another number."}),
        json.dumps({"pmid": 24, "title": "", "abstract": " "}),
        json.dumps({"pmid": 25, "title": "The line after the bad ones."}),
    ]
)
BUILD_KEYS = [
    *("index", "generation", "encoder", "numeric_path"),
    *("files", "ignored_files", "records", "articles", "deletions", "title_only", "retracted", "truncated", "max_length"),
    *("skipped", "skipped_by_reason", "skipped_examples", "skipped_list"),
    *("embedded", "cached", "transform", "candidates"),
    *("seconds", "seconds_by_stage", "embedded_per_second", "peak_memory_mb"),
]


def lines_of(done: Done) -> dict[str, str]:
    """What a report for people says, by its first column."""
    assert done.code == 0, done.err
    rows = (re.split(r" {2,}", line.strip(), maxsplit=1) for line in done.out.splitlines())
    return {row[0]: row[1] for row in rows}


@pytest.fixture
def pubmed_index(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    with in_process(main, capsys) as run:
        yield run


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A folder with two files of records, one of another kind, and each thing that a summary counts."""
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "a.xml").write_text(XML, encoding="utf-8")
    (folder / "b.jsonl").write_text(JSONL, encoding="utf-8")
    (folder / "notes.md").write_text("Not records.", encoding="utf-8")
    return folder


@pytest.fixture
def copy(built_index: Path, tmp_path: Path) -> Path:
    """The sample's index, to be damaged."""
    return Path(shutil.copytree(built_index, tmp_path / "copy"))


def says_one_sentence(done: Done, *parts: str) -> bool:
    """Whether a command failed as promised: exit 1 and one line on stderr, after those of its progress, with these parts."""
    progress = re.compile(r"(Reading|Embedding|Indexing|Grouping|Verifying|Checking|Fetching)\b.*\n|\S+: [\d,]+ records, .*\n")
    said = "".join(line for line in done.err.splitlines(keepends=True) if not progress.fullmatch(line))
    assert done.code == 1
    assert re.fullmatch(r"[^\n]*[.`]\n", said), done.err
    assert [part for part in parts if part not in said] == [], said
    return True


# --- build ----------------------------------------------------------------------------------------------------------


def test_the_summary_of_a_build(pubmed_index: Run, records: Path, tmp_path: Path) -> None:
    first = pubmed_index("build", records, "--index", tmp_path / "index", "--json").document
    assert list(first) == BUILD_KEYS
    counts = {name: value for name, value in first.items() if isinstance(value, int) and not isinstance(value, float)}
    counts.pop("peak_memory_mb")
    assert counts == {
        "files": 2,
        "ignored_files": 1,
        "records": 5,  # 11, 12, 13, 21, 25
        "deletions": 1,  # 13
        "articles": 4,
        "title_only": 2,  # 12, 25
        "retracted": 1,  # 12
        "truncated": 1,  # 21
        "max_length": 256,
        "skipped": 3,
        "embedded": 4,
        "cached": 0,
    }
    assert first["skipped_by_reason"] == {"not JSON": 1, "invalid PMID": 1, "neither title nor abstract": 1}
    bad = str(records / "b.jsonl")
    examples = [(one["file"], one["position"]) for one in first["skipped_examples"]]
    assert examples == [(bad, "line 2"), (bad, "line 3"), (bad, "line 4")]
    assert (first["index"], first["generation"], first["encoder"]) == (str(tmp_path / "index"), "0001", "embedded")
    assert Path(first["skipped_list"]).read_text(encoding="utf-8").count("\n") == 3


def test_what_was_embedded_is_not_embedded_again(pubmed_index: Run, records: Path, tmp_path: Path) -> None:
    for generation, embedded, cached in (("0001", 4, 0), ("0002", 0, 4)):
        summary = pubmed_index("build", records, "--index", tmp_path / "index", "--json").document
        assert (summary["generation"], summary["embedded"], summary["cached"]) == (generation, embedded, cached)


def test_the_summary_for_people_names_what_was_skipped(pubmed_index: Run, records: Path, tmp_path: Path) -> None:
    done = pubmed_index("build", records, "--index", tmp_path / "index")
    lines = lines_of(done)
    assert lines["files"] == "2 (1 of another kind ignored)"
    assert lines["records read"] == "5"
    assert lines["skipped"] == "3"
    assert lines["not JSON"] == "1"
    assert lines["articles"] == "4"
    assert lines["truncated"] == "1 (longer than the 256 tokens that the encoder reads)"
    assert re.search(r"^ +e\.g\. +b\.jsonl, line 2: The line is not a JSON object", done.out, re.MULTILINE)
    assert lines["published"] == f"{tmp_path / 'index'}, generation 0001"
    read = r"a\.xml: 3 records, 1 deletion, .* a second\nb\.jsonl: 2 records, 3 skipped, .* a second\n"
    assert re.match(rf"Reading 2 files\n{read}Embedding 4 articles\n", done.err)


@pytest.mark.parametrize("arguments", [[], ["--sample", "records"]])
def test_a_build_needs_one_source(pubmed_index: Run, tmp_path: Path, arguments: list[str]) -> None:
    done = pubmed_index("build", *arguments, "--index", tmp_path / "index")
    assert done.code == 2
    assert "build takes either SOURCE" in done.err
    assert not (tmp_path / "index").exists()


def missing(place: Path) -> None:
    """Put nothing there."""


def folder_without_records(place: Path) -> None:
    place.mkdir()
    (place / "notes.md").touch()


def empty_folder(place: Path) -> None:
    place.mkdir()


def empty_file(place: Path) -> None:
    place.touch()


def truncated_gzip(place: Path) -> None:
    whole = gzip.compress(XML.encode())
    place.write_bytes(whole[: len(whole) // 2])


def plain_text(place: Path) -> None:
    place.write_text("These are not records.\n", encoding="utf-8")


def cut_xml(place: Path) -> None:
    place.write_text(XML[:-30], encoding="utf-8")


def other_xml(place: Path) -> None:
    place.write_text("<html><body>Sign in</body></html>", encoding="utf-8")


def external_entity(place: Path) -> None:
    secret = place.with_name("secret.txt")
    secret.write_text("the secret", encoding="utf-8")
    declared = f'<!DOCTYPE PubmedArticleSet [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    place.write_text(declared + XML.replace("Foxes.", "&e;"), encoding="utf-8")


def all_deleted(place: Path) -> None:
    place.write_text("<PubmedArticleSet><DeleteCitation><PMID>1</PMID></DeleteCitation></PubmedArticleSet>", encoding="utf-8")


@pytest.mark.parametrize(
    ("prepare", "name", "said"),
    [
        (missing, "gone.xml", "found nothing there"),
        (missing, "gone-*.xml", "found 0 files"),
        (empty_folder, "folder", "found 0 files"),
        (folder_without_records, "folder", "found 1 files, none of them of these formats"),
        (empty_file, "empty.xml", "found an empty file"),
        (truncated_gzip, "cut.xml.gz", "cut short or damaged"),
        (plain_text, "letter.txt", "found none of them by the file's name or content"),
        (plain_text, "letter.xml", "this is not XML"),
        (cut_xml, "cut.xml", "cut short"),
        (other_xml, "page.xml", "found the root element html"),
        (external_entity, "entity.xml", "declares no entities"),
        (all_deleted, "deletions.xml", "No article was left to index"),
    ],
)
def test_a_source_that_cannot_be_read(
    pubmed_index: Run, tmp_path: Path, prepare: Callable[[Path], None], name: str, said: str
) -> None:
    source, index = tmp_path / name, tmp_path / "index"
    prepare(source)
    done = pubmed_index("build", source, "--index", index)
    assert done.out == ""
    assert says_one_sentence(done, said, "" if prepare is all_deleted else str(source))
    assert "the secret" not in done.err
    assert not (index / "current").exists()


def test_a_failed_build_leaves_the_published_one(pubmed_index: Run, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.xml").write_text(XML[:-30], encoding="utf-8")
    assert pubmed_index("build", tmp_path / "cut.xml", "--index", copy).code == 1
    assert pubmed_index("info", "--index", copy, "--json").document["generation"] == "0001"
    assert pubmed_index("verify", "--index", copy).code == 0


def test_a_file_in_the_place_of_the_index(pubmed_index: Run, records: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    assert says_one_sentence(pubmed_index("build", records, "--index", tmp_path / "taken"), str(tmp_path / "taken"))


def test_an_index_that_another_process_writes(pubmed_index: Run, records: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.mkdir()
    with (index / "lock").open("a+", encoding="ascii") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write("12345")
        stream.flush()
        assert says_one_sentence(pubmed_index("build", records, "--index", index), "Process 12345 is writing to", str(index))


def test_an_encoder_that_is_not_there(pubmed_index: Run, records: Path, tmp_path: Path) -> None:
    done = pubmed_index("build", records, "--index", tmp_path / "index", "--encoder", tmp_path / "gone")
    assert says_one_sentence(done, str(tmp_path / "gone"))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["build", "--nothing"],
        ["fetch"],
        ["fetch", "--query", "foxes"],
        ["info", "extra"],
        ["verify", "--index"],
    ],
)
def test_wrong_usage(pubmed_index: Run, arguments: list[str]) -> None:
    done = pubmed_index(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: pubmed-index")
    assert re.match(r"pubmed-index( \w+)?: error: ", done.err.splitlines()[-1])


# --- info and verify ------------------------------------------------------------------------------------------------


def test_info_for_programs(pubmed_index: Run, built_index: Path) -> None:
    document = pubmed_index("info", "--index", built_index, "--json").document
    assert list(document) == [
        "generation",
        "generations",
        "drift",
        "format_version",
        "project_version",
        "created",
        "encoder",
        "counts",
        "parts",
        "candidates",
        "sources",
        "files",
        "delta_candidates",
        "corpus_note",
        "transform",
    ]
    assert document["generation"] == "0001"
    assert document["counts"] == {
        "articles": 150,
        "title_only": 0,
        "retracted": 1,
        "truncated": document["counts"]["truncated"],
    }
    assert [source["name"] for source in document["sources"]] == ["sample-1.xml.gz", "sample-2.xml.gz"]
    assert (document["encoder"]["name"], document["encoder"]["dimension"]) == ("embedded", 384)


def test_info_for_people(pubmed_index: Run, built_index: Path) -> None:
    lines = lines_of(pubmed_index("info", "--index", built_index))
    assert lines["articles"] == "150"
    assert lines["sources"] == "2 files, the last one sample-2.xml.gz; newest change 2025-07-28"
    assert lines["encoder"].startswith("embedded, 384 dimensions, 256 tokens, ")
    assert re.fullmatch(r"0001, built \d{4}-\d\d-\d\dT\S+ by version \S+", lines["generation"])


@pytest.mark.parametrize("command", ["info", "verify"])
def test_there_is_no_index_yet(pubmed_index: Run, tmp_path: Path, command: str) -> None:
    done = pubmed_index(command, "--index", tmp_path / "index", "--json")
    assert done.out == ""
    assert says_one_sentence(done, "There is no index in", str(tmp_path / "index"), "pubmed-index build")


def test_a_whole_index(pubmed_index: Run, built_index: Path) -> None:
    document = pubmed_index("verify", "--index", built_index, "--json").document
    assert list(document) == ["generation", "files", "bytes", "articles", "problems"]
    assert (document["generation"], document["articles"], document["problems"]) == ("0001", 150, [])
    said = pubmed_index("verify", "--index", built_index).out
    assert re.fullmatch(r"Generation 0001 is whole: 150 articles, \d+ files, [\d.]+ MB read\.\n", said)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "name", ["base/vectors.npy", "base/catalogue.sqlite", "base/candidates.faiss", "base/columns/years.npy"]
)
def test_one_flipped_bit_is_found(pubmed_index: Run, copy: Path, name: str) -> None:
    altered = copy / "generations" / "0001" / name
    flip_a_byte(altered)
    done = pubmed_index("verify", "--index", copy)
    assert done.out == f"{altered} was altered: its SHA-256 is not the one in the manifest.\n"
    assert says_one_sentence(done, "1 of the checks failed. Run `pubmed-index repair --index")
    as_json = pubmed_index("verify", "--index", copy, "--json")
    assert as_json.code == 1
    assert [str(altered) in problem for problem in json.loads(as_json.out)["problems"]] == [True]


def test_a_flipped_bit_of_the_cache_is_found(pubmed_index: Run, copy: Path) -> None:
    shard = next((copy / "embeddings").glob("*/*.shard"))
    flip_a_byte(shard)
    done = pubmed_index("verify", "--index", copy)
    assert done.code == 1
    assert str(shard) in done.out


def test_an_altered_manifest_is_refused(pubmed_index: Run, copy: Path) -> None:
    manifest = copy / "generations" / "0001" / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"retracted": 1', '"retracted": 0'))
    for command in ("verify", "info"):
        assert says_one_sentence(pubmed_index(command, "--index", copy), str(manifest), "altered")


# --- The process ----------------------------------------------------------------------------------------------------


def start(*arguments: object, **options: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "indexer.cli", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)


def test_a_reader_that_has_seen_enough_is_no_failure(built_index: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = start("info", "--index", built_index, stdout=writer)
    finally:
        os.close(writer)
    assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)


def test_control_c_keeps_what_was_done(pubmed_index: Run, tmp_path: Path) -> None:
    source, index = tmp_path / "many.jsonl", tmp_path / "index"
    texts = (" ".join(f"word{number * 300 + place}" for place in range(200)) for number in range(300))
    rows = [json.dumps({"pmid": pmid, "title": "Much to do.", "abstract": text}) for pmid, text in enumerate(texts, start=1)]
    source.write_text("\n".join(rows), encoding="utf-8")
    process = start("build", source, "--index", index, stdout=subprocess.PIPE)
    assert process.stderr is not None
    before = [process.stderr.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert [before[0], before[2]] == ["Reading 1 file\n", "Embedding 300 articles\n"]
    assert (process.returncode, out) == (1, "")
    assert err == (
        "Stopped. The published index is untouched and what was embedded is kept: run the same command again to go on.\n"
    )
    assert says_one_sentence(pubmed_index("info", "--index", index), "no build of it was finished")


# --- update, rollback, prune, repair -------------------------------------------------------------------------------


def test_an_update_twice_and_back(pubmed_index: Run, copy: Path, tmp_path: Path) -> None:
    source = tmp_path / "later.jsonl"
    source.write_text('{"pmid": 40000001, "title": "Hiccups cured by a long title.", "year": 2025}\n{"title": "No number."}')
    lines = lines_of(pubmed_index("update", source, "--index", copy))
    assert (lines["new"], lines["skipped"], lines["articles"]) == ("1", "1", "151")
    assert lines["published"] == f"{copy}, generation 0002; 1 articles in the delta"
    again = pubmed_index("update", source, "--index", copy)
    assert lines_of(again)["published"] == "nothing: nothing changed, generation 0002 stays"
    assert again.err == ""
    info = lines_of(pubmed_index("info", "--index", copy))
    assert (info["others"], info["in the delta"]) == ("0001", "1 beside 150 in the base, 0 dead")
    assert re.match(r"the delta's mean lies \d\.\d\d of the base's spread away", info["drift"])
    assert "is whole: 151 articles" in pubmed_index("verify", "--index", copy).out
    assert pubmed_index("rollback", "--index", copy).out.startswith(
        "Generation 0001 answers again instead of 0002: 150 articles"
    )
    assert pubmed_index("rollback", "--index", copy, "--to", "2", "--json").document["now"] == "0002"
    assert pubmed_index("prune", "--index", copy, "--keep", "1", "--json").document["removed"] == ["0001"]
    assert pubmed_index("repair", "--index", copy).out == f"Nothing to repair: {copy}, generation 0002, 151 articles\n"


def test_local_ids_and_standard_input(pubmed_index: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = b'{"title": "No number.", "abstract": "Its abstract."}\n{"title": "Another.", "abstract": "Text."}'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(records)))
    document = pubmed_index("build", "-", "--local-ids", "--index", tmp_path / "index", "--json").document
    assert (document["articles"], document["skipped"]) == (2, 0)
    sources = pubmed_index("info", "--index", tmp_path / "index", "--json").document["sources"]
    assert [source["name"] for source in sources] == ["stdin"]


def test_ready_made_vectors_need_their_pmids(pubmed_index: Run, records: Path, tmp_path: Path) -> None:
    done = pubmed_index("build", records, "--vectors", tmp_path / "v.npy", "--index", tmp_path / "index")
    assert says_one_sentence(done, "found 0 for 1")


def test_an_update_needs_an_index(pubmed_index: Run, records: Path, tmp_path: Path) -> None:
    assert says_one_sentence(pubmed_index("update", records, "--index", tmp_path / "index"), "pubmed-index build")


@pytest.mark.parametrize("keep", ["0", "soon", "-1"])
def test_what_prune_does_not_keep(pubmed_index: Run, keep: str) -> None:
    done = pubmed_index("prune", f"--keep={keep}")
    assert done.code == 2
    assert "such as 7d; found" in done.err

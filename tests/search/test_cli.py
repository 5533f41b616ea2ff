"""``pubmed-search`` as people and programs run it."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running import Done, Run, in_process
from toy import ToyEncoder

from indexer.build import Build
from indexer.progress import Silent
from indexer.sources import find_sources
from search.article import LARGEST_PMID
from search.cli import main
from search.index_folder import IndexFolder
from search.shipped import SAMPLE_NOTE

# The toy encoder counts words by length: every word of these has three letters, so they are all one direction.
KNOWN, NEAR, HOSTILE, RETRACTED, LONG = 20000011, 20000012, 20000013, 20000014, 20000015
NEAR_RECORD = {
    "pmid": NEAR,
    "title": "The red fox ran",
    "abstract": "and sat.",
    "year": 2010,
    "journal": "Journal of Foxes",
    "authors": ["Smith JA", "Jones B", "Lee C", "Kim D"],
    "mesh": ["*Foxes/physiology", "Running"],
    "doi": "10.1000/fox.12",
    "publication_types": ["Journal Article"],
}
HOSTILE_TITLE = "[bold]not bold[/bold] \x1b[31mnot red\x1b[0m \x07\x9b31m[link=x]"
LONG_TITLE = "Effectiveness of extracorporeal photopheresis among immunocompromised adolescents: " * 3
RECORDS = [
    {"pmid": KNOWN, "title": "one two six ten", "year": 2001},
    NEAR_RECORD,
    {"pmid": HOSTILE, "title": HOSTILE_TITLE, "abstract": "Ten men.", "year": 1999},
    {"pmid": RETRACTED, "title": "two new men", "year": 2012, "publication_types": ["Retracted Publication"]},
    {"pmid": LONG, "title": LONG_TITLE, "year": 2015},
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    source = folder / "made-up.jsonl"
    source.write_text("\n".join(map(json.dumps, RECORDS)), encoding="utf-8")
    Build(IndexFolder(folder / "index"), ToyEncoder(), Silent()).run(find_sources([source]))
    return folder / "index"


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("COLUMNS", "100")
    with in_process(main, capsys) as run:
        yield run


def says_one_sentence(done: Done, *parts: str) -> bool:
    """Whether a command failed as promised: exit 1, nothing on stdout, one line on stderr that holds these parts."""
    assert (done.code, done.out) == (1, "")
    assert re.fullmatch(r"[^\n]*[.`]\n", done.err), done.err
    assert "Traceback" not in done.err
    assert [part for part in parts if part not in done.err] == [], done.err
    return True


# --- The answer as JSON ---------------------------------------------------------------------------------------------


def test_json_is_one_document_with_the_agreed_keys(index: Path, ask: Run) -> None:
    document = ask("--like", KNOWN, "--index", index, "--json", "-k", 1).document
    took_ms = document.pop("took_ms")
    updated = document["index"].pop("updated")
    assert isinstance(took_ms, float)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", updated)
    assert document == {
        "query": f"like {KNOWN}",
        "mode": "dense",
        "understood": {
            "question": f"like {KNOWN}",
            "filter": "",
            "notes": [],
            "abbreviations": [],
            "suggestions": [],
        },
        "filters": {
            "year_from": None,
            "year_to": None,
            "journals": [],
            "mesh": [],
            "publication_types": [],
            "authors": [],
            "languages": [],
            "has_abstract": False,
            "include_retracted": False,
        },
        "hidden_retracted": 1,
        "index": {"articles": 5, "last_file": "made-up.jsonl", "encoder": "toy"},
        "results": [
            {
                "rank": 1,
                "pmid": NEAR,
                "score": pytest.approx(5 / (5**2 + 1) ** 0.5),  # five words of three letters, and "sat." of four
                "title": "The red fox ran",
                "abstract": "and sat.",
                "authors": ["Smith JA", "Jones B", "Lee C", "Kim D"],
                "journal": "Journal of Foxes",
                "year": 2010,
                "publication_types": ["Journal Article"],
                "mesh": ["Foxes", "Running"],
                "doi": "10.1000/fox.12",
                "flags": [],
                "why": {
                    "dense_rank": 1,
                    "similarity": pytest.approx(5 / (5**2 + 1) ** 0.5),
                    "lexical_rank": None,
                    "lexical_score": None,
                    "feedback_rank": None,
                    "raised_from": None,
                    "words": [],
                    "sentence": None,
                    "nearest": None,
                    "rerank_score": None,
                },
            }
        ],
    }


def test_json_says_which_filters_were_applied(index: Path, ask: Run) -> None:
    asked = ("--like", KNOWN, "--index", index, "--json", "--year", "2005:2014", "--has-abstract", "--include-retracted")
    document = ask(*asked).document
    set_ones = {name: value for name, value in document["filters"].items() if value not in (None, [], False)}
    assert set_ones == {"year_from": 2005, "year_to": 2014, "has_abstract": True, "include_retracted": True}
    assert [hit["pmid"] for hit in document["results"]] == [NEAR]


def test_json_keeps_a_title_as_it_is(index: Path, ask: Run) -> None:
    done = ask("--like", KNOWN, "--index", index, "--json")
    titles = {hit["pmid"]: hit["title"] for hit in done.document["results"]}
    assert titles[HOSTILE] == HOSTILE_TITLE
    assert "\x1b" not in done.out


def test_retracted_articles_are_shown_on_request(index: Path, ask: Run) -> None:
    document = ask("--like", KNOWN, "--index", index, "--json", "-k", 2, "--include-retracted").document
    assert [(hit["pmid"], hit["flags"]) for hit in document["results"]] == [
        (RETRACTED, ["retracted", "title only"]),
        (NEAR, []),
    ]
    assert document["hidden_retracted"] == 0


def test_unlike_moves_away(index: Path, ask: Run) -> None:
    near = ask("--like", KNOWN, "--index", index, "--json").document["results"]
    away = ask("--like", KNOWN, "--unlike", NEAR, "--index", index, "--json").document
    assert [hit["pmid"] for hit in away["results"]] == [hit["pmid"] for hit in near if hit["pmid"] != NEAR]
    assert away["query"] == f"like {KNOWN} unlike {NEAR}"


def test_the_first_of_many_are_the_few(index: Path, ask: Run) -> None:
    many = ask("--like", KNOWN, "--index", index, "--json", "-k", 1000).document["results"]
    few = ask("--like", KNOWN, "--index", index, "--json", "-k", 2).document["results"]
    assert few == many[:2]
    assert len(many) == 3


# --- The answer as a table ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 120])
def test_the_table_fits_its_terminal(index: Path, ask: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    done = ask("--like", KNOWN, "--index", index)
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= width
    assert re.search(rf"^1 +The red fox ran +2010 +{NEAR} +0\.981 *$", done.out, re.MULTILINE)
    assert "Smith JA, Jones B, Lee C, et al. Journal of Foxes " in " ".join(done.out.split())
    assert re.search(rf"^\d +Effectiveness .* 2015 +{LONG} ", done.out, re.MULTILINE)
    assert re.findall(r"\w+", done.out).count("extracorporeal") == 3  # a long title is folded, not cut


def test_the_table_says_what_it_shows_and_what_not(index: Path, ask: Run) -> None:
    said = " ".join(ask("--like", KNOWN, "--index", index).out.split())
    assert re.search(r"3 of 5 articles · \d+ ms · 1 retracted left out \(--include-retracted shows them\)", said)
    assert re.search(r"as of \d{4}-\d\d-\d\d \(last file made-up\.jsonl\); PubMed may have newer records · encoder toy", said)


def test_flags_are_said_in_words(index: Path, ask: Run) -> None:
    assert "two new men [retracted] [title only]" in ask("--like", KNOWN, "--index", index, "--include-retracted").out


def test_no_hit_is_said(index: Path, ask: Run) -> None:
    done = ask("--like", KNOWN, "--index", index, "--year", "1900")
    assert done.code == 0
    assert done.out.startswith("None of 5 articles is left by the filters (--year 1900). Leave one out, or widen it.\n")


def test_a_title_is_text_and_nothing_else(index: Path, ask: Run) -> None:
    done = ask("--like", KNOWN, "--index", index)
    assert "[bold]not bold[/bold]  [31mnot red [0m" in done.out
    assert "[link=x]" in done.out
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.out) == []


def test_a_title_cannot_colour_a_terminal(index: Path, ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    done = ask("--like", KNOWN, "--index", index)
    assert "\x1b[1m" in done.out  # the program's own
    assert "\x1b[31m" not in done.out
    assert re.findall(r"[\x00-\x09\x0b-\x1a\x1c-\x1f\x7f-\x9f]", done.out) == []


# --- Questions in words, with the encoder that ships ----------------------------------------------------------------


def test_a_question_finds_its_article(built_index: Path, ask: Run) -> None:
    document = ask("what helps newborns during a painful blood test", "--index", built_index, "--json", "-k", 3).document
    assert document["results"][0]["title"] == "Skin-to-skin contact is analgesic in healthy newborns."
    assert document["query"] == "what helps newborns during a painful blood test"
    assert [hit["rank"] for hit in document["results"]] == [1, 2, 3]
    assert document["index"]["last_file"] == "sample-2.xml.gz"


def test_the_sample_says_what_its_abstracts_are(built_index: Path, ask: Run) -> None:
    done = ask("--like", 10617751, "--index", built_index, "-k", 1)
    assert " ".join(done.out.split()).endswith(SAMPLE_NOTE)


def test_another_encoder_is_refused(index: Path, ask: Run) -> None:
    done = ask("red foxes", "--index", index, "--encoder", "embedded")
    assert says_one_sentence(done, "The index was built with another encoder: toy", "embedded")


def test_an_encoder_that_is_gone(index: Path, ask: Run, tmp_path: Path) -> None:
    done = ask("red foxes", "--index", index, "--encoder", tmp_path / "gone")
    assert says_one_sentence(done, "'toy'", str(tmp_path / "gone"), "--encoder")


# --- What cannot be answered ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", "-k", "5"], "The question is empty"),
        ([" \t"], "The question is empty"),
        (["--mode", "lexical", "foxes AND (mice"], "Column 11: expected a closing parenthesis"),
        (["--mode", "lexical", "the of"], "has no word that could be looked for"),
        (["--like-text", "/nowhere.txt"], "--like-text /nowhere.txt cannot be read"),
        (["--like-text", "/dev/null"], "--like-text /dev/null holds no text"),
        (["--queries", "/nowhere.txt"], "/nowhere.txt cannot be read as questions"),
        (["--queries", "/dev/null"], "/dev/null holds no question"),
        (["foxes", "--mode", "lexical", "--mesh-tree", "/nowhere.xml"], "/nowhere.xml"),
        (["foxes", "--mode", "lexical", "--rerank", "./nowhere"], "There is no folder ./nowhere for --rerank"),
        (["--like", "99"], "PMID 99 is not in this index of 5 articles."),
        (["--like", str(KNOWN), "--unlike", "99"], "PMID 99 is not in this index of 5 articles."),
    ],
)
def test_a_question_that_cannot_be_answered(index: Path, ask: Run, arguments: list[str], said: str) -> None:
    assert says_one_sentence(ask(*arguments, "--index", index), said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected a question, --like PMID..., --like-text FILE or --queries FILE"),
        (["--unlike", str(KNOWN)], "expected a question, --like"),
        (["foxes", "--like", str(KNOWN)], "give one of them"),
        (["foxes", "--like-text", "-"], "give one of them"),
        (["foxes", "--queries", "some.txt"], "give one of them"),
        (["--like-text", "-", "--queries", "some.txt"], "give one of them"),
        (["--like", "foxes"], "a PMID or local id is a positive whole number; found 'foxes'"),
        (["--like", "0"], "found '0'"),
        (["--like", "-5"], "found '-5'"),
        (["--like", str(2**63)], "found '9223372036854775808'"),
        (["--like", str(KNOWN), "--mode", "lexical"], "leave out --mode lexical"),
        (["--like-text", "-", "--mode", "hybrid"], "leave out --mode hybrid"),
        (["--like", str(KNOWN), "--sort", "date"], "--sort date goes with a question, not with --like"),
        (["--like", str(KNOWN), "--rerank", "medcpt"], "--rerank goes with a question, not with --like"),
        (["foxes", "--rerank", "medcpt", "--sort", "date"], "leave out --sort date"),
        (["foxes", "--explain", "--mode", "lexical"], "leave out --mode lexical"),
        (["foxes", "--json", "--format", "ris"], "--json is --format json"),
        (["foxes", "--format", "word"], "invalid choice: 'word' (choose from"),
        (["foxes", "--sort", "age"], "invalid choice: 'age' (choose from"),
        (["foxes", "--journal", " "], "argument --journal: expected a value to look for, found ' '"),
        (["foxes", "--author", "caf\udce9"], "argument --author: this is not text"),
        (["foxes", "--mode", "fuzzy"], "invalid choice: 'fuzzy' (choose from"),
        (["foxes", "-k", "ten"], "expected a whole number above 0, found 'ten'"),
        (["foxes", "-k", "0"], "expected a whole number above 0, found '0'"),
        (["foxes", "-k", "-3"], "expected a whole number above 0, found '-3'"),
        (["foxes", "-k", "100000"], "expected at most 1,000 hits, found 100,000"),
        (["foxes", "--year", "2020:2010"], "put the earlier year first"),
        (["foxes", "--year", "recent"], "2015, 2015:2024, 2015: or :2024; found 'recent'"),
        (["foxes", "--year", "2010-2020"], "found '2010-2020'"),
        (["foxes", "--year", "2010:2015:2020"], "found '2010:2015:2020'"),
        (["foxes", "--rerank", ""], "argument --rerank: expected the name or the folder of a model, found ''"),
        (["foxes", "--encoder", ""], "argument --encoder: expected the name or the folder of a model, found ''"),
        (["foxes", "--encoder", " "], "argument --encoder: expected the name or the folder of a model, found ' '"),
        (["red", "foxes"], "unrecognized arguments: foxes"),
        (["caf\udce9"], "argument query: this is not text"),
    ],
)
def test_wrong_usage(ask: Run, arguments: list[str], said: str) -> None:
    done = ask(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("usage: pubmed-search ")
    assert done.err.splitlines()[-1].startswith("pubmed-search: error: ")
    assert said in done.err


def test_largest_pmid_is_a_pmid(index: Path, ask: Run) -> None:
    assert says_one_sentence(ask("--like", LARGEST_PMID, "--index", index), f"PMID {LARGEST_PMID} is not in this index")


# --- What is no index -----------------------------------------------------------------------------------------------


def no_folder(_index: Path, place: Path) -> None:
    """Leave the place empty."""


def empty_folder(_index: Path, place: Path) -> None:
    place.mkdir()


def a_file(_index: Path, place: Path) -> None:
    place.write_text("not an index", encoding="utf-8")


def other_folder(_index: Path, place: Path) -> None:
    place.mkdir()
    (place / "notes.txt").touch()


def never_published(index: Path, place: Path) -> None:
    shutil.copytree(index, place)
    (place / "current").unlink()


def lost_generation(index: Path, place: Path) -> None:
    shutil.copytree(index, place)
    (place / "current").write_text("0007\n", encoding="ascii")


def nonsense_in_current(index: Path, place: Path) -> None:
    shutil.copytree(index, place)
    (place / "current").write_text("../../elsewhere\n", encoding="ascii")


def later_format(index: Path, place: Path) -> None:
    shutil.copytree(index, place)
    manifest = place / "generations" / "0001" / "manifest.json"
    manifest.write_text(re.sub(r'"format_version": \d+', '"format_version": 99', manifest.read_text(encoding="utf-8")))


def lost_file(index: Path, place: Path) -> None:
    shutil.copytree(index, place)
    (place / "generations" / "0001" / "base" / "candidates.faiss").unlink()


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (no_folder, "There is no index in"),
        (empty_folder, "There is no index in"),
        (a_file, "There is no index in"),
        (other_folder, "is a folder without an index in it"),
        (never_published, "no build of it was finished"),
        (lost_generation, "names generation 0007, whose folder is missing"),
        (nonsense_in_current, "it says '../../elsewhere'"),
        (later_format, "has index format 99"),
        (lost_file, "candidates.faiss is missing from the index"),
    ],
)
def test_no_index(index: Path, ask: Run, tmp_path: Path, prepare: Callable[[Path, Path], None], said: str) -> None:
    prepare(index, tmp_path / "place")
    done = ask("--like", KNOWN, "--index", tmp_path / "place")
    assert says_one_sentence(done, said, str(tmp_path / "place"))
    assert "uild" in done.err  # what to run next


# --- The process ----------------------------------------------------------------------------------------------------


def run_process(*arguments: object, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "search.cli", *map(str, arguments)]
    return subprocess.run(command, stderr=subprocess.PIPE, timeout=60, check=False, **options)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_reader_that_has_seen_enough_is_no_failure(index: Path, form: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = run_process("--like", KNOWN, "--index", index, *form, stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is Linux's")
def test_an_answer_that_cannot_be_written_is_a_failure(index: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run_process("--like", KNOWN, "--index", index, stdout=full)
    assert done.returncode == 1
    assert done.stderr.decode().startswith(f"The output, or a file: {os.strerror(errno.ENOSPC).lower()}. ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_terminal_without_unicode_is_served(index: Path, form: list[str]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "300"}
    done = run_process("--like", KNOWN, "--index", index, *form, env=environment, stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    if form:
        assert HOSTILE_TITLE in {hit["title"] for hit in json.loads(done.stdout)["results"]}
    else:
        assert rb"3 of 5 articles \xb7 " in done.stdout

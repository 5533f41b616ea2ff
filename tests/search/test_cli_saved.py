"""Saved searches and feeds on the command line, with an encoder whose vectors count words by length."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from running import Done, Run, in_process
from toy import ToyEncoder, load_toy
from toy_index import build_rows

from indexer.progress import Silent
from indexer.sources import find_sources
from indexer.update import Update
from search import Filters, Mode, SavedSearch, SavedSearches
from search.cli import Loaders, main
from search.index_folder import IndexFolder
from search.results import Sort

ATOM = "{http://www.w3.org/2005/Atom}"
ASTHMA, COUGH, OLD, NEWER = 20000021, 20000022, 20000024, 20000031
ROWS = [
    {"pmid": ASTHMA, "title": "Asthma in children", "year": 2019, "publication_types": ["Review"]},
    {"pmid": COUGH, "title": "Cough and asthma", "year": 2021},
    {"pmid": OLD, "title": "Asthma, asthma and asthma", "year": 1980},
]
NEWS = {"pmid": NEWER, "title": "Asthma and a lot of other words that make it long", "year": 2020}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_rows(tmp_path_factory.mktemp("saved"), ROWS)


@pytest.fixture
def index(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "index")
    return tmp_path / "index"


@pytest.fixture
def ask(index: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("COLUMNS", "110")
    with in_process(partial(main, loaders=Loaders(encoder=load_toy)), capsys) as run:
        yield lambda *arguments: run(*arguments, "--index", index)


@pytest.fixture
def update(index: Path, tmp_path: Path) -> Callable[[], None]:
    """Adds an article to the index that answers, and ranks last."""

    def run() -> None:
        (tmp_path / "later.jsonl").write_text(json.dumps(NEWS), encoding="utf-8")
        Update(IndexFolder(index), ToyEncoder, Silent()).run(find_sources([tmp_path / "later.jsonl"]))

    return run


def fine(done: Done) -> str:
    assert (done.code, done.err) == (0, "")
    return done.out


def entries(done: Done) -> list[int]:
    """The PMIDs of a feed, in its order."""
    ids = [one.text or "" for one in ET.fromstring(fine(done).encode()).iterfind(f"{ATOM}entry/{ATOM}id")]  # noqa: S314
    return [int(one.rstrip("/").rpartition("/")[2]) for one in ids]


# --- Saving, listing, deleting --------------------------------------------------------------------------------------


def test_what_is_asked_is_saved_and_answered(ask: Run, index: Path) -> None:
    plain = fine(ask("asthma", "--mode", "lexical", "--format", "pmids"))
    asked = ("asthma", "--mode", "lexical", "--sort", "date", "--unlike", COUGH, "--type", "Review", "--year", "2000:")
    assert fine(ask(*asked, "--save", "weekly", "--format", "pmids")) == f"{ASTHMA}\n" != plain
    (saved,) = SavedSearches(index).all()
    filters = Filters(year_from=2000, publication_types=("Review",))
    assert saved.question == SavedSearch("x", "asthma", Mode.LEXICAL, filters, Sort.DATE, unlike=(COUGH,)).question
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", saved.last_looked)
    assert fine(ask("--saved", "weekly", "--format", "pmids")) == f"{ASTHMA}\n"


def test_articles_like_others_are_saved(ask: Run) -> None:
    found = fine(ask("--like", ASTHMA, "--unlike", OLD, "--save", "like", "--format", "pmids"))
    assert found == fine(ask("--saved", "like", "--format", "pmids")) == f"{COUGH}\n"
    assert ask("--saved", "like", "--json").document["query"] == f"like {ASTHMA} unlike {OLD}"


def test_a_question_that_is_refused_is_not_saved(ask: Run, index: Path) -> None:
    assert ask("asthma AND (cough", "--save", "weekly").code == 1
    assert not (index / "saved.sqlite").exists()


def test_the_list(ask: Run) -> None:
    assert fine(ask("--list-saved")) == "No search was saved yet: `pubmed-search QUESTION --save NAME` saves one.\n"
    assert ask("--list-saved", "--json").document == []
    ask("asthma", "--year", "2000:", "--journal", "N Engl J Med", "--include-retracted", "--save", "[bold]odd[/bold]")
    ask("--like", ASTHMA, COUGH, "--save", "'; DROP TABLE searches; --")
    head, *lines = fine(ask("--list-saved")).splitlines()
    assert head.split() == ["name", "asks", "saved", "last", "looked", "at"]
    moment = r" +\d{4}-\d\d-\d\d \d\d:\d\d UTC" * 2
    assert re.fullmatch(rf"'; DROP TABLE searches; -- +--like {ASTHMA} {COUGH}{moment} *", lines[0])
    assert re.fullmatch(rf"\[bold\]odd\[/bold\] +asthma --year 2000: --journal 'N{moment} *", lines[1])
    assert [line.strip() for line in lines[2:]] == ["Engl J Med' --include-retracted"]
    first, second = ask("--list-saved", "--json").document
    assert first["name"] == "'; DROP TABLE searches; --"
    assert (first["query"], first["like"], first["mode"]) == ("", [ASTHMA, COUGH], "dense")
    assert (second["query"], second["filters"]["year_from"], second["sort"]) == ("asthma", 2000, "relevance")


def test_a_saved_search_is_deleted(ask: Run) -> None:
    ask("asthma", "--save", "weekly")
    assert fine(ask("--delete-saved", "weekly")) == ""
    none = "No search was saved as 'weekly': `pubmed-search --list-saved` lists those that were.\n"
    for command in ("--delete-saved", "--saved"):
        done = ask(command, "weekly")
        assert (done.code, done.out, done.err) == (1, "", none)


def test_where_there_is_no_index(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with in_process(main, capsys) as run:
        for command in (["--list-saved"], ["--delete-saved", "x"], ["--saved", "x"], ["asthma", "--save", "x"]):
            done = run(*command, "--index", tmp_path / "none")
            assert (done.code, done.out) == (1, "")
            assert done.err.startswith("There is no index in ")
    assert list(tmp_path.iterdir()) == []


# --- What is new ----------------------------------------------------------------------------------------------------


def test_the_table_says_what_is_new_once(ask: Run, update: Callable[[], None]) -> None:
    ask("asthma", "--mode", "lexical", "--save", "weekly")
    assert re.match(r"weekly: nothing new since \d{4}-\d\d-\d\d \d\d:\d\d UTC\n", fine(ask("--saved", "weekly")))
    update()
    out = fine(ask("--saved", "weekly"))
    assert out.startswith("weekly: 1 new since ")
    assert re.findall(r"^\d +(.*) \[new\]", out, re.MULTILINE) == [NEWS["title"]]
    assert "new further down" not in out
    again = fine(ask("--saved", "weekly"))
    assert again.startswith("weekly: nothing new since ")
    assert "[new]" not in again


def test_news_below_the_hits_that_are_shown_is_named(ask: Run, update: Callable[[], None]) -> None:
    ask("asthma", "--mode", "lexical", "--save", "weekly")
    update()
    lines = fine(ask("--saved", "weekly", "-k", 1)).splitlines()
    assert lines[0].startswith("weekly: 1 new since ")
    assert lines[1] == f"new further down: {NEWER}"


def test_a_search_that_nobody_looked_at(ask: Run, index: Path, update: Callable[[], None]) -> None:
    SavedSearches(index).save(SavedSearch("weekly", "asthma", Mode.LEXICAL))
    document = ask("--saved", "weekly", "--json").document
    assert document["saved"] == {"name": "weekly", "last_looked": "", "new": None}
    out = fine(ask("--saved", "weekly"))
    assert out.startswith("weekly: nobody has looked at it before; what comes from now on is new\n")
    update()
    assert ask("--saved", "weekly", "--json").document["saved"]["new"] == [NEWER]


@pytest.mark.parametrize(
    ("form", "is_look"), [("table", True), ("ris", True), ("csv", True), ("pmids", True), ("json", False), ("atom", False)]
)
def test_people_look_and_programs_poll(ask: Run, update: Callable[[], None], form: str, is_look: bool) -> None:
    ask("asthma", "--mode", "lexical", "--save", "weekly")
    update()
    fine(ask("--saved", "weekly", "--format", form))
    saved = ask("--saved", "weekly", "--json").document["saved"]
    assert saved["new"] == ([] if is_look else [NEWER])
    assert saved["name"] == "weekly"


def test_the_answer_to_a_saved_search_is_that_to_its_question(ask: Run) -> None:
    asked = ask("asthma", "--json", "--save", "weekly").document
    again = ask("--saved", "weekly", "--json").document
    assert again.pop("saved")["new"] == []
    assert "saved" not in asked
    assert {**again, "took_ms": 0} == {**asked, "took_ms": 0}


# --- Feeds ----------------------------------------------------------------------------------------------------------


def test_any_answer_is_a_feed(ask: Run) -> None:
    found = [int(pmid) for pmid in fine(ask("asthma", "--format", "pmids")).split()]
    assert entries(ask("asthma", "--format", "atom")) == found
    assert entries(ask("asthma", "--format", "atom", "-k", 1)) == found[:1]
    assert entries(ask("--like", ASTHMA, "--format", "atom"))


def test_a_feed_is_the_same_whenever_it_is_asked(ask: Run, update: Callable[[], None]) -> None:
    def identity(*arguments: object) -> str | None:
        return ET.fromstring(fine(ask(*arguments, "--format", "atom")).encode()).findtext(f"{ATOM}id")  # noqa: S314

    ask("asthma", "--save", "weekly")
    commands: list[list[object]] = [
        ["asthma"],
        ["asthma", "--year", "2000:"],
        ["asthma", "--unlike", OLD],
        ["--saved", "weekly"],
    ]
    before = [identity(*command) for command in commands]
    update()
    assert [identity(*command, "-k", 2) for command in commands] == before
    assert len(set(before)) == len(before)


@pytest.mark.parametrize("search", [["asthma", "--mode", "lexical"], ["--like", ASTHMA]])
def test_the_feed_of_a_saved_search_holds_the_newest(ask: Run, update: Callable[[], None], search: list[object]) -> None:
    ask(*search, "--save", "weekly")
    update()
    newest = [pmid for pmid in (COUGH, NEWER, ASTHMA, OLD) if pmid not in search]
    for _ in range(2):
        assert entries(ask("--saved", "weekly", "--format", "atom")) == newest
        assert entries(ask("--saved", "weekly", "--format", "atom", "-k", 2)) == newest[:2]
        fine(ask("--saved", "weekly"))


# --- What does not go together, or does not work --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--saved", "x", "asthma"], "--saved asks what was saved: leave out the question"),
        (["--saved", "x", "--like", "1"], "leave out --like"),
        (["--saved", "x", "--like-text", "-"], "leave out --like-text"),
        (["--saved", "x", "--unlike", "1"], "leave out --unlike"),
        (["--saved", "x", "--queries", "f"], "leave out --queries"),
        (["--saved", "x", "--year", "2020"], "leave out --year"),
        (["--saved", "x", "--journal", "J"], "leave out --journal"),
        (["--saved", "x", "--type", "T"], "leave out --type"),
        (["--saved", "x", "--has-abstract"], "leave out --has-abstract"),
        (["--saved", "x", "--include-retracted"], "leave out --include-retracted"),
        (["--saved", "x", "--mode", "hybrid"], "leave out --mode"),
        (["--saved", "x", "--sort", "relevance"], "leave out --sort"),
        (["--saved", "x", "--rerank", "medcpt"], "leave out --rerank"),
        (["--saved", "x", "--save", "y"], "leave out --save"),
        (["--saved", "x", "--list-saved"], "--saved and --list-saved are two commands"),
        (["--list-saved", "asthma"], "--list-saved asks nothing: leave out the question"),
        (["--list-saved", "--format", "ris"], "--list-saved finds no articles: leave out --format ris"),
        (["--delete-saved", "x", "--json"], "--delete-saved finds no articles: leave out --format json"),
        (["--delete-saved", "x", "--save", "y"], "leave out --save"),
        (["--save", "x"], "expected a question"),
        (
            ["--save", "x", "--queries", "f"],
            "--save keeps a question, or --like PMID..., with its filters: leave out --queries",
        ),
        (["--save", "x", "--like-text", "-"], "leave out --like-text"),
        (["--save", "x", "asthma", "--rerank", "medcpt"], "leave out --rerank"),
        (["--save", "", "asthma"], "argument --save: The name of a saved search has 1 to 100 characters"),
        (["--saved", "a\nb"], "none of them a control character; found 'a\\nb'."),
        (["--queries", "f", "--format", "atom"], "--format atom is the feed of one search: leave out --queries"),
        (["asthma", "--json", "--format", "atom"], "--json is --format json"),
    ],
)
def test_wrong_usage(ask: Run, arguments: list[str], said: str) -> None:
    done = ask(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err.splitlines()[-1]


def test_a_broken_file_breaks_no_search(ask: Run, index: Path) -> None:
    (index / "saved.sqlite").write_bytes(b"no database")
    assert fine(ask("asthma", "--format", "pmids"))
    for command in (["--list-saved"], ["--saved", "x"], ["--delete-saved", "x"], ["asthma", "--save", "x"]):
        done = ask(*command)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert done.err.startswith(f"{index / 'saved.sqlite'} is damaged, or is no file of saved searches")


@pytest.fixture
def read_only(built: Path) -> Iterator[Path]:
    """An index with a saved search in a folder that nobody may write; pytest's own may not be entered by others."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        index = Path(made) / "index"
        shutil.copytree(built, index)
        for path in index.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)  # tantivy makes files for their maker alone
        SavedSearches(index).save(SavedSearch("weekly", "asthma", Mode.LEXICAL))
        (index / "saved.sqlite").chmod(0o444)
        index.chmod(0o555)
        yield index
        index.chmod(0o755)


def test_an_index_that_may_only_be_read_is_searched(read_only: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with in_process(partial(main, loaders=Loaders(encoder=load_toy)), capsys) as run:
        is_root = os.geteuid() == 0
        os.seteuid(65_534) if is_root else None  # permissions do not bind root
        try:
            done = run("--saved", "weekly", "--format", "pmids", "--index", read_only)
            refused = run("asthma", "--save", "other", "--index", read_only)
        finally:
            os.seteuid(0) if is_root else None
    assert done.code == 0
    assert sorted(done.out.split()) == [str(ASTHMA), str(COUGH), str(OLD)]
    assert re.fullmatch(r".*cannot be opened or written \(.*\)\. .* What is new now will be said to be new again\.\n", done.err)
    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)

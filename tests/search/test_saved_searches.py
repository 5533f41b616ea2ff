"""Saved searches: what is kept comes back, many may write at once, and a file that cannot be used says so."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import ROOT, BuildToy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy import article, load_toy

from search import Filters, Mode, SavedSearch, SavedSearches, Searcher
from search.article import LARGEST_ID
from search.errors import (
    BrokenIndex,
    IndexFolderError,
    IndexLocked,
    IndexVersion,
    PubMedSearchError,
    QueryError,
    SavedSearchError,
)
from search.results import Sort
from search.saved_file import SavedFile
from search.saved_search import LONGEST_NAME, LONGEST_QUESTION
from search.saved_searches import MOST_SAVED

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEEKLY = SavedSearch("weekly", "statins and muscle pain", filters=Filters(year_from=2020, journals=("Lancet",)))
ODD_NAMES = [
    "'; DROP TABLE searches; --",
    'say "hi"',
    "Müller's β`s",
    "检索 🔎",
    "a%_b",
    "../../etc/passwd",
    "[bold]x[/bold]",
    "-k",
]


class Clock:
    """A clock that goes on by a minute whenever it is read."""

    def __init__(self) -> None:
        self.time = NOON - timedelta(minutes=1)

    def __call__(self) -> datetime:
        self.time += timedelta(minutes=1)
        return self.time


@pytest.fixture
def saved(tmp_path: Path) -> SavedSearches:
    return SavedSearches(tmp_path, Clock())


# --- What is kept ---------------------------------------------------------------------------------------------------


def test_nothing_is_made_by_reading(saved: SavedSearches, tmp_path: Path) -> None:
    assert (saved.all(), saved.get("weekly"), saved.delete("weekly")) == ([], None, False)
    assert list(tmp_path.iterdir()) == []


def test_a_search_comes_back_with_the_time_when_it_was_saved(saved: SavedSearches, tmp_path: Path) -> None:
    kept = saved.save(WEEKLY)
    assert kept == replace(WEEKLY, created="2026-03-01T12:00:00+00:00", last_looked="")
    assert saved.get("weekly") == kept
    assert saved.all() == [kept]
    assert [path.name for path in tmp_path.iterdir()] == ["saved.sqlite"]


def test_the_newest_first(saved: SavedSearches) -> None:
    for name in ("a", "c", "b"):
        saved.save(replace(WEEKLY, name=name))
    saved.save(SavedSearch("a", "another question"))
    saved.save(replace(WEEKLY, name="c"))
    assert [search.name for search in saved.all()] == ["a", "b", "c"]


def test_the_same_question_stays_as_it_is_and_another_replaces_it(saved: SavedSearches) -> None:
    first = saved.save(WEEKLY)
    assert saved.save(replace(WEEKLY, created="never", last_looked="never")) == first
    second = saved.save(replace(WEEKLY, unlike=(7,)))
    assert second.created == "2026-03-01T12:01:00+00:00"
    assert saved.all() == [second]


def test_a_search_is_found_by_what_it_asks(saved: SavedSearches) -> None:
    assert saved.find(WEEKLY.question) is None
    kept = saved.save(WEEKLY)
    saved.save(replace(WEEKLY, name="of others", unlike=(7,)))
    saved.save(SavedSearch("like one", like=(7,)))
    assert saved.find(WEEKLY.question) == kept
    assert saved.find(replace(WEEKLY, sort=Sort.DATE).question) is None
    assert saved.find(SavedSearch("as asked", like=(7,)).question) == saved.get("like one")
    assert saved.find(SavedSearch("as asked", like=(8,)).question) is None


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_is_text_and_nothing_else(saved: SavedSearches, name: str) -> None:
    other = saved.save(WEEKLY)
    odd = saved.save(SavedSearch(name, "asthma"))
    assert saved.get(name) == odd
    assert {search.name for search in saved.all()} == {"weekly", name}
    assert saved.delete(name)
    assert not saved.delete(name)
    assert saved.all() == [other]


def test_one_name_in_two_spellings_of_unicode_is_one_name(saved: SavedSearches) -> None:
    kept = saved.save(SavedSearch("  Mu\u0308ller ", "asthma"))
    assert kept.name == "Müller"
    assert saved.get("Müller") == saved.get("Mu\u0308ller") == kept


@pytest.mark.parametrize("name", ["", "  ", "x" * (LONGEST_NAME + 1), "a\nb", "a\x00b", "\x1b[31m", "a\u2028b", "caf\udce9"])
def test_what_is_no_name(saved: SavedSearches, name: str) -> None:
    for refused in (lambda: SavedSearch(name, "asthma"), lambda: saved.get(name), lambda: saved.delete(name)):
        saved.save(WEEKLY)
        with pytest.raises(SavedSearchError, match=r"^The name of a saved search has 1 to 100 characters, .*; found '.*'\.$"):
            refused()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, "found neither"),
        ({"query": " \n"}, "found neither"),
        ({"query": "asthma", "like": (1,)}, "found both"),
        ({"query": "asthma", "unlike": (0,)}, "found 0"),
        ({"like": (LARGEST_ID + 1,)}, f"found {LARGEST_ID + 1}"),
        ({"query": "x" * (LONGEST_QUESTION + 1)}, "at most 50,000 characters, its filters included; found 50,001"),
        ({"query": "x", "filters": Filters(mesh=("y" * LONGEST_QUESTION,))}, "found 50,001"),
        ({"query": "caf\udce9"}, r"must be text; found '\\udce9'"),
        ({"query": "x", "filters": Filters(authors=("caf\udce9",))}, r"found '\\udce9'"),
    ],
)
def test_what_cannot_be_saved(parts: dict[str, object], said: str) -> None:
    with pytest.raises(SavedSearchError, match=said):
        SavedSearch("name", **parts)  # type: ignore[arg-type]


def test_a_mode_and_a_sort_that_there_are_not() -> None:
    for parts in ({"mode": "fuzzy"}, {"sort": "age"}):
        with pytest.raises(QueryError):
            SavedSearch("name", "asthma", **parts)  # type: ignore[arg-type]


def test_articles_like_others_are_ranked_by_meaning() -> None:
    search = SavedSearch("name", like=(1, 2), mode=Mode.LEXICAL, sort=Sort.DATE)
    assert (search.mode, search.sort) == (Mode.DENSE, Sort.RELEVANCE)


def test_only_so_many_are_kept(saved: SavedSearches) -> None:
    for number in range(MOST_SAVED):
        saved.save(replace(WEEKLY, name=f"number {number}"))
    with pytest.raises(SavedSearchError, match="There are 500 saved searches already"):
        saved.save(WEEKLY)
    saved.save(SavedSearch("number 7", "another question"))
    assert saved.delete("number 8")
    saved.save(WEEKLY)
    assert len(saved.all()) == MOST_SAVED


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
QUERIES = TEXTS.filter(str.strip)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=30).filter(str.strip)
IDS = st.lists(st.integers(1, LARGEST_ID), max_size=3).map(tuple)
VALUES = st.lists(st.from_regex(r"\w[\w ']{0,9}", fullmatch=True), max_size=2).map(tuple)
FILTERS = st.builds(
    Filters,
    year_from=st.none() | st.integers(0, 2000),
    year_to=st.none() | st.integers(2000, 10**30),
    journals=VALUES,
    authors=VALUES,
    has_abstract=st.booleans(),
    include_retracted=st.booleans(),
)
SEARCHES = st.builds(
    SavedSearch, NAMES, QUERIES, st.sampled_from(Mode), FILTERS, st.sampled_from(Sort), unlike=IDS
) | st.builds(SavedSearch, NAMES, filters=FILTERS, like=IDS.filter(bool), unlike=IDS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(search=SEARCHES)
def test_every_search_comes_back_as_it_was_saved(search: SavedSearch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = SavedSearches(folder, lambda: NOON).save(search)
        assert kept == replace(search, created="2026-03-01T12:00:00+00:00", last_looked="")
        assert SavedSearches(folder).get(search.name) == kept


# --- Looking --------------------------------------------------------------------------------------------------------


@pytest.fixture
def index(build_toy: BuildToy, tmp_path: Path) -> Path:
    build_toy([article(pmid, "a bb ccc") for pmid in (1, 2, 3)])
    return tmp_path / "index"


def opened(index: Path) -> Searcher:
    return Searcher.open(index, load=load_toy)


def test_what_is_new_is_told_until_it_was_seen(index: Path, build_toy: BuildToy) -> None:
    saved = SavedSearches(index, Clock())
    search = saved.save(SavedSearch("words", "bb", mode=Mode.LEXICAL))
    with opened(index) as searcher:
        results = search.ask(searcher, k=1)
        assert (len(results), results.ranked) == (1, (3, 2, 1))
        assert saved.new_since_last_time(search, results, searcher) is None
        saved.mark_seen(search, results, searcher)
        assert saved.new_since_last_time(search, results, searcher) == ()
    assert saved.all() == [replace(search, last_looked="2026-03-01T12:01:00+00:00")]
    build_toy([article(pmid, "a bb ccc") for pmid in (1, 2, 3, 4)])
    with opened(index) as searcher:
        results = search.ask(searcher)
        assert saved.new_since_last_time(search, results, searcher) == (4,)
        assert saved.new_since_last_time(search, results, searcher) == (4,)
        saved.mark_seen(search, results, searcher)
        assert saved.new_since_last_time(search, results, searcher) == ()


def test_another_question_under_the_name_begins_anew(index: Path) -> None:
    saved = SavedSearches(index)
    old = saved.save(SavedSearch("words", "bb", mode=Mode.LEXICAL))
    with opened(index) as searcher:
        results = old.ask(searcher)
        saved.mark_seen(old, results, searcher)
        saved.save(SavedSearch("words", "bb", mode=Mode.LEXICAL))
        assert saved.new_since_last_time(old, results, searcher) == ()
        new = saved.save(SavedSearch("words", "ccc", mode=Mode.LEXICAL))
        assert saved.new_since_last_time(new, results, searcher) is None
        # Who still has the answer to the old question has not seen the answer to the new one.
        saved.mark_seen(old, results, searcher)
        assert (saved.new_since_last_time(old, results, searcher), saved.get("words")) == (None, new)
        saved.delete("words")
        saved.mark_seen(new, results, searcher)
        assert (saved.new_since_last_time(new, results, searcher), saved.all()) == (None, [])


def test_a_look_at_an_older_generation_does_not_make_new_what_was_seen(index: Path, build_toy: BuildToy) -> None:
    saved = SavedSearches(index, Clock())
    search = saved.save(SavedSearch("words", "bb", mode=Mode.LEXICAL))
    with opened(index) as left_open:
        build_toy([article(pmid, "a bb ccc") for pmid in (1, 2, 3, 4)])
        with opened(index) as searcher:
            saved.mark_seen(search, search.ask(searcher), searcher)
            saved.mark_seen(search, search.ask(left_open), left_open)
            assert saved.new_since_last_time(search, search.ask(searcher), searcher) == ()
    assert [one.last_looked for one in saved.all()] == ["2026-03-01T12:02:00+00:00"]


def test_a_search_is_asked_as_it_was_saved(index: Path) -> None:
    with opened(index) as searcher:
        like = SavedSearch("like", like=(1,), unlike=(2,)).ask(searcher, 5, explain=1)
        assert (like.query, like.ranked) == ("like 1 unlike 2", (3,))
        assert like.hits[0].why.nearest is not None
        words = SavedSearch("words", "bb", Mode.LEXICAL, Filters(year_to=1900)).ask(searcher)
        assert (words.query, words.mode, words.filters, words.ranked) == ("bb", Mode.LEXICAL, Filters(year_to=1900), ())
        assert [hit.pmid for hit in SavedSearch("words", "bb", sort=Sort.DATE, unlike=(3,)).ask(searcher, 1, skip=1)] == [1]


# --- Many at once ---------------------------------------------------------------------------------------------------

WRITER = """
import sys
from search import SavedSearch, SavedSearches
folder, who, count = sys.argv[1:]
saved = SavedSearches(folder)
sys.stdin.readline()
for number in range(int(count)):
    saved.save(SavedSearch(f"{who} {number}", "asthma"))
    saved.save(SavedSearch("shared", f"{who} {number}"))
    saved.delete(f"{who} {number - 1}") if number % 2 else None
"""


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    count = 30
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [
        subprocess.Popen([*command, who, str(count)], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for who in ("one", "two")
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()
    ended = [(writer.communicate(timeout=120)[1], writer.returncode) for writer in writers]
    assert ended == [(b"", 0)] * 2
    names = [search.name for search in SavedSearches(tmp_path).all()]
    assert sorted(names) == sorted(["shared", *(f"{who} {n}" for who in ("one", "two") for n in range(1, count, 2))])
    assert [path.name for path in tmp_path.iterdir()] == ["saved.sqlite"]


def test_threads_share_one(tmp_path: Path) -> None:
    saved = SavedSearches(tmp_path)

    def write(who: int) -> None:
        for number in range(10):
            saved.save(SavedSearch(f"{who} {number}", "asthma"))
            assert saved.get(f"{who} {number}") is not None

    threads = [threading.Thread(target=write, args=(who,)) for who in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(saved.all()) == 60


def test_who_comes_while_another_writes_waits(tmp_path: Path) -> None:
    saved = SavedSearches(tmp_path)
    saved.save(WEEKLY)
    with contextlib.closing(sqlite3.connect(tmp_path / "saved.sqlite", check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.3, other.rollback).start()
        saved.save(SavedSearch("waited", "asthma"))
    assert [search.name for search in saved.all()] == ["waited", "weekly"]


def test_who_waits_too_long_is_told(saved: SavedSearches, tmp_path: Path) -> None:
    saved.save(WEEKLY)
    file = SavedFile(tmp_path / "saved.sqlite", seconds_waited=0.1)
    with contextlib.closing(sqlite3.connect(tmp_path / "saved.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        for transaction in (file.reading, file.changing, file.adding):
            with pytest.raises(IndexLocked, match=r"^Another process keeps .*saved\.sqlite locked\. Wait"), transaction():
                pass


# --- Files that cannot be used --------------------------------------------------------------------------------------


def refused(saved: SavedSearches, kind: type[PubMedSearchError], said: str) -> None:
    """Every way to use the file raises one sentence or two that name it."""
    for action in (saved.all, lambda: saved.get("weekly"), lambda: saved.save(WEEKLY), lambda: saved.delete("weekly")):
        with pytest.raises(kind, match=said) as raised:
            action()
        assert "saved.sqlite" in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_none(saved: SavedSearches, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "saved.sqlite").write_bytes(content)
    refused(saved, BrokenIndex, r"is damaged, or is no file of saved searches \(.*\)\. Put a copy of it back")
    assert (tmp_path / "saved.sqlite").read_bytes() == content


def test_a_file_that_is_cut_short(saved: SavedSearches, tmp_path: Path) -> None:
    path = tmp_path / "saved.sqlite"
    for number in range(200):
        saved.save(replace(WEEKLY, name=f"number {number}"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BrokenIndex, match="is damaged"):
        saved.all()


def test_an_empty_file_is_one_that_was_just_begun(saved: SavedSearches, tmp_path: Path) -> None:
    (tmp_path / "saved.sqlite").touch()
    assert (saved.all(), saved.get("weekly"), saved.delete("weekly")) == ([], None, False)
    saved.save(WEEKLY)
    assert len(saved.all()) == 1


def test_a_database_of_another_kind(saved: SavedSearches, tmp_path: Path) -> None:
    shutil.copyfile(made_by("CREATE TABLE other (x)", tmp_path / "other"), tmp_path / "saved.sqlite")
    refused(saved, BrokenIndex, "it has other tables")


def test_a_file_of_a_later_version(saved: SavedSearches, tmp_path: Path) -> None:
    saved.save(WEEKLY)
    made_by("PRAGMA user_version = 99", tmp_path / "saved.sqlite")
    refused(saved, IndexVersion, "has format 99 of saved searches; this version of the project reads format 1")


@pytest.mark.parametrize(
    "change",
    ["filters = '{'", 'filters = \'{"year_from": 2, "year_to": 1}\'', "mode = 'fuzzy'", "like_ids = '[1]'", "query = ''"],
)
def test_a_row_that_is_no_search(saved: SavedSearches, tmp_path: Path, change: str) -> None:
    saved.save(WEEKLY)
    made_by(f"UPDATE searches SET {change}", tmp_path / "saved.sqlite")  # noqa: S608  (the test's own)
    for action in (saved.all, lambda: saved.get("weekly")):
        with pytest.raises(BrokenIndex, match="is damaged"):
            action()


def test_a_look_that_is_none(index: Path) -> None:
    saved = SavedSearches(index)
    search = saved.save(SavedSearch("words", "bb", mode=Mode.LEXICAL))
    made_by("UPDATE searches SET seen = '[]'", index / "saved.sqlite")
    with opened(index) as searcher, pytest.raises(BrokenIndex, match="is damaged"):
        saved.new_since_last_time(search, search.ask(searcher), searcher)


def made_by(statement: str, path: Path) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    return path


ROOM = "Free some space; searching works without it."
FILLER = """
import resource, sys
from search import SavedSearch, SavedSearches
from search.errors import StorageFull
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
saved = SavedSearches(sys.argv[1])
try:
    for number in range(100):
        saved.save(SavedSearch(f"number {number}", "x" * 5_000))
except StorageFull as error:
    print(len(saved.all()), error)
"""


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILLER, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    count, _, said = done.stdout.partition(" ")
    assert said == f"The disk of {tmp_path / 'saved.sqlite'} is full or cannot be written. {ROOM}\n"
    assert 0 < int(count) < 100
    assert len(SavedSearches(tmp_path).all()) == int(count)


def test_a_folder_in_its_place(saved: SavedSearches, tmp_path: Path) -> None:
    (tmp_path / "saved.sqlite").mkdir()
    refused(saved, IndexFolderError, r"cannot be opened or written \(.*\)\. Saved searches need a folder")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    saved = SavedSearches(tmp_path / "none")
    assert saved.all() == []
    with pytest.raises(IndexFolderError, match=r"cannot be opened or written \(No such file or directory\)"):
        saved.save(WEEKLY)
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def reader() -> Iterator[None]:
    """Be somebody whom permissions bind, which they do not root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder with a saved search in it that nobody may write; pytest's own may not be entered by others."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        SavedSearches(folder, lambda: NOON).save(WEEKLY)
        (folder / "saved.sqlite").chmod(0o444)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def test_a_folder_that_cannot_be_written_is_read(read_only: Path) -> None:
    saved = SavedSearches(read_only)
    with reader():
        assert [search.name for search in saved.all()] == ["weekly"]
        for action in (lambda: saved.save(SavedSearch("x", "asthma")), lambda: saved.delete("weekly")):
            with pytest.raises(IndexFolderError, match=r"cannot be opened or written \(.*\)\. Saved searches need a folder"):
                action()
    assert [search.name for search in saved.all()] == ["weekly"]


def test_a_folder_that_cannot_be_written_gets_no_file(read_only: Path) -> None:
    read_only.chmod(0o755)
    (read_only / "saved.sqlite").unlink()
    read_only.chmod(0o555)
    with reader(), pytest.raises(IndexFolderError, match=r"cannot be opened or written \(Permission denied\)"):
        SavedSearches(read_only).save(WEEKLY)


def test_a_folder_that_cannot_be_entered(read_only: Path) -> None:
    read_only.chmod(0)
    with reader(), pytest.raises(IndexFolderError, match=r"cannot be opened or written \(.*\)\. Saved searches need a folder"):
        SavedSearches(read_only).all()

"""Laying later statements over a base: PMID by PMID, the one of the highest precedence counts."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import article

from indexer.overlay import Changes, Overlay
from search.article import Article
from search.catalogue import Catalogue
from search.catalogue_writer import CatalogueWriter
from search.precedence import Precedence

PMIDS = range(1, 9)
# One of NLM's files: its number, the (PMID, title, version) of its records, and what it deletes.
File = tuple[int, list[tuple[int, str, int]], set[int]]
RECORDS = st.lists(st.tuples(st.sampled_from(PMIDS), st.sampled_from("ab"), st.integers(1, 2)), max_size=6)
FILES = st.tuples(st.integers(1, 30), RECORDS, st.sets(st.sampled_from(PMIDS), max_size=3))


def collected(path: Path, files: Sequence[File]) -> CatalogueWriter:
    """Files of one run, read in the order of their numbers as the collector reads them."""
    catalogue = CatalogueWriter.open(path)
    for number, records, deleted in sorted(files, key=lambda file: file[0]):
        catalogue.upsert([article(pmid, title, version=version) for pmid, title, version in records], year=2026, number=number)
        catalogue.delete(deleted, year=2026, number=number)
    return catalogue


def final_state(files: Sequence[File]) -> dict[int, str]:
    """The titles that remain: of every PMID's statements the one with the highest key."""
    said: dict[int, list[tuple[Precedence, str | None]]] = {}
    for number, records, deleted in files:
        for place, (pmid, title, version) in enumerate(records):
            said.setdefault(pmid, []).append((Precedence(2026, number, version, place), title))
        for pmid in deleted:
            said.setdefault(pmid, []).append((Precedence.of_deletion(2026, number), None))
    best = {pmid: max(statements, key=lambda one: one[0])[1] for pmid, statements in said.items()}
    return {pmid: title for pmid, title in best.items() if title is not None}


def live(base: Catalogue, delta: CatalogueWriter) -> dict[int, str]:
    kept = [pmid for pmid in PMIDS if pmid not in delta.deletions(PMIDS)]
    return {pmid: one.title for pmid, one in (base.articles(kept) | delta.articles(PMIDS)).items()}


@settings(max_examples=40, deadline=None)
@given(files=st.lists(FILES, min_size=2, max_size=5, unique_by=lambda file: file[0]), data=st.data())
def test_any_runs_in_any_order_come_to_the_same(files: list[File], data: st.DataObject) -> None:
    """The first files are the base; the others come in runs of one or two, in order or, as if forced, out of it."""
    first = data.draw(st.integers(1, len(files) - 1))
    runs = [files[first:][start : start + 2] for start in range(0, len(files) - first, data.draw(st.integers(1, 2)))]
    with tempfile.TemporaryDirectory() as folder:
        base, delta = collected(Path(folder) / "base", files[:first]), CatalogueWriter.open(Path(folder) / "delta")
        before = live(base, delta)
        for number, run in enumerate(runs):
            later = collected(Path(folder) / str(number), run)
            changes = Overlay(base, delta).lay(later)
            after = live(base, delta)
            assert {pmid for pmid in PMIDS if before.get(pmid) != after.get(pmid)} <= set(changes.changed)
            assert len(set(changes.changed)) == len(changes.changed) == changes.inserted + changes.revised + changes.deleted
            assert not Overlay(base, delta).lay(later).has_any
            later.close()
            before = after
        assert before == final_state(files)
        base.close()
        delta.close()


Lay = Callable[..., Changes]


@pytest.fixture
def lay(tmp_path: Path) -> Iterator[Lay]:
    """Lays articles and deletions of one file over a base of file 5 with the articles 1, 2 and 3."""
    base, delta = CatalogueWriter.open(tmp_path / "base"), CatalogueWriter.open(tmp_path / "delta")
    base.upsert([article(pmid, "known") for pmid in (1, 2, 3)], year=2026, number=5)
    base.delete([4], year=2026, number=5)

    def run(articles: Sequence[Article], deleted: Sequence[int] = (), *, year: int = 2026, number: int) -> Changes:
        later = CatalogueWriter.open(tmp_path / f"later{len(list(tmp_path.iterdir()))}")
        later.upsert(articles, year=year, number=number)
        later.delete(deleted, year=year, number=number)
        changes = Overlay(base, delta).lay(later)
        later.close()
        return changes

    yield run
    base.close()
    delta.close()


def counts(changes: Changes) -> dict[str, int]:
    names = ("inserted", "revised", "refreshed", "deleted", "older", "remembered")
    return {name: count for name in names if (count := getattr(changes, name))}


def test_what_a_later_file_says_is_counted(lay: Lay) -> None:
    changes = lay([article(1, "new"), article(2, "known"), article(9, "another")], [3, 77], number=6)
    assert counts(changes) == {"inserted": 1, "revised": 1, "refreshed": 1, "deleted": 1, "remembered": 3}
    assert sorted(changes.changed) == [1, 3, 9]


def test_what_an_older_file_says_counts_only_where_nothing_else_does(lay: Lay) -> None:
    changes = lay([article(1, "old"), article(4, "deleted since"), article(9, "only here")], [2], number=4)
    assert counts(changes) == {"inserted": 1, "older": 3}
    assert list(changes.changed) == [9]


def test_a_file_that_confirms_a_record_is_remembered(lay: Lay) -> None:
    assert counts(lay([article(1, "known")], number=9)) == {"refreshed": 1, "remembered": 1}
    assert counts(lay([article(1, "older")], number=8)) == {"older": 1}


def test_a_deletion_of_an_unknown_pmid_is_remembered(lay: Lay) -> None:
    assert counts(lay([], [77], number=9)) == {"remembered": 1}
    assert counts(lay([article(77, "late")], number=8)) == {"older": 1}
    assert counts(lay([article(77, "restored")], number=10)) == {"inserted": 1}


def test_a_later_file_restores_what_was_deleted(lay: Lay) -> None:
    assert counts(lay([], [1], number=6)) == {"deleted": 1, "remembered": 1}
    assert counts(lay([article(1, "known"), article(4, "back")], number=7)) == {"inserted": 2}


def test_files_of_other_names_count_less_than_those_of_the_series(lay: Lay) -> None:
    assert counts(lay([article(1, "mine"), article(9, "mine")], [2], year=0, number=1)) == {"inserted": 1, "older": 2}
    assert counts(lay([article(9, "mine")], year=0, number=2)) == {"refreshed": 1}
    assert counts(lay([], [9], year=0, number=3)) == {"deleted": 1, "remembered": 1}


def test_nothing_new(lay: Lay) -> None:
    assert not lay([], number=6).has_any

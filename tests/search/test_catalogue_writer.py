"""Writing a catalogue: in whole transactions, merged from two, left as one file."""

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import article

from search.article import Article
from search.catalogue import Catalogue, Definition, Row
from search.catalogue_writer import CatalogueWriter, merge_catalogues
from search.errors import BrokenIndex
from search.precedence import Precedence

AKI = "AKI", "acute kidney injury"
# (number of the file, PMID, whether it is deleted there)
STATEMENTS = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 12), st.booleans()), max_size=20)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[CatalogueWriter]:
    writer = CatalogueWriter.open(tmp_path / "catalogue.sqlite")
    yield writer
    writer.close()


def written(path: Path, statements: Sequence[tuple[int, int, bool]]) -> Path:
    """A finished catalogue of what files say, one after the other."""
    writer = CatalogueWriter.open(path)
    for number, pmid, is_deleted in sorted(statements, key=lambda one: one[0]):
        if is_deleted:
            writer.delete([pmid], year=2026, number=number)
        else:
            writer.upsert([article(pmid, f"of {path.name}")], year=2026, number=number)
    writer.finish()
    return path


def contents(path: Path) -> tuple[dict[int, Row], dict[int, Precedence]]:
    catalogue = Catalogue.open(path)
    try:
        return catalogue.rows(range(20)), catalogue.deletions(range(20))
    finally:
        catalogue.close()


@settings(max_examples=20, deadline=None)
@given(older=STATEMENTS, newer=STATEMENTS)
def test_merging_equals_laying_one_over_the_other(
    older: list[tuple[int, int, bool]], newer: list[tuple[int, int, bool]]
) -> None:
    later = [(number + 3, pmid, is_deleted) for number, pmid, is_deleted in newer]
    with tempfile.TemporaryDirectory() as folder:
        base, delta = written(Path(folder) / "base", older), written(Path(folder) / "delta", later)
        before = base.read_bytes(), delta.read_bytes()
        merge_catalogues(base, delta, Path(folder) / "merged")
        (rows, deletions), (newer_rows, newer_deletions) = contents(base), contents(delta)
        assert contents(Path(folder) / "merged") == (
            {pmid: row for pmid, row in rows.items() if pmid not in newer_deletions} | newer_rows,
            {pmid: by for pmid, by in deletions.items() if pmid not in newer_rows} | newer_deletions,
        )
        assert (base.read_bytes(), delta.read_bytes()) == before


def test_merged_definitions_are_summed_and_none_is_kept_that_nobody_has(tmp_path: Path) -> None:
    for name, counts in (("base", (2, 1, 3)), ("delta", (1, -1, 4))):
        part = CatalogueWriter.open(tmp_path / name)
        forms = (AKI, ("CLD", "chronic lung disease"), (f"only {name}", "x"))
        part.add_definitions([Definition(*form, count) for form, count in zip(forms, counts, strict=True)])
        part.finish()
    merge_catalogues(tmp_path / "base", tmp_path / "delta", tmp_path / "merged")
    merged = Catalogue.open(tmp_path / "merged")
    found = merged.definitions(shorts=["AKI", "CLD", "only base", "only delta"])
    merged.close()
    assert {one.short: one.articles for one in found} == {"AKI": 3, "only base": 3, "only delta": 4}


def test_what_is_written_together_is_written_whole_or_not_at_all(writer: CatalogueWriter) -> None:
    def write(articles: list[Article]) -> None:
        with writer.together():
            writer.note("file 1")
            writer.upsert(articles[:1])
            writer.upsert(articles[1:])

    with pytest.raises(AttributeError, match="no attribute 'pmid'"):
        write([article(1, "one"), None])  # type: ignore[list-item]
    assert (writer.count(), writer.notes()) == (0, [])
    write([article(1, "one"), article(2, "two")])
    assert (writer.count(), writer.notes()) == (2, ["file 1"])


def test_an_insertion_undoes_a_deletion_and_the_other_way_round(writer: CatalogueWriter) -> None:
    writer.delete([1], number=1)
    writer.upsert([article(1, "back")], number=2)
    assert (list(writer.rows([1])), writer.deletions([1])) == ([1], {})
    assert writer.delete([1], number=3) == 1
    assert (writer.rows([1]), writer.deletions([1])) == ({}, {1: Precedence.of_deletion(0, 3)})


def test_definitions_add_up_until_they_are_cleared(writer: CatalogueWriter) -> None:
    for count in (2, 3, -1):
        writer.add_definitions([Definition(*AKI, count)])
    assert writer.definitions(shorts=["AKI"]) == writer.definitions(longs=[AKI[1]]) == [Definition(*AKI, 4)]
    writer.clear_definitions()
    assert writer.definitions(shorts=["AKI"]) == []


def test_nothing_to_write(writer: CatalogueWriter) -> None:
    writer.put([])
    writer.add_definitions([])
    assert (writer.put_deletions({}), writer.count()) == (0, 0)


def test_finished_it_is_one_file_without_notes(writer: CatalogueWriter, tmp_path: Path) -> None:
    writer.upsert([article(1, "one")])
    writer.note("file 1")
    writer.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["catalogue.sqlite"]
    assert CatalogueWriter.open(tmp_path / "catalogue.sqlite").notes() == []


def test_a_writer_that_died_goes_on_where_it_was(tmp_path: Path) -> None:
    died = CatalogueWriter.open(tmp_path / "catalogue.sqlite")
    died.upsert([article(1, "one")])
    died.note("file 1")
    after = CatalogueWriter.open(tmp_path / "catalogue.sqlite")
    assert (list(after.articles([1])), after.notes()) == ([1], ["file 1"])
    after.close()
    died.close()


def test_files_that_are_no_catalogue(tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(b"not a database" * 100)
    with pytest.raises(BrokenIndex, match=r"cannot be opened as a catalogue .* Remove it\."):
        CatalogueWriter.open(tmp_path / "garbage")
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE articles (pmid)").connection.close()
    other = CatalogueWriter.open(tmp_path / "other")
    with pytest.raises(BrokenIndex, match="cannot be read"):
        other.articles([1])
    other.close()

"""The catalogue: what goes in comes out, and the highest precedence wins."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import article

from search.article import AbstractSection, Article, Author, Correction, MeshHeading, MeshQualifier, OtherAbstract
from search.catalogue import Catalogue
from search.catalogue_writer import CatalogueWriter
from search.errors import BrokenIndex

FULL = Article(
    pmid=24293578,
    title="TGF-β1 at 5 µg/ml",
    sections=(AbstractSection("Text.", "METHODS", "METHODS"),),
    version=2,
    vernacular_title="Über",
    other_abstracts=(OtherAbstract((AbstractSection("Résumé."),), "fre", "Publisher"),),
    copyright="© 2013",
    authors=(Author("Smith", "John", "J"), Author(collective_name="Group")),
    authors_complete=False,
    journal="The Journal",
    journal_abbreviation="J",
    issn="0000-0000",
    volume="1",
    issue="2",
    pages="3-4",
    year=1998,
    publication_date="1998 Dec-1999 Jan",
    electronic_date="1998-11-30",
    revised="2018-11-13",
    publication_model="Print-Electronic",
    languages=("eng", "fre"),
    publication_types=("Journal Article",),
    mesh=(MeshHeading("Muscles", (MeshQualifier("drug effects", major=True),), major=False, ui="D009132"),),
    keywords=("statin",),
    doi="10.1/x",
    pmcid="PMC1",
    corrections=(Correction("ErratumIn", 7, "J. 1999"),),
    references=(1, 2, 3),
)


@pytest.fixture
def catalogue(tmp_path: Path) -> CatalogueWriter:
    return CatalogueWriter.open(tmp_path / "catalogue.sqlite")


def test_every_field_comes_back(catalogue: CatalogueWriter, tmp_path: Path) -> None:
    catalogue.upsert([FULL])
    catalogue.close()
    reopened = Catalogue.open(tmp_path / "catalogue.sqlite")
    assert reopened.articles([FULL.pmid, 99]) == {FULL.pmid: FULL}
    reopened.close()


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(st.text(), min_size=1, max_size=5))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    catalogue = CatalogueWriter.open(tmp_path_factory.mktemp("any") / "catalogue.sqlite")
    articles = [article(pmid, text, text) for pmid, text in enumerate(texts, start=1)]
    catalogue.upsert(articles)
    assert list(catalogue.articles(range(1, len(texts) + 1)).values()) == articles
    catalogue.close()


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        # (file year, file number, version, position): the higher one is kept, whatever comes first.
        ((2025, 1, 1, 0), (2026, 1, 1, 0), "second"),
        ((2026, 1, 1, 0), (2025, 9, 1, 0), "first"),
        ((2026, 2, 1, 0), (2026, 1, 3, 9), "first"),
        ((2026, 1, 2, 0), (2026, 1, 1, 9), "first"),
        ((2026, 1, 1, 4), (2026, 1, 1, 3), "first"),
        ((2026, 1, 1, 3), (2026, 1, 1, 4), "second"),
    ],
)
def test_precedence(
    catalogue: CatalogueWriter, first: tuple[int, int, int, int], second: tuple[int, int, int, int], kept: str
) -> None:
    for name, (year, number, version, position) in (("first", first), ("second", second)):
        catalogue.upsert([article(1, name, version=version)], year=year, number=number, first_position=position)
    assert catalogue.articles([1])[1].title == kept
    assert catalogue.count() == 1


def test_deleting_counts_what_was_there(catalogue: CatalogueWriter) -> None:
    catalogue.upsert([article(pmid, "T") for pmid in range(1, 6)])
    assert catalogue.delete([2, 3, 3, 77]) == 2
    assert catalogue.count() == 3


def test_more_pmids_than_a_statement_takes(catalogue: CatalogueWriter) -> None:
    pmids = range(1, 25_001)
    catalogue.upsert([article(pmid, "T") for pmid in pmids])
    assert len(catalogue.articles(pmids)) == 25_000
    assert catalogue.delete(pmids) == 25_000


def test_windows_come_in_order_of_pmid(catalogue: CatalogueWriter) -> None:
    catalogue.upsert([article(pmid, "T") for pmid in (5, 3, 9, 1)])
    assert [[one.pmid for one in window] for window in catalogue.windows(3)] == [[1, 3, 5], [9]]


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(BrokenIndex, match="cannot be read"):
        Catalogue.open(path).count()

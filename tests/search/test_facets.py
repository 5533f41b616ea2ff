"""Facets: what is counted, and that each value selects as a filter what was counted."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_parts import Parts
from toy import article, load_toy
from toy_index import build_rows

from search import Filters, Searcher
from search.article import Article, MeshHeading
from search.catalogue import Catalogue
from search.catalogue_writer import CatalogueWriter
from search.columns import Columns, ColumnsWriter
from search.condition import Term, Words
from search.errors import BrokenIndex
from search.facets import Count, Facet, Facets, YearCount, facets_of
from search.live_catalogue import LiveCatalogue
from search.live_columns import LiveColumns
from search.vectors import Pmids

RETRACTED = ("Retracted Publication",)
FACETS = ("journals", "publication_types", "mesh", "languages")
NEJM = {"journal": "The New England journal of medicine", "journal_abbreviation": "N Engl J Med", "issn": "0028-4793"}
NOBODY = np.empty(0, np.int64)


def headings(*names: str) -> tuple[MeshHeading, ...]:
    return tuple(map(MeshHeading, names))


ARTICLES = [
    article(1, "T", "A.", year=2010, languages=("eng",), mesh=headings("Humans", "Asthma"), **NEJM),
    article(2, "T", "A.", year=2010, languages=("eng", "fre"), mesh=headings("Humans", "ASTHMA", "asthma"), **NEJM),
    article(3, "T", year=1999, languages=("English",), mesh=headings("Humans", "Child"), journal="Chest"),
    article(4, "T", "A.", publication_types=("Review", "review"), mesh=headings("Asthma"), journal="chest."),
    article(5, "T", year=2020, publication_types=RETRACTED, mesh=headings("Humans"), issn="1234-5678"),
]


class Index:
    """The two files that facets are counted in, of a base and a delta."""

    def __init__(self, folder: Path, parts: Parts) -> None:
        base, delta = folder / "base", folder / "delta"
        newer = (catalogue_of(delta, parts.delta), columns_of(delta, parts.delta)) if parts.delta else (None, None)
        self.catalogue = LiveCatalogue(catalogue_of(base, parts.base), newer[0], parts.dead)
        self.columns = LiveColumns(columns_of(base, parts.base), newer[1], parts.dead)

    def facets(self, pmids: Sequence[int], limit: int = 50) -> Facets:
        return facets_of(self.catalogue, self.columns, pmids, limit)

    def passing(self, filters: Filters, pmids: Sequence[int]) -> int:
        """How many of some articles a filter lets through."""
        return int(self.columns.select(filters.condition(), in_no_column).contains(np.array(pmids, np.int64)).sum())


def catalogue_of(folder: Path, articles: Sequence[Article]) -> Catalogue:
    folder.mkdir()
    writer = CatalogueWriter.open(folder / "catalogue.sqlite")
    writer.upsert(articles)
    writer.finish()
    return Catalogue.open(folder / "catalogue.sqlite")


def columns_of(folder: Path, articles: Sequence[Article]) -> Columns:
    with ColumnsWriter(folder / "columns") as writer:
        writer.append(articles)
    return Columns.open(folder / "columns", 64)


def in_no_column(_leaf: Term | Words) -> Pmids:
    raise AssertionError("asked for what stands in the columns")


@contextlib.contextmanager
def index_of(parts: Parts) -> Iterator[Index]:
    with tempfile.TemporaryDirectory() as folder:
        index = Index(Path(folder), parts)
        yield index
        index.catalogue.close()


@pytest.fixture
def index() -> Iterator[Index]:
    with index_of(Parts(ARTICLES, [], set())) as opened:
        yield opened


def test_every_count(index: Index) -> None:
    assert index.facets([5, 4, 3, 2, 1]) == Facets(
        articles=5,
        years=(YearCount(1999, 1), YearCount(2010, 2), YearCount(2020, 1)),
        unknown_year=1,
        journals=Facet((Count("Chest", 2), Count(NEJM["journal"], 2), Count("1234-5678", 1)), 3),
        publication_types=Facet((Count("Retracted Publication", 1), Count("review", 1)), 2),
        mesh=Facet((Count("Humans", 4), Count("Asthma", 3), Count("Child", 1)), 3),
        telling_mesh=(Count("Humans", 4), Count("Asthma", 3), Count("Child", 1)),
        languages=Facet((Count("eng", 3), Count("fre", 1)), 2),
        title_only=2,
        retracted=1,
    )


def test_only_the_candidates_are_counted_and_each_once(index: Index) -> None:
    facets = index.facets([4, 2, 4, 99, 0, -7, 1 << 70])
    assert facets == index.facets([2, 4])
    assert (facets.articles, facets.years, facets.unknown_year) == (2, (YearCount(2010, 1),), 1)
    assert facets.mesh == Facet((Count("Asthma", 2), Count("Humans", 1)), 2)


@pytest.mark.parametrize("pmids", [[], [99]])
def test_no_candidates(index: Index, pmids: list[int]) -> None:
    nothing = Facet((), 0)
    assert index.facets(pmids) == Facets(0, (), 0, nothing, nothing, nothing, (), nothing, 0, 0)


def test_a_limit_leaves_the_most_frequent_and_how_many_there_are(index: Index) -> None:
    facets = index.facets([1, 2, 3, 4, 5], limit=1)
    assert facets.mesh == Facet((Count("Humans", 4),), 3)
    assert facets.languages == Facet((Count("eng", 3),), 2)
    assert facets.journals == Facet((Count("Chest", 2),), 3)
    assert facets.telling_mesh == (Count("Humans", 4),)
    assert len(facets.years) == 3


def test_ties_are_in_alphabetical_order_whatever_the_case() -> None:
    names = ["banana", "Ängste", "Cherry", "apple", "Zebra"]
    with index_of(Parts([article(pmid, "T", mesh=headings(name)) for pmid, name in enumerate(names, 1)], [], set())) as index:
        assert [one.value for one in index.facets(range(1, 6)).mesh.counts] == ["Ängste", "apple", "banana", "Cherry", "Zebra"]


def test_the_most_frequent_spelling_is_shown_and_counts_for_all() -> None:
    written = ["Barré", "BARRE", "Barré", "barre.", "Bar"]
    articles = [article(pmid, "T", mesh=headings(name)) for pmid, name in enumerate(written, 1)]
    with index_of(Parts(articles, [], set())) as index:
        assert index.facets(range(1, 6)).mesh.counts == (Count("Barré", 4), Count("Bar", 1))
        assert index.facets([2, 4]).mesh.counts == (Count("BARRE", 2),)


def test_a_journal_is_counted_by_the_name_that_most_of_its_articles_have() -> None:
    written: list[dict[str, Any]] = [
        NEJM,
        {"journal_abbreviation": "N. Engl. J. Med."},
        {"journal": "N Engl J Med"},
        {"journal": NEJM["journal"], "issn": "0028-4793"},
        {"issn": "0028-4793"},
        {},
    ]
    articles = [article(pmid, "T", **fields) for pmid, fields in enumerate(written, 1)]
    with index_of(Parts(articles, [], set())) as index:
        # The fourth has no abbreviation and the fifth no name: what is counted by their own overlaps with the others.
        expected = (Count("0028-4793", 3), Count("N Engl J Med", 3), Count(NEJM["journal"], 2))
        assert index.facets(range(1, 7)).journals == Facet(expected, 3)
        assert index.facets([1, 4]).journals == Facet((Count(NEJM["journal"], 2),), 1)
        assert index.facets([1]).journals == Facet((Count(NEJM["journal"], 1),), 1)
        assert index.facets([6]).journals == Facet((), 0)


def test_a_star_at_the_end_is_no_part_of_a_value() -> None:
    articles = [article(1, "T", mesh=headings("Asthma **")), article(2, "T", mesh=headings("Asthma, Aspirin-Induced"))]
    with index_of(Parts(articles, [], set())) as index:
        assert index.facets([1, 2]).mesh.counts == (Count("Asthma", 1), Count("Asthma, Aspirin-Induced", 1))


def test_headings_that_are_common_everywhere_are_not_the_telling_ones() -> None:
    # 40 of 400 articles are about asthma, three of these about albuterol; all but one of ten are about people.
    articles = [
        article(
            pmid,
            "T",
            mesh=headings(*["Humans"] * (pmid % 10 > 0), *["Asthma"] * (pmid <= 40), *["Albuterol"] * (pmid in {1, 2, 3, 400})),
        )
        for pmid in range(1, 401)
    ]
    with index_of(Parts(articles, [], set())) as index:
        facets = index.facets(range(1, 41))
        assert facets.mesh.counts == (Count("Asthma", 40), Count("Humans", 36), Count("Albuterol", 3))
        # The share of the 40 by the share of the 400 and half a percent: 1 / 0.105, 0.075 / 0.015, 0.9 / 0.905.
        assert facets.telling_mesh == (Count("Asthma", 40), Count("Albuterol", 3), Count("Humans", 36))
        everything = index.facets(range(1, 401))
        assert everything.telling_mesh == everything.mesh.counts


def test_what_an_update_changed_is_counted_as_it_is_now() -> None:
    delta = [
        article(2, "T", year=2021, mesh=headings("Child"), languages=("ger",)),
        article(4, "T", "A.", year=2022, publication_types=RETRACTED),
        article(9, "T", "A.", year=2023, mesh=headings("Asthma")),
    ]
    with index_of(Parts(ARTICLES, delta, {1})) as index:
        facets = index.facets([1, 2, 3, 4, 9])
        assert (facets.articles, facets.title_only, facets.retracted, facets.unknown_year) == (4, 2, 1, 0)
        assert facets.years == tuple(YearCount(year, 1) for year in (1999, 2021, 2022, 2023))
        assert facets.mesh == Facet((Count("Child", 2), Count("Asthma", 1), Count("Humans", 1)), 3)
        assert facets.languages == Facet((Count("English", 1), Count("ger", 1)), 2)
        assert facets.journals == Facet((Count("Chest", 1),), 1)


def test_an_article_without_a_record_is_refused(index: Index, tmp_path: Path) -> None:
    catalogue = LiveCatalogue(catalogue_of(tmp_path / "less", ARTICLES[1:]), None, NOBODY)
    with pytest.raises(BrokenIndex, match=r"PMID 1 is in the index but has no record\. Run `pubmed-index verify`"):
        facets_of(catalogue, index.columns, [1, 2], 50)
    catalogue.close()


JOURNALS = st.sampled_from(["", "Chest", "CHEST.", "The Lancet", "Lancet", "Lancet (London, England)", "0140-6736", "The."])
FIELDS: st.SearchStrategy[Mapping[str, Any]] = st.fixed_dictionaries(
    {
        "abstract": st.sampled_from(["", "A."]),
        "year": st.sampled_from([None, 1999, 2005, 2024]),
        "journal": JOURNALS,
        "journal_abbreviation": JOURNALS,
        "issn": st.sampled_from(["", "0140-6736"]),
        "publication_types": st.lists(st.sampled_from(["Review", "review ", "Letter*", *RETRACTED, " "]), max_size=3).map(
            tuple
        ),
        "mesh": st.lists(
            st.sampled_from(["Asthma", "ASTHMA", "Asthma.*", "Âsthma", "Asthma, Aspirin-Induced", "*"]), max_size=4
        ).map(lambda names: headings(*names)),
        "languages": st.lists(st.sampled_from(["eng", "English", "en", "fre", "klingon", ""]), max_size=2).map(tuple),
    }
)


def articles_of(pmids: st.SearchStrategy[int], least: int) -> st.SearchStrategy[list[Article]]:
    """Articles with random values, spelt in many ways, in order of PMID."""
    return st.dictionaries(pmids, FIELDS, min_size=least, max_size=15).map(
        lambda rows: [article(pmid, "T", **rows[pmid]) for pmid in sorted(rows)]
    )


PARTS = st.builds(
    Parts,
    articles_of(st.integers(20, 40), 1),
    articles_of(st.integers(10, 60), 0),
    st.sets(st.integers(15, 45), max_size=8),
)


@settings(max_examples=40, deadline=None)
@given(parts=PARTS, pmids=st.lists(st.integers(1, 70), max_size=60))
def test_a_value_selects_as_a_filter_what_was_counted(parts: Parts, pmids: list[int]) -> None:
    with index_of(parts) as index:
        facets = index.facets(pmids)
        candidates = sorted({one.pmid for one in parts.live} & set(pmids))
        assert facets.articles == len(candidates)
        for name in FACETS:
            facet: Facet = getattr(facets, name)
            assert facet.distinct == len({one.value for one in facet.counts})
            for one in facet.counts:
                assert index.passing(Filters(**{name: (one.value,)}), candidates) == one.articles > 0
            # Whoever asks for all values gets every article that has any.
            having = [one for one in parts.live if one.pmid in candidates and has_value(one, name)]
            values = tuple(one.value for one in facet.counts)
            assert (index.passing(Filters(**{name: values}), candidates) if values else 0) == len(having)
        for year in facets.years:
            assert index.passing(Filters(year_from=year.year, year_to=year.year), candidates) == year.articles
        assert facets.unknown_year == len(candidates) - sum(year.articles for year in facets.years)
        assert facets.title_only == len(candidates) - index.passing(Filters(has_abstract=True), candidates)
        assert set(facets.telling_mesh) == set(facets.mesh.counts)


def has_value(one: Article, name: str) -> bool:
    """Whether an article has a value in a facet that is more than signs."""
    if name == "journals":
        return any(text.strip(" .*") for text in (one.journal, one.journal_abbreviation, one.issn))
    values = [heading.descriptor for heading in one.mesh] if name == "mesh" else getattr(one, name)
    return any(text.strip(" .*") for text in values)


@settings(max_examples=20, deadline=None)
@given(parts=PARTS, pmids=st.lists(st.integers(1, 70), max_size=60))
def test_both_parts_are_counted_as_one_of_the_final_state(parts: Parts, pmids: list[int]) -> None:
    with index_of(parts) as ours, index_of(Parts(parts.live, [], set())) as theirs:
        for field in Facets.__dataclass_fields__:
            found, expected = (getattr(index.facets(pmids), field) for index in (ours, theirs))
            # The dead still count where it is asked how common a heading is.
            assert set(found) == set(expected) if field == "telling_mesh" else found == expected


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searcher]:
    """120 articles, of which each search by meaning finds all that pass its filter."""
    rows = [
        {
            "pmid": number,
            "title": " ".join(["a", "bb", "ccc"][: 1 + number % 3]),
            "abstract": "ccc bb." if number % 4 else "",
            "year": 2000 + number % 5 if number % 7 else None,
            "journal": ["Chest", "CHEST.", "The Lancet", ""][number % 4],
            "mesh": [["Asthma/genetics", "Humans"], ["asthma", "Child"], ["Asthma, Aspirin-Induced"], []][number % 4],
            "publication_types": [["Review"], ["review", "Letter"], [*RETRACTED]][
                min(number % 13, 2) if number % 13 < 3 else 0
            ],
            "languages": [["eng"], ["English", "ger"]][number % 2],
        }
        for number in range(1, 121)
    ]
    with Searcher.open(build_rows(tmp_path_factory.mktemp("library"), rows), load=load_toy) as opened:
        yield opened


@settings(max_examples=15, deadline=None)
@given(
    st.builds(
        lambda first, span, abstract, retracted: Filters(
            year_from=first,
            year_to=None if first is None else first + span,
            has_abstract=abstract,
            include_retracted=retracted,
        ),
        st.none() | st.integers(1998, 2006),
        st.integers(0, 3),
        st.booleans(),
        st.booleans(),
    )
)
def test_adding_a_value_to_the_filters_leaves_as_many_hits_as_were_counted(library: Searcher, filters: Filters) -> None:
    def hits(**added: object) -> int:
        given_filters = {name: getattr(filters, name) for name in Filters.__dataclass_fields__}
        return len(library.search("bb", 1000, Filters(**{**given_filters, **added}), "dense").ranked)  # type: ignore[arg-type]

    facets = library.facets(library.search("bb", 1, filters, "dense").ranked)
    assert facets.articles == hits()
    for name in FACETS:
        for one in getattr(facets, name).counts:
            assert hits(**{name: (one.value,)}) == one.articles
    for year in facets.years:
        assert hits(year_from=year.year, year_to=year.year) == year.articles
    assert hits(has_abstract=True) == facets.articles - (0 if filters.has_abstract else facets.title_only)
    assert facets.articles - facets.retracted == hits(include_retracted=False)

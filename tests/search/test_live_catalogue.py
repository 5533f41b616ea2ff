"""Records and definitions of a base and a delta against the final state."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_parts import PARTS, Parts
from toy import article

from search.article import Article
from search.catalogue import Catalogue, Definition
from search.catalogue_writer import CatalogueWriter
from search.live_catalogue import LiveCatalogue
from search.precedence import Precedence

Counts = Mapping[tuple[str, str], int]
FORMS = ("AKI", "acute kidney injury"), ("AKI", "aki"), ("CLD", "chronic lung disease")
COUNTS = st.dictionaries(st.sampled_from(FORMS), st.integers(1, 3))


def catalogue_of(path: Path, articles: Sequence[Article], counts: Counts | None = None, number: int = 1) -> Catalogue:
    writer = CatalogueWriter.open(path)
    writer.upsert(articles, year=26, number=number)
    writer.add_definitions([Definition(short, long, count) for (short, long), count in (counts or {}).items()])
    writer.finish()
    return Catalogue.open(path)


@settings(max_examples=30, deadline=None)
@given(parts=PARTS)
def test_articles_equal_the_final_state(parts: Parts) -> None:
    with tempfile.TemporaryDirectory() as folder:
        base = catalogue_of(Path(folder) / "base", parts.base, number=1)
        delta = catalogue_of(Path(folder) / "delta", parts.delta, number=2)
        live = LiveCatalogue(base, delta if parts.delta else None, parts.dead)
        assert live.articles(range(2_400)) == {one.pmid: one for one in parts.live}
        newer = {one.pmid for one in parts.delta}
        places = {pmid: place for part in (parts.base, parts.delta) for place, pmid in enumerate(one.pmid for one in part)}
        found = live.precedences(range(2_400))
        assert found == {one.pmid: Precedence(26, 1 + (one.pmid in newer), 1, places[one.pmid]) for one in parts.live}
        live.close()
        delta.close()


@settings(max_examples=30, deadline=None)
@given(base=COUNTS, dead=COUNTS, newer=COUNTS)
def test_definitions_equal_those_of_the_final_state(base: Counts, dead: Counts, newer: Counts) -> None:
    """The delta counts its own, less those of the dead, which are of course among the base's."""
    before = Counter(base) + Counter(dead)
    in_delta = {forms: newer.get(forms, 0) - dead.get(forms, 0) for forms in {*newer, *dead}}
    expected = Counter(base) + Counter(newer)
    with tempfile.TemporaryDirectory() as folder:
        parts = catalogue_of(Path(folder) / "base", [], before), catalogue_of(Path(folder) / "delta", [], in_delta)
        live = LiveCatalogue(*parts, np.empty(0, np.int64))
        for asked in ({"shorts": ["AKI", "CLD"]}, {"longs": [long for _, long in FORMS]}):
            found = live.definitions(**asked)  # type: ignore[arg-type]
            assert {(one.short, one.long): one.articles for one in found} == expected
            assert len(found) == len(expected)
        live.close()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveCatalogue]:
    base = catalogue_of(tmp_path / "base", [article(1, "one"), article(2, "two"), article(3, "three")], {FORMS[0]: 1})
    delta = catalogue_of(tmp_path / "delta", [article(2, "new"), article(9, "nine")], {FORMS[0]: 1})
    live = LiveCatalogue(base, delta, np.array([2, 3]))
    yield live
    live.close()


def test_the_newer_record_is_read_and_a_deleted_one_is_not(live: LiveCatalogue) -> None:
    found = live.articles([9, 3, 2, 1, 77])
    assert {pmid: one.title for pmid, one in found.items()} == {9: "nine", 2: "new", 1: "one"}
    assert live.articles([]) == {}


def test_the_same_count_in_both_parts_is_counted_twice(live: LiveCatalogue) -> None:
    assert live.definitions(shorts=["AKI"]) == [Definition(*FORMS[0], 2)]


def test_a_definition_asked_for_by_both_its_forms_is_counted_once(live: LiveCatalogue) -> None:
    assert live.definitions(shorts=["AKI"], longs=["acute kidney injury"]) == [Definition(*FORMS[0], 2)]


def test_a_delta_that_only_deletes(tmp_path: Path) -> None:
    base, delta = catalogue_of(tmp_path / "base", [article(1, "one")], {FORMS[0]: 1}), tmp_path / "delta"
    live = LiveCatalogue(base, catalogue_of(delta, [], {FORMS[0]: -1}), np.array([1]))
    assert live.articles([1]) == {}
    assert live.definitions(shorts=["AKI"]) == []
    live.close()

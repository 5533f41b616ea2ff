"""Numbers for articles that have no PMID: the same for the same text, and none lost."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.embedding_cache import text_key
from indexer.local_ids import LocalIds
from search.article import FIRST_LOCAL_ID, LARGEST_ID, LARGEST_PMID, AbstractSection, Article
from search.errors import SourceError

FEW = 7


class Index:
    """What an index has, and how often it was asked."""

    def __init__(self, articles: Sequence[Article] = ()) -> None:
        self.articles = {article.pmid: article for article in articles}
        self.questions = 0

    def __call__(self, ids: Sequence[int]) -> Mapping[int, Article]:
        self.questions += 1
        return {one: self.articles[one] for one in ids if one in self.articles}


def texts(count: int) -> list[Article]:
    return [Article(0, f"Title {number}.", (AbstractSection(f"Abstract {number}."),)) for number in range(count)]


def home(article: Article, size: int) -> int:
    return FIRST_LOCAL_ID + int.from_bytes(text_key(article)[:8], "big") % size


def test_a_number_comes_of_the_texts_hash() -> None:
    articles = texts(50)
    assert [one.pmid for one in LocalIds(Index()).numbered(articles)] == [home(one, 1 << 26) for one in articles]


def test_numbers_are_above_all_pmids() -> None:
    assert (FIRST_LOCAL_ID, LARGEST_ID) == (100_000_001, 100_000_001 + 2**26 - 1)
    assert FIRST_LOCAL_ID > LARGEST_PMID
    assert all(FIRST_LOCAL_ID <= one.pmid <= LARGEST_ID and one.is_local for one in LocalIds(Index()).numbered(texts(50)))


def test_nothing_but_the_number_changes_and_the_order_stays() -> None:
    articles = texts(20)
    assert [replace(one, pmid=0) for one in LocalIds(Index()).numbered(articles)] == articles


def test_a_text_that_meets_another_gets_the_next_free_number() -> None:
    articles = texts(FEW)
    numbered = LocalIds(Index(), size=FEW).numbered(articles)
    taken: set[int] = set()
    for article, given_id in zip(articles, (one.pmid for one in numbered), strict=True):
        first = home(article, FEW) - FIRST_LOCAL_ID
        assert given_id == next(one for step in range(FEW) if (one := FIRST_LOCAL_ID + (first + step) % FEW) not in taken)
        taken.add(given_id)
    assert len(taken) == FEW


def test_the_same_text_has_the_same_number_in_a_call_and_in_later_ones() -> None:
    articles = texts(FEW)
    local_ids = LocalIds(Index(), size=FEW)
    first = local_ids.numbered([*articles, *reversed(articles)])
    assert [one.pmid for one in first[FEW:]] == [one.pmid for one in reversed(first[:FEW])]
    assert [one.pmid for one in local_ids.numbered(articles)] == [one.pmid for one in first[:FEW]]


def test_what_is_not_embedded_does_not_count() -> None:
    article = texts(1)[0]
    (first, second) = LocalIds(Index()).numbered([article, replace(article, journal="Lancet", year=2014)])
    assert first.pmid == second.pmid


def test_what_the_index_has_keeps_its_number() -> None:
    articles = texts(FEW)
    indexed = LocalIds(Index(), size=FEW).numbered(articles[:4])
    later = LocalIds(Index(indexed), size=FEW).numbered(articles)
    assert later[:4] == indexed
    assert len({one.pmid for one in later}) == FEW


def test_a_call_asks_the_index_once_where_no_texts_meet() -> None:
    index = Index()
    LocalIds(index).numbered(texts(100))
    assert index.questions == 1


def test_no_number_left_is_an_error() -> None:
    local_ids = LocalIds(Index(), size=3)
    local_ids.numbered(texts(3))
    with pytest.raises(SourceError, match="All 3 local ids are given"):
        local_ids.numbered(texts(4))


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 40))
def test_in_parts_as_at_once(numbers: list[int], size: int) -> None:
    articles = [texts(31)[number] for number in numbers]
    at_once = LocalIds(Index(), size=40).numbered(articles)
    local_ids = LocalIds(Index(), size=40)
    in_parts = [one for start in range(0, len(articles), size) for one in local_ids.numbered(articles[start : start + size])]
    assert in_parts == at_once
    assert len({one.pmid for one in at_once}) == len(set(numbers))


def test_nothing_gets_nothing() -> None:
    assert LocalIds(Index()).numbered([]) == []

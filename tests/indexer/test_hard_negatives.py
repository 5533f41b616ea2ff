"""Negatives look like answers and are none."""

from collections.abc import Sequence

import pytest
from toy import article

from indexer.hard_negatives import mine
from indexer.training_pair import PairKind, QueryShape, TrainingPair, document_text
from search.article import Article
from search.errors import QueryError
from search.filters import Filters
from search.results import IndexSummary, Mode, SearchResult, SearchResults, Why

ARTICLES = {pmid: article(pmid, f"Title {pmid}", f"Abstract {pmid}.") for pmid in range(1, 61)}


class Ranked:
    """Ranks articles in the order given, with scores that fall by a hundredth from 1."""

    def __init__(self, pmids: Sequence[int]) -> None:
        self._pmids = pmids

    def search(self, query: str, k: int, *, mode: Mode) -> SearchResults:
        if query == "refused":
            raise QueryError("no such field")
        hits = tuple(
            SearchResult(rank, pmid, 1 - rank / 100, ARTICLES[pmid], Why())
            for rank, pmid in enumerate(self._pmids[:k], start=1)
        )
        return SearchResults(query, mode, Filters(), 0.0, 0, IndexSummary(0, "", "", ""), hits)


def asked(pmid: int, query: str = "question") -> TrainingPair:
    return TrainingPair(PairKind.TITLE, QueryShape.TITLE, query, f"Abstract {pmid}.", pmid, str(pmid))


def anything(_article: Article) -> bool:
    return True


def drawn(ranking: Sequence[int], pmid: int, count: int = 3, seeds: int = 50) -> set[str]:
    """The texts that are ever drawn."""
    searcher = Ranked(ranking)
    return {
        text
        for seed in range(seeds)
        for one in mine([(asked(pmid),)], searcher, count, anything, seed)
        for text in one.negatives
    }


def texts(*pmids: int) -> set[str]:
    return {document_text(ARTICLES[pmid]) for pmid in pmids}


def test_what_scores_nearly_as_much_as_the_answer_may_be_another() -> None:
    # The answer has 0.98, so that others count from below 0.931 on: rank 7.
    assert drawn([1, 9, *range(10, 20)], pmid=9) == texts(*range(14, 20))


def test_the_answer_is_no_negative() -> None:
    assert document_text(ARTICLES[5]) not in drawn(range(1, 61), pmid=5)


def test_where_the_answer_is_not_found_the_first_hits_may_be_answers() -> None:
    assert drawn(range(1, 61), pmid=0 + 60, seeds=300) == texts(*range(11, 51))


def test_as_many_as_are_wanted_and_each_once() -> None:
    (mined,) = mine([(asked(1),)], Ranked(range(1, 61)), 5, anything)
    assert len(set(mined.negatives)) == len(mined.negatives) == 5
    (few,) = mine([(asked(1),)], Ranked([1, 2]), 5, anything)
    assert few.negatives == ()


@pytest.mark.parametrize("pair", [asked(0), asked(7, "refused")])
def test_pairs_without_negatives_are_kept(pair: TrainingPair) -> None:
    (mined,) = mine([(pair,)], Ranked(range(1, 61)), 3, anything)
    assert (mined.pairs, mined.negatives) == ((pair,), ())


def test_what_is_held_out_is_not_seen() -> None:
    (mined,) = mine([(asked(1),)], Ranked(range(1, 61)), 40, lambda one: one.pmid % 2 == 0)
    assert set(mined.negatives) == texts(*range(6, 51, 2))


def test_other_right_answers_are_no_negatives() -> None:
    pair = TrainingPair(PairKind.LINK, QueryShape.TITLE, "q", "d", 1, "90", related=(90, *range(10, 51)))
    (mined,) = mine([(pair,)], Ranked(range(1, 61)), 40, anything)
    assert set(mined.negatives) == texts(*range(6, 10))

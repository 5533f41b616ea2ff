"""From a ranking to the hits that are shown: their records, their reasons, their order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from search.article import Article
from search.encoder import Encoder, Vectors
from search.errors import BrokenIndex
from search.explanation import Matched, WordWeights, match
from search.fusion import ranks_of
from search.nearest_sentence import nearest_sentences
from search.open_generation import OpenGeneration
from search.ranking import Ranking
from search.results import SORTED_BY_DATE, IndexSummary, SearchResult, SearchResults, Sentence, Sort, Understanding, Why
from search.scored import Scored
from search.search_options import SearchOptions
from search.vectors import Pmids

if TYPE_CHECKING:
    from search.reranker import CrossEncoder

# A hit that others raised from so many times as far down is said to have been.
_FAR = 2
# What is explained by default encodes so many sentences of each hit, those that hold most of the question's words: among 96
# hits of 12 questions two were 0.02 less similar than the nearest of all, four 0.005, for 25 ms each on a busy core.
_CANDIDATE_SENTENCES = 2


@dataclass(frozen=True, slots=True)
class Hits:
    """Makes results of rankings over one generation; `folder` is named where it is found broken."""

    files: OpenGeneration
    folder: str

    def answer(  # noqa: PLR0917  (an answer has as many parts)
        self,
        ranking: Ranking,
        options: SearchOptions,
        understood: Understanding,
        wanted: WordWeights,
        index: IndexSummary,
        vector: Vectors | None,
        load_encoder: Callable[[], Encoder],
    ) -> SearchResults:
        """The answer that a ranking makes, in no time: who asked knows how long it took.

        What the hits of a question with a `vector` (d,) are explained by is encoded; else the encoder is not loaded.
        """
        hidden = self.hidden(ranking, options.skip + options.k, options.sort)
        scores: dict[int, float] = {}
        if options.rerank is not None and understood.question:
            ranking, scores = self.reranked(ranking, understood.question, options.rerank)
        found = self.of(ranking, options.k, wanted, options.sort, options.skip)
        found = [replace(hit, why=replace(hit.why, rerank_score=scores.get(hit.pmid))) for hit in found] if scores else found
        if options.explain and vector is not None:
            found = self.explained(found, options.explain, wanted, vector, load_encoder(), whole=options.whole)
        return SearchResults(
            options.query,
            options.mode,
            options.filters,
            0.0,
            hidden,
            index,
            tuple(found),
            understood,
            self.ranked(ranking, options.sort),
            float(ranking.fused.scores.max(initial=0.0)),
        )

    def of(self, ranking: Ranking, k: int, wanted: WordWeights, sort: Sort, skip: int = 0) -> list[SearchResult]:
        """The first k of a ranking behind those skipped, with records, ranks in each leg, and the words that matched."""
        best = self._sorted(ranking, ranking.fused, sort).behind(skip).first(k)
        articles = self._articles(best.pmids)
        legs = [_leg_facts(best.pmids, leg) for leg in (ranking.dense, ranking.lexical, ranking.fed_back)]
        raised = _raised_from(best.pmids, ranking)
        results = []
        for place, pmid in enumerate(best.pmids.tolist()):
            meaning, words, (feedback_rank, _) = (leg[place] for leg in legs)
            matched = match(articles[pmid], wanted)
            why = Why(*meaning, *words, feedback_rank, raised[place], matched.words, _telling(matched))
            results.append(SearchResult(skip + place + 1, pmid, float(best.scores[place]), articles[pmid], why))
        return results

    def ranked(self, ranking: Ranking, sort: Sort) -> tuple[int, ...]:
        """The PMIDs of a whole ranking, in its order."""
        return tuple(self._sorted(ranking, ranking.fused, sort).pmids.tolist())

    def hidden(self, ranking: Ranking, k: int, sort: Sort) -> int:
        """How many of the first k would be retracted articles, if these were shown."""
        if ranking.with_retracted is ranking.fused:
            return 0
        first = self._sorted(ranking, ranking.with_retracted, sort).first(k)
        return int(self.files.columns.retracted().contains(first.pmids).sum())

    def reranked(self, ranking: Ranking, question: str, model: "CrossEncoder") -> tuple[Ranking, dict[int, float]]:
        """The ranking with its first hits in the order of a cross-encoder, and the scores that it gave."""
        first = ranking.fused.first(model.depth)
        articles = self._articles(first.pmids)
        scores = model.scores(question, [articles[pmid] for pmid in first.pmids.tolist()])
        order = np.argsort(-scores, kind="stable")
        places = np.concatenate([order, np.arange(len(first.pmids), len(ranking.fused.pmids))])
        fused = Scored(ranking.fused.pmids[places], ranking.fused.scores[places])
        return replace(ranking, fused=fused, alone=None), dict(zip(first.pmids.tolist(), map(float, scores), strict=True))

    def explained(
        self,
        results: Sequence[SearchResult],
        count: int,
        wanted: WordWeights,
        vector: Vectors,
        encoder: Encoder,
        *,
        whole: bool,
    ) -> list[SearchResult]:
        """The first `count` results with the sentence nearest in meaning: of all sentences where `whole`, else of a few."""
        matched = [match(hit.article, wanted) for hit in results[:count]]
        candidates = [one.sentences if whole else one.sentences[:_CANDIDATE_SENTENCES] for one in matched]
        nearest = nearest_sentences(candidates, vector, encoder, self.files)
        explained = [
            replace(hit, why=replace(hit.why, nearest=sentence)) for hit, sentence in zip(results, nearest, strict=False)
        ]
        return [*explained, *results[count:]]

    def _sorted(self, ranking: Ranking, ranked: Scored, sort: Sort) -> Scored:
        if sort is Sort.RELEVANCE:
            return ranked
        best = ranked.first(SORTED_BY_DATE) if ranking.is_ranked else ranked
        newest = np.lexsort((-best.pmids, -self.files.columns.years_of(best.pmids).astype(np.int64)))
        return Scored(best.pmids[newest], best.scores[newest])

    def _articles(self, pmids: Pmids) -> dict[int, Article]:
        articles = self.files.catalogue.articles(pmids.tolist())
        if lost := [pmid for pmid in pmids.tolist() if pmid not in articles]:
            raise BrokenIndex(f"PMID {lost[0]} is ranked but has no record in {self.folder}. Run `pubmed-index verify`.")
        return articles


def _leg_facts(pmids: Pmids, leg: Scored | None) -> list[tuple[int | None, float | None]]:
    """The rank and the score that a leg gives to each PMID, None where it does not have it."""
    if leg is None:
        return [(None, None)] * len(pmids)
    return [(rank, float(leg.scores[rank - 1])) if rank else (None, None) for rank in ranks_of(pmids, leg).tolist()]


def _raised_from(pmids: Pmids, ranking: Ranking) -> list[int | None]:
    """The rank that each PMID had before others that it resembles raised it, None where it was less than twice as far down."""
    if ranking.alone is None:
        return [None] * len(pmids)
    ranks = zip(ranks_of(pmids, ranking.alone).tolist(), ranks_of(pmids, ranking.fused).tolist(), strict=True)
    return [before if before >= _FAR * after else None for before, after in ranks]


def _telling(matched: Matched) -> Sentence | None:
    return matched.sentences[0] if matched.found_in_sentences else None

"""The ranking of one question: two legs of candidates, fused, fed back once into the dense leg, and regularized."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from search.article import Flag
from search.columns import Selection
from search.condition import And, Condition, Flagged, Not
from search.encoder import Metric, Vectors
from search.fusion import Fusion, Leg, fuse
from search.lexical import LexicalQuery
from search.open_generation import OpenGeneration
from search.regularization import regularized
from search.results import DEPTH
from search.scored import Scored
from search.vectors import Pmids

_Search = Callable[[int, Selection | None, Condition | None], Scored]

# So deep are the legs asked where only the first hits count.
_FEW = 30
# Retracted articles are one in some two thousand; where more than these stand among the candidates, a leg is asked again.
_SPARE = 50


@dataclass(frozen=True, slots=True)
class RankingSettings:
    """What decides a ranking beside the question; chosen on development queries: README, "Measured".

    Feedback moves the query vector by `feedback_weight` towards the mean vector of the first `feedback_hits` fused hits and
    ranks all hits anew but the first: where one article alone is right, it stays where it was. Of the scores of the first
    `regularized_hits`, `neighbour_weight` are then those of their `neighbours` nearest others.
    """

    fusion: Fusion = Fusion.MIN_MAX
    dense_weight: float = 0.8
    feedback_hits: int = 3
    feedback_weight: float = 1.0
    regularized_hits: int = 200
    neighbours: int = 5
    neighbour_weight: float = 0.5


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the legs take it: `vector` (d,) for the dense one, `words` for the lexical one, or both.

    `passing` and `condition` are one filter in two forms, None for no filter; `without` are PMIDs that are no answer.
    """

    vector: Vectors | None
    words: LexicalQuery | None
    passing: Selection | None = None
    condition: Condition | None = None
    without: tuple[int, ...] = ()
    show_retracted: bool = False


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An article as it would be without its title: the vector (d,) and the BM25 score that it would have."""

    pmid: int
    vector: Vectors
    lexical_score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranking, at most 1,000 long, and the legs' rankings of the question itself, None for a leg that was not asked.

    `fed_back` is the dense leg's ranking with the vector that was moved towards the first hits, which counts instead.
    `alone` is the ranking before hits were raised by others that they resemble, None where none were.
    `with_retracted` is the ranking as it would be with the retracted articles in it.
    """

    fused: Scored
    lexical: Scored | None
    dense: Scored | None
    with_retracted: Scored
    fed_back: Scored | None = None
    alone: Scored | None = None

    @property
    def is_ranked(self) -> bool:
        """Whether a leg was asked: else the articles stand as they were given."""
        return self.lexical is not None or self.dense is not None


@dataclass(frozen=True, slots=True)
class Ranker:
    """Ranks questions over the parts of one generation. Safe to share between threads."""

    files: OpenGeneration
    metric: Metric
    settings: RankingSettings = field(default_factory=RankingSettings)

    @property
    def retracted(self) -> Selection:
        """The retracted articles; looked for by the first question, since that takes longer the larger the index is."""
        return self.files.columns.retracted()

    def rank(self, asked: Asked, known: KnownItem | None = None) -> Ranking:
        """Rank the articles that pass the filter; with `known`, as if that article had no title."""
        lexical = None if asked.words is None else self._lexical_leg(asked, known)
        dense = None if asked.vector is None else self._dense_leg(asked, asked.vector, known)
        if lexical is None or dense is None or asked.vector is None:
            return self._by_one_leg(asked, lexical, dense)
        first = self._fused(self._shown(lexical, asked), self._shown(dense, asked))
        near = self._dense_leg(asked, self._fed_back(asked.vector, first, known), known)
        by_words, by_meaning, fed_back = (self._shown(leg, asked) for leg in (lexical, dense, near))
        alone = self._fused(by_words, fed_back)
        fused = whole = self._regularized(alone, known).led_by(first.first(1)).first(DEPTH)
        if not asked.show_retracted and self._any_retracted(lexical, dense, near):
            leader = self._fused(lexical.first(DEPTH), dense.first(DEPTH)).first(1)
            whole = self._regularized(self._fused(lexical.first(DEPTH), near.first(DEPTH)), known).led_by(leader)
        return Ranking(fused, by_words, by_meaning, whole, fed_back, alone)

    def fed_back(self, vectors: Vectors, words: Sequence[LexicalQuery], passing: Selection, threads: Executor) -> Vectors:
        """What feedback makes of the vectors (n, d) of many questions: (n, d). The legs are asked on all cores."""

        def by_words(asked: LexicalQuery) -> Scored:
            return self.files.lexical.search(asked, _FEW, passing)

        def moved(vector: Vectors, lexical: Scored, dense: Scored) -> Vectors:
            hits = np.union1d(lexical.pmids, dense.pmids)  # so few that what one leg did not find is compared as well
            near = Scored.ranked(hits, self.files.vectors.get(hits) @ vector)
            return self._fed_back(vector, self._fused(lexical, near), None)

        by_meaning = self.files.candidates.search_all(vectors, _FEW, passing)
        found = map(moved, vectors, threads.map(by_words, words), by_meaning)
        return np.array(list(found), np.float32).reshape(vectors.shape)

    def unranked(self, pmids: Pmids, *, show_retracted: bool) -> Ranking:
        """Articles in the order given, where nothing ranks them: all scores are 0."""
        given = Scored(pmids, np.zeros(len(pmids), np.float32))
        shown = given if show_retracted else given.where(~self.retracted.contains(given.pmids))
        fused = shown.first(DEPTH)
        return Ranking(fused, None, None, fused if show_retracted else given)

    def moved(self, vector: Vectors, weight: float, others: Vectors) -> Vectors:
        """A vector (d,) moved by `weight` times the mean of others (m, d): Rocchio's formula."""
        if not len(others):
            return vector
        away: Vectors = (vector + weight * others.mean(axis=0)).astype(np.float32)
        if self.metric is Metric.INNER_PRODUCT:
            return away
        return away / np.float32(max(float(np.linalg.norm(away)), 1e-30))

    def _fused(self, lexical: Scored, dense: Scored) -> Scored:
        weight = self.settings.dense_weight
        least = -1.0 if self.metric is Metric.COSINE else None
        return fuse([Leg(dense, weight, least), Leg(lexical, 1 - weight, 0.0)], self.settings.fusion).first(DEPTH)

    def _by_one_leg(self, asked: Asked, lexical: Scored | None, dense: Scored | None) -> Ranking:
        """A leg that was asked alone ranks as it does: neither fed back nor regularized."""
        leg = dense if lexical is None else lexical
        found = Scored.none() if leg is None else leg
        fused = self._shown(found, asked)
        whole = found.first(DEPTH) if self._any_retracted(found) and not asked.show_retracted else fused
        return Ranking(fused, None if lexical is None else fused, None if dense is None else fused, whole)

    def _any_retracted(self, *legs: Scored) -> bool:
        return any(bool(self.retracted.contains(leg.pmids).any()) for leg in legs)

    def _regularized(self, fused: Scored, known: KnownItem | None) -> Scored:
        first = fused.first(self.settings.regularized_hits).pmids
        return regularized(fused, self._vectors_of(first, known), self.settings.neighbours, self.settings.neighbour_weight)

    def _lexical_leg(self, asked: Asked, known: KnownItem | None) -> Scored:
        words = asked.words
        if words is None:
            return Scored.none()

        def search(depth: int, passing: Selection | None, condition: Condition | None) -> Scored:
            return self.files.lexical.search(words, depth, passing, condition)

        found = self._enough(asked, search)
        if known is None:
            return found
        if not known.lexical_score:
            return found.where(found.pmids != known.pmid)
        return found.with_score(known.pmid, known.lexical_score)

    def _dense_leg(self, asked: Asked, vector: Vectors, known: KnownItem | None) -> Scored:
        def search(depth: int, passing: Selection | None, _condition: Condition | None) -> Scored:
            return self.files.candidates.search(vector, depth, passing)

        found = self._enough(asked, search)
        return found if known is None else found.with_score(known.pmid, float(known.vector @ vector))

    def _enough(self, asked: Asked, search: _Search) -> Scored:
        """Candidates with some retracted ones among them, and 1,000 others where there are as many."""
        depth = DEPTH + len(asked.without) + _SPARE
        found = search(depth, asked.passing, asked.condition)
        answers = _without(found, asked.without)
        if len(found.pmids) < depth or len(self._shown(answers, asked).pmids) == DEPTH:
            return answers
        shown = (asked.passing or self.files.columns.everything()) - self.retracted
        return answers.merged(_without(search(depth, shown, _but_retracted(asked)), asked.without))

    def _shown(self, leg: Scored, asked: Asked) -> Scored:
        shown = leg if asked.show_retracted else leg.where(~self.retracted.contains(leg.pmids))
        return shown.first(DEPTH)

    def _fed_back(self, vector: Vectors, fused: Scored, known: KnownItem | None) -> Vectors:
        """The vector moved towards those of the first hits, which are taken for relevant ones."""
        nearest = fused.first(self.settings.feedback_hits).pmids
        return self.moved(vector, self.settings.feedback_weight, self._vectors_of(nearest, known))

    def _vectors_of(self, pmids: Pmids, known: KnownItem | None) -> Vectors:
        """The articles' vectors, a known item's as it would be: (m, d)."""
        found = self.files.vectors.get(pmids)
        if known is not None:
            found[pmids == known.pmid] = known.vector
        return found


def _without(found: Scored, pmids: tuple[int, ...]) -> Scored:
    return found.where(~np.isin(found.pmids, pmids)) if pmids else found


def _but_retracted(asked: Asked) -> Condition | None:
    """The filter as a tree, less the retracted articles; None where it is known as a bitmap only."""
    shown = Not(Flagged(Flag.RETRACTED))
    if asked.passing is None:
        return shown
    return None if asked.condition is None else And((asked.condition, shown))

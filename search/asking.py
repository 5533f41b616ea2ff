"""From what was understood to what is asked of the two legs: vectors, words, and the filter in both its forms."""

import functools
import threading
from collections.abc import Sequence

import numpy as np

from search.article import Article
from search.columns import Selection
from search.condition import Condition
from search.encoder import Vectors
from search.errors import QueryError
from search.filters import Narrower
from search.lexical import LexicalQuery
from search.open_generation import OpenGeneration
from search.query_encoder import QueryEncoder
from search.ranking import Asked, Ranker, Ranking
from search.results import DEPTH, Mode
from search.search_options import SearchOptions
from search.understanding import Request, both
from search.vectors import Pmids

# How far the query moves away from the articles it should not resemble, as a share of their mean (Rocchio's gamma).
_AWAY = 0.5
# A selection of 40 million PMIDs takes 5 MB.
_FILTERS_KEPT = 16


class Asking:
    """Puts questions to the legs of one generation. Safe to share between threads."""

    def __init__(self, files: OpenGeneration, ranker: Ranker, encoder: QueryEncoder, narrower: Narrower | None = None) -> None:
        self._files = files
        self._ranker = ranker
        self._encoder = encoder
        self._narrower = narrower
        self._selecting = threading.Lock()
        select = functools.partial(files.columns.select, pmids_of=files.lexical.pmids_of)
        self._selection = functools.lru_cache(maxsize=_FILTERS_KEPT)(select)

    def asked(self, request: Request, options: SearchOptions) -> Asked:
        """What a question asks of the legs of its mode. Raises QueryError where nothing of it can be looked for."""
        unlike = self._files.vectors_of(options.unlike)
        vector = None
        if options.mode is not Mode.LEXICAL:
            vector = self._files.transformed(self._encoder.get().encode_query(request.question_in_full))
            vector = self._ranker.moved(vector, -_AWAY, unlike)
        words = None if options.mode is Mode.DENSE else self._words(request)
        if vector is None and (words is None or words.is_empty):
            raise QueryError(f"{request.question!r} has no word that could be looked for. Use --mode hybrid, or other words.")
        condition, passing = self._filter(request.condition)
        return Asked(vector, words, passing, condition, options.unlike, options.filters.include_retracted)

    def asked_like(self, pmids: Sequence[int], text: str, options: SearchOptions) -> Asked:
        """What articles and a text, "" for none, ask of the dense leg when others like them are wanted."""
        examples = self._files.vectors_of(pmids)
        if text:
            encoded = self._encoder.get().encode_documents([Article(1, text)])
            examples = np.concatenate([examples, self._files.transformed(encoded)])
        middle = self._ranker.moved(np.zeros_like(examples[0]), 1.0, examples)
        vector: Vectors = self._ranker.moved(middle, -_AWAY, self._files.vectors_of(options.unlike))
        condition, passing = self._filter(options.filters.condition(self._narrower))
        return Asked(vector, None, passing, condition, (*pmids, *options.unlike), options.filters.include_retracted)

    def unranked(self, request: Request, options: SearchOptions) -> Ranking:
        """What was looked up, or what passes a filter beside which nothing was asked: the newest PMIDs first."""
        if request.found is not None:
            return self._ranker.unranked(self._looked_up(request.found, options), show_retracted=True)
        _, passing = self._filter(request.condition)
        newest = (passing or self._files.columns.everything()).without(options.unlike).newest(2 * DEPTH)
        return self._ranker.unranked(newest, show_retracted=options.filters.include_retracted)

    def _looked_up(self, found: Sequence[int], options: SearchOptions) -> Pmids:
        """The articles that were named, the newest first, as far as the filters let them through."""
        pmids = np.array(sorted(set(found) - set(options.unlike), reverse=True), np.int64)
        _, passing = self._filter(options.filters.condition(self._narrower))
        return pmids if passing is None else pmids[passing.contains(pmids)]

    def _words(self, request: Request) -> LexicalQuery:
        added = [one.added for one in request.understanding.abbreviations]
        return self._files.lexical.query(request.question, added)

    def _filter(self, condition: Condition | None) -> tuple[Condition | None, Selection | None]:
        """A condition as a tree and as a bitmap; nothing for one that everything meets."""
        needed = both(condition, None)
        if needed is None:
            return None, None
        with self._selecting:
            return needed, self._selection(needed)

"""The lexical index: which articles hold the words of a question, by BM25. Its key is the PMID."""

import contextlib
import itertools
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import tantivy

from search.columns import Selection
from search.condition import Condition, Term, TextField, Words
from search.errors import BrokenIndex, QueryError
from search.explanation import WordWeights
from search.lexical_conditions import query_of
from search.lexical_fields import EXACT, PMID, WEIGHTS, Ranked
from search.scored import Scored
from search.vectors import Pmids
from search.words import STOP_WORDS, exact_words, names_asked, stem_counts, without_asking

# A pasted abstract has some hundred stems; beyond the most telling ones a ranking hardly moves and costs more.
_MOST_TERMS = 32
# Filters that keep more than this share are cut from a longer list: tantivy skips blocks only while nothing else must match.
_KEPT_BY_MOST = 0.2
_SPARE = 1.5
_TOO_MANY_WORDS = "exceeded max expansions"
_PANIC = "PanicException"
# Every hit is some 150 bytes of Python while it is read.
_HITS_AT_ONCE = 2**20
# All of them are read where nobody waits for an answer, so that what it takes need not be much.
_ALL_AT_ONCE = 2**17
# What a form of an abbreviation or a name that the question lacks weighs, all its words together.
_ALSO = 0.5
# A word asked again counts for less each time: BM25's k3, which Lucene and tantivy leave out. Robertson et al., TREC-3, 1994.
_ASKED_AGAIN = 1.0
# The names of a title stand among those of the abstract.
_OF_TITLES = frozenset({Ranked.TITLE, Ranked.NAMES})
_AS_WRITTEN = frozenset({Ranked.PEOPLE, Ranked.JOURNAL})


@dataclass(frozen=True, slots=True)
class LexicalQuery:
    """The weighted words of a question, by ranked field: ``{field: {word: weight}}``."""

    words: dict[Ranked, dict[str, float]]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to look for: all were stop words or signs."""
        return not any(self.words.values())


@dataclass(frozen=True, slots=True)
class _Weights:
    """The stems, names and words as written of a text, and what each weighs."""

    stems: dict[str, float]
    names: dict[str, float]
    written: dict[str, float]

    @classmethod
    def of(cls, text: str) -> Self:
        weights = cls({}, {}, {})
        weights.add(text, 1.0)
        return weights

    def add(self, text: str, weight: float) -> None:
        """Add a text's words, stems as often as they occur."""
        for stem, count in stem_counts(without_asking(text)).items():
            self.stems[stem] = self.stems.get(stem, 0.0) + weight * count
        for into, words in ((self.names, names_asked(text)), (self.written, exact_words(text))):
            into.update((word, max(weight, into.get(word, 0.0))) for word in words if word not in STOP_WORDS)
        # Others write "IL6", which is one word, where the question has "IL-6".
        for name in names_asked(text):
            for stem in stem_counts(name):
                self.stems.setdefault(stem, _ALSO * weight)


class LexicalIndex:
    """Answers from the `lexical/` folder of a generation. Safe to share between threads."""

    def __init__(self, folder: Path, hits_at_once: int = _HITS_AT_ONCE) -> None:
        self._folder = folder
        self._hits_at_once = hits_at_once
        self._linked = tempfile.TemporaryDirectory(prefix="pubmed-lexical-", ignore_cleanup_errors=True)
        try:
            with self._damage_is_said():
                self._index = _open_linked(folder, Path(self._linked.name))
                self._searcher = self._index.searcher()
        except BaseException:
            self.close()
            raise
        self._schema = self._index.schema

    def close(self) -> None:
        """Remove the links."""
        self._linked.cleanup()
        if Path(self._linked.name).exists():  # tantivy makes its lock file when it first opens, perhaps at this very moment
            self._linked.cleanup()

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def pmids(self) -> Pmids:
        """All PMIDs, ascending: (n,) int64."""
        return self._matching(tantivy.Query.all_query(), min(self._hits_at_once, _ALL_AT_ONCE))

    def pmids_of(self, leaf: Term | Words) -> Pmids:
        """The PMIDs of the articles that meet one condition, ascending: (m,) int64."""
        return self._matching(query_of(leaf, self._schema))

    def document_frequency(self, word: str) -> int:
        """In how many titles or abstracts a word stands as it is written; the larger of the two."""
        return max(self._articles_with(name, word) for name in ("title_words", "abstract_words"))

    def has_word(self, word: str) -> bool:
        """Whether any article has a word, as it is written or by its stem, its authors and journal included."""
        if any(self._articles_with(name, word) for name in EXACT[TextField.ALL]):
            return True
        return any(self._articles_with(Ranked.ABSTRACT, stem) for stem in stem_counts(word))

    def pmids_near(self, word: str, distance: int, limit: int) -> Pmids:
        """Some articles with a word that is at most `distance` (0 to 2) letters off, swapped neighbours counting as one."""
        near = [
            (
                tantivy.Occur.Should,
                tantivy.Query.fuzzy_term_query(self._schema, name, word, distance, transposition_cost_one=True),
            )
            for name in EXACT[TextField.TITLE_ABSTRACT]
        ]
        return self._ranked(tantivy.Query.boolean_query(near), limit).pmids

    def query(self, text: str, also: Sequence[str] = ()) -> LexicalQuery:
        """The words of a question that are ranked, weighted by field; of a long text only its most telling ones.

        Each phrase of `also` weighs about as much as one further word of the question.
        """
        weights = _Weights.of(text)
        for phrase in also:
            weights.add(phrase, _ALSO / max(len(stem_counts(phrase)), 1))
        stems = self._telling(weights.stems)
        asked = {stem: _saturated(weight) for stem, weight in stems.items()}
        written = weights.written if len(stems) < _MOST_TERMS else {}
        names = dict(itertools.islice(weights.names.items(), _MOST_TERMS))
        by_field: dict[Ranked, dict[str, float]] = {}
        for field, factor in WEIGHTS.items():
            chosen = names if field is Ranked.NAMES else written if field in _AS_WRITTEN else asked
            by_field[field] = {word: factor * weight for word, weight in chosen.items()}
        return LexicalQuery(by_field)

    def wanted(self, text: str) -> WordWeights:
        """What the words of a question tell, for explanations: stems by the logarithm of their rareness."""
        weights = _Weights.of(text)
        stems = {stem: self._rareness(stem) for stem in self._telling(weights.stems)}
        return WordWeights(stems, {name: max(stems.values(), default=1.0) for name in list(weights.names)[:_MOST_TERMS]})

    def search(
        self, query: LexicalQuery, depth: int, passing: Selection | None = None, condition: Condition | None = None
    ) -> Scored:
        """The `depth` articles with the highest BM25 scores among those selected, fewer where fewer hold a word.

        `passing` and `condition` are the same filter, as a bitmap and as a tree.
        """
        if query.is_empty or depth == 0 or (passing is not None and not passing.count):
            return Scored.none()
        scored = self._as_tantivy(query)
        if passing is None:
            return self._ranked(scored, depth)
        share = passing.count / len(self)
        if share >= _KEPT_BY_MOST:
            asked = math.ceil(depth * _SPARE / share)
            found = self._ranked(scored, asked)
            kept = found.inside(passing).first(depth)
            if len(kept.pmids) == depth or len(found.pmids) < asked:
                return kept
        filtering = query_of(condition, self._schema) if condition is not None else self._of_pmids(passing.pmids())
        return self._ranked(_filtered(scored, filtering), depth)

    def score_without_title(self, query: LexicalQuery, pmid: int) -> float:
        """The score of one article if it had no title; 0 where nothing else matches."""
        rest = LexicalQuery({field: words for field, words in query.words.items() if field not in _OF_TITLES})
        if rest.is_empty:
            return 0.0
        one = tantivy.Query.term_query(self._schema, PMID, pmid, "basic")
        hits = self._found(_filtered(self._as_tantivy(rest), one), 1).hits
        return float(hits[0][0]) if hits else 0.0

    def _telling(self, stems: Mapping[str, float]) -> dict[str, float]:
        """The stems of a question by their weight; of many, those with the highest tf-idf."""
        if len(stems) <= _MOST_TERMS:
            return dict(stems)
        often = sorted(stems, key=lambda stem: (-stems[stem], stem))[: 10 * _MOST_TERMS]
        tf_idf = {stem: stems[stem] * self._rareness(stem) for stem in often}
        return {stem: stems[stem] for stem in sorted(often, key=lambda stem: (-tf_idf[stem], stem))[:_MOST_TERMS]}

    def _rareness(self, stem: str) -> float:
        found = max(self._articles_with(field, stem) for field in (Ranked.ABSTRACT, Ranked.TITLE))
        return math.log(1 + len(self) / (1 + found))

    def _as_tantivy(self, query: LexicalQuery) -> tantivy.Query:
        should = [
            (tantivy.Occur.Should, tantivy.Query.boost_query(self._term(field, word), weight))
            for field, words in query.words.items()
            for word, weight in words.items()
        ]
        return tantivy.Query.boolean_query(should)

    def _term(self, field: Ranked, word: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, word, "freq")

    def _of_pmids(self, pmids: Pmids) -> tantivy.Query:
        return tantivy.Query.term_set_query(self._schema, PMID, pmids.tolist())

    def _ranked(self, query: tantivy.Query, limit: int) -> Scored:
        hits = self._found(query, min(limit, max(len(self), 1))).hits
        with self._damage_is_said():
            pmids = self._searcher.fast_field_values(PMID, [address for _, address in hits])
        scores = np.fromiter((score for score, _ in hits), np.float32, len(hits))
        return Scored.ranked(np.array(pmids, np.int64), scores)

    def _matching(self, query: tantivy.Query, at_once: int | None = None) -> Pmids:
        """The PMIDs of all articles that match, ascending; of many, a stretch of `at_once` PMIDs is read at a time."""
        at_once = at_once or self._hits_at_once
        counted = self._found(tantivy.Query.const_score_query(query, 1.0), 1, count=True)
        count = getattr(counted, "count")  # noqa: B009  (its stubs lack it)
        if count <= at_once:
            return self._by_pmid(query, count)
        newest, must = int(self._by_pmid(query, 1, tantivy.Order.Desc)[0]), tantivy.Occur.Must
        stretches = [
            tantivy.Query.range_query(self._schema, PMID, tantivy.FieldType.Unsigned, first, first + at_once - 1)
            for first in range(0, newest + 1, at_once)
        ]
        return np.concatenate(
            [self._by_pmid(tantivy.Query.boolean_query([(must, query), (must, stretch)]), at_once) for stretch in stretches]
        )

    def _by_pmid(self, query: tantivy.Query, limit: int, order: tantivy.Order = tantivy.Order.Asc) -> Pmids:
        hits = self._found(query, max(limit, 1), order_by_field=PMID, order=order).hits
        return np.fromiter((pmid for pmid, _ in hits), np.int64, len(hits))

    def _found(self, query: tantivy.Query, limit: int, *, count: bool = False, **order: Any) -> tantivy.SearchResult:  # noqa: ANN401
        with self._damage_is_said():
            return self._searcher.search(query, limit, count=count, **order)

    def _articles_with(self, field: str, word: str) -> int:
        with self._damage_is_said():
            return self._searcher.doc_freq(field, word)

    @contextlib.contextmanager
    def _damage_is_said(self) -> Iterator[None]:
        """Tantivy says everything with ValueError, or panics, which is no Exception."""
        try:
            yield
        except BaseException as error:
            if _TOO_MANY_WORDS in str(error):
                raise QueryError(
                    "Too many words begin as the last word of a phrase does: write more letters before its *."
                ) from error
            if isinstance(error, (ValueError, FileNotFoundError, NotADirectoryError)) or type(error).__name__ == _PANIC:
                raise BrokenIndex(
                    f"The lexical index in {self._folder} cannot be read ({str(error)[:200]}). Run `pubmed-index verify`, "
                    "or build again."
                ) from error
            raise


def _saturated(count: float) -> float:
    """How much a word weighs that is asked `count` times; what weighs less than one word stays as it is."""
    return count if count <= 1 else (_ASKED_AGAIN + 1) * count / (_ASKED_AGAIN + count)


def _filtered(scored: tantivy.Query, filtering: tantivy.Query) -> tantivy.Query:
    must = tantivy.Occur.Must
    return tantivy.Query.boolean_query([(must, scored), (must, tantivy.Query.const_score_query(filtering, 0.0))])


def _open_linked(folder: Path, links: Path) -> tantivy.Index:
    """Open through links: tantivy wants to make a lock file beside the index, which is never opened for writing."""
    for path in folder.resolve().iterdir():
        (links / path.name).symlink_to(path)
    index = tantivy.Index.open(str(links))
    index.config_reader("manual")
    return index

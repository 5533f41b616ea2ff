"""The searcher: one open generation of an index, and the questions it answers."""

import argparse
import contextlib
import functools
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np

from search.article import Article
from search.command import positive
from search.encoder import Encoder, EncoderIdentity, Vectors
from search.errors import EncoderMismatch, EncoderUnavailable, QueryError
from search.filters import Filters
from search.index_folder import DEFAULT_INDEX, Generation, IndexFolder
from search.manifest import Manifest
from search.results import DEPTH, IndexSummary, Mode, SearchResults, Sentence, Sort, Understanding

if TYPE_CHECKING:
    from search.columns import Selection
    from search.condition import Condition
    from search.explanation import Wanted
    from search.mesh_tree import MeshTree
    from search.ranking import Asked, Ranking
    from search.reranker import CrossEncoder
    from search.understanding import Request
    from search.vectors import Pmids

# How far the query moves away from the articles it should not resemble, as a share of their mean (Rocchio's gamma).
_AWAY = 0.5
# A selection of 40 million PMIDs takes 5 MB.
_FILTERS_KEPT = 16

_Choice = TypeVar("_Choice", Mode, Sort)
EncoderLoader = Callable[[str], Encoder]


def hits(text: str) -> int:
    """Read a number of hits, for argparse."""
    number = positive(text)
    if number > DEPTH:
        raise argparse.ArgumentTypeError(f"expected at most {DEPTH:,} hits, found {number:,}")
    return number


def load_transformer(name: str) -> Encoder:
    """Load an encoder by name; torch and transformers are imported here and not before."""
    from search.transformer_encoder import load_encoder

    return load_encoder(name)


@dataclass(frozen=True, slots=True)
class _Wish:
    """How an answer is to look, and when its question was asked."""

    query: str
    k: int
    filters: Filters
    mode: Mode
    sort: Sort = Sort.RELEVANCE
    explain: int = 0
    whole: bool = False
    rerank: "CrossEncoder | None" = None
    started: float = 0.0


class Searcher:
    """Answers questions from the generation that was published when it was opened. Safe to share between threads.

    A context manager: closing it lets go of the generation.
    """

    def __init__(
        self,
        folder: IndexFolder,
        generation: Generation,
        encoder: str | None,
        load: EncoderLoader,
        mesh_tree: "MeshTree | None" = None,
    ) -> None:
        from search.answer import Hits
        from search.open_generation import OpenGeneration
        from search.ranking import Ranker

        self._folder = folder
        self._generation = generation
        self._mesh_tree = mesh_tree
        self._held = contextlib.ExitStack()
        self._close = weakref.finalize(self, self._held.close)
        self._held.enter_context(generation.held())
        try:
            self._manifest: Manifest = generation.read_manifest()
            self._files = OpenGeneration.open(generation, self._manifest)
        except BaseException:
            self._close()
            raise
        self._held.callback(self._files.close)
        self._ranker = Ranker.of(self._files, self._manifest.encoder.metric)
        self._hits = Hits(self._files, str(generation.folder))
        self._encoder_name = encoder or self._manifest.encoder.name
        self._load = load
        self._loading = threading.Lock()
        self._loaded: Encoder | None = None
        self._selecting = threading.Lock()
        select = functools.partial(self._files.columns.select, pmids_of=self._files.lexical.pmids_of)
        self._selection = functools.lru_cache(maxsize=_FILTERS_KEPT)(select)

    @classmethod
    def open(
        cls,
        folder: str | Path = DEFAULT_INDEX,
        encoder: str | None = None,
        *,
        load: EncoderLoader = load_transformer,
        mesh_tree: str | Path | None = None,
    ) -> Self:
        """Open the published generation of an index.

        `encoder` says where the encoder that built the index lies now, where that is not what the manifest says. The
        encoder is loaded by the first question that needs it. `mesh_tree` is NLM's file of MeSH: with it, headings take
        their narrower ones in. Raises NoIndex, BrokenIndex or IndexVersion, and SourceError on the file of MeSH.
        """
        index_folder = IndexFolder(Path(folder))
        return cls(index_folder, index_folder.published(), encoder, load, _read_mesh(mesh_tree))

    def close(self) -> None:
        """Let go of the generation and of its files. A searcher that is dropped unclosed does so by itself."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def summary(self) -> IndexSummary:
        """Which index answers, and how current it is."""
        manifest = self._manifest
        return IndexSummary(manifest.counts.articles, manifest.last_file, manifest.data_date, manifest.encoder.name)

    @property
    def corpus_note(self) -> str:
        """What a page must say of this corpus beside how current it is; "" for nothing."""
        return self._manifest.corpus_note

    def is_current(self) -> bool:
        """Whether this searcher's generation is still the published one."""
        return self._folder.published_name() == self._generation.name

    def load_encoder(self) -> Encoder:
        """The encoder, loaded on the first call and checked against the index. Raises EncoderError or EncoderMismatch."""
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load_checked()
            return self._loaded

    def search(
        self,
        query: str,
        k: int = 10,
        filters: Filters | None = None,
        mode: Mode | str = Mode.HYBRID,
        *,
        sort: Sort | str = Sort.RELEVANCE,
        unlike: Sequence[int] = (),
        explain: int = 0,
        whole: bool = False,
        rerank: "CrossEncoder | None" = None,
    ) -> SearchResults:
        """The `k` articles that answer `query` best.

        Parameters
        ----------
        query
            A question, keywords, a pasted abstract, a PMID or DOI, or PubMed's syntax, which filters exactly.
        unlike
            PMIDs of articles that the hits should not resemble; they are left out.
        explain
            For so many of the first hits the sentence nearest in meaning is found: of a few of their sentences that hold
            the question's words, or of all of them with `whole`.
        rerank
            A cross-encoder that orders the first hits anew.

        Raises
        ------
        QueryError
            The question is empty, its syntax is faulty, or `k` is not from 1 to 1,000.

        """
        from search.understanding import read_text

        mode, sort = _choice(mode, Mode, "search mode"), _choice(sort, Sort, "order")
        _check_k(k)
        text = query.strip()
        if not text:
            raise QueryError("The question is empty: type a few words, for example `statins and muscle pain`.")
        encoder = None if mode is Mode.LEXICAL else self.load_encoder()
        wish = _Wish(text, k, filters or Filters(), mode, sort, explain, whole, rerank, time.perf_counter())
        request = read_text(text, wish.filters, self._files, self._mesh_tree)
        if request.found is not None or not request.question:
            return self._answer(wish, self._unranked(request, wish), request.understanding, self._wanted(""), None)
        asked = self._asked(request, wish, encoder, unlike)
        ranking = self._ranker.rank(asked)
        return self._answer(wish, ranking, request.understanding, self._wanted(request.question_in_full), asked.vector)

    def similar(
        self,
        pmids: Sequence[int],
        unlike: Sequence[int] = (),
        k: int = 10,
        filters: Filters | None = None,
        *,
        text: str = "",
        explain: int = 0,
    ) -> SearchResults:
        """The `k` articles most like those of `pmids` and like a pasted `text`, and less like those of `unlike`.

        None of these is among them. Raises QueryError where a PMID is not in the index.
        """
        from search.ranking import Asked

        _check_k(k)
        if not pmids and not text.strip():
            raise QueryError("Give at least one PMID, or a text, to find articles like it.")
        encoder = self.load_encoder() if text.strip() or explain else None
        query = ", ".join([*map(str, pmids), *([f"“{text.strip()[:60]}…”"] if text.strip() else [])])
        query = f"like {query}" + (f" unlike {', '.join(map(str, unlike))}" if unlike else "")
        wish = _Wish(query, k, filters or Filters(), Mode.DENSE, explain=explain, started=time.perf_counter())
        examples = [self._files.vectors_of(pmids)] if pmids else []
        if encoder is not None and text.strip():
            examples.append(self._files.transformed(encoder.encode_documents([Article(1, text.strip())])))
        vector = self._ranker.moved(np.concatenate(examples).mean(axis=0), -_AWAY, self._files.vectors_of(unlike))
        condition, passing = self._filter(wish.filters.condition())
        asked = Asked(vector, None, passing, condition, (*pmids, *unlike), wish.filters.include_retracted)
        articles = self._files.catalogue.articles(list(pmids)).values()
        wanted = self._wanted(" ".join([text, *(f"{article.title} {article.abstract}" for article in articles)]))
        return self._answer(wish, self._ranker.rank(asked), Understanding(query), wanted, vector)

    def pmids(self) -> "Pmids":
        """The PMIDs of all articles, ascending: (n,) int64."""
        return self._files.vectors.pmids

    def article(self, pmid: int) -> Article | None:
        """The article of a PMID, or None."""
        return self._files.catalogue.articles([pmid]).get(pmid)

    def nearest_sentence(self, query: str, article: Article) -> Sentence | None:
        """The sentence of an article's abstract that is nearest in meaning to a question; None where it has none."""
        from search.explanation import sentences
        from search.nearest_sentence import nearest_sentences

        encoder = self.load_encoder()
        vector = self._files.transformed(encoder.encode_query(query))
        return nearest_sentences([list(sentences(article))], vector, encoder, self._files)[0]

    def rank_known_item(self, query: str, pmid: int, vector: Vectors, mode: Mode | str) -> int | None:
        """The rank, from 1, of an article if it had no title, so that its `vector` (d,) were the encoder's of its abstract.

        None where it is not among the candidates.
        """
        from search.fusion import ranks_of
        from search.ranking import KnownItem
        from search.understanding import Request

        wish = _Wish(query, 1, Filters(include_retracted=True), _choice(mode, Mode, "search mode"))
        asked = self._asked(Request(Understanding(query), None), wish, self.load_encoder(), ())
        score = self._files.lexical.score_without_title(asked.words, pmid) if asked.words else 0.0
        ranking = self._ranker.rank(asked, KnownItem(pmid, self._files.transformed(vector), score))
        return int(ranks_of(np.array([pmid], np.int64), ranking.fused)[0]) or None

    def _asked(self, request: "Request", wish: _Wish, encoder: Encoder | None, unlike: Sequence[int]) -> "Asked":
        from search.ranking import Asked

        vector = words = None
        if encoder is not None and wish.mode is not Mode.LEXICAL:
            vector = self._files.transformed(encoder.encode_query(request.question_in_full))
            vector = self._ranker.moved(vector, -_AWAY, self._files.vectors_of(unlike))
        if wish.mode is not Mode.DENSE:
            words = self._files.lexical.query(request.question, [one.added for one in request.understanding.abbreviations])
            if words.is_empty and vector is None:
                raise QueryError(
                    f"{request.question!r} has no word that could be looked for. Use --mode hybrid, or other words."
                )
        condition, passing = self._filter(request.condition)
        return Asked(vector, words, passing, condition, tuple(unlike), wish.filters.include_retracted)

    def _filter(self, condition: "Condition | None") -> tuple["Condition | None", "Selection | None"]:
        """A condition as a tree and as a bitmap; nothing for one that everything meets."""
        from search.understanding import both

        needed = both(condition, None)
        if needed is None:
            return None, None
        with self._selecting:
            return needed, self._selection(needed)

    def _unranked(self, request: "Request", wish: _Wish) -> "Ranking":
        """What was looked up, or what passes a filter beside which nothing was asked: the newest PMIDs first."""
        if request.found is not None:
            return self._ranker.unranked(np.array(request.found, np.int64), show_retracted=True)
        _, passing = self._filter(request.condition)
        newest = (passing or self._files.columns.everything()).newest(DEPTH)
        return self._ranker.unranked(newest, show_retracted=wish.filters.include_retracted)

    def _wanted(self, text: str) -> "Wanted":
        return self._files.lexical.wanted(text)

    def _answer(
        self, wish: _Wish, ranking: "Ranking", understood: Understanding, wanted: "Wanted", vector: Vectors | None
    ) -> SearchResults:
        hidden = self._ranker.hidden_among(ranking, wish.k)
        scores: dict[int, float] = {}
        if wish.rerank is not None and understood.question:
            ranking, scores = self._hits.reranked(ranking, understood.question, wish.rerank)
        found = self._hits.of(ranking, wish.k, wanted, wish.sort)
        found = [replace(hit, why=replace(hit.why, rerank_score=scores.get(hit.pmid))) for hit in found] if scores else found
        if wish.explain and vector is not None:
            found = self._hits.explained(found, wish.explain, wanted, vector, self.load_encoder(), whole=wish.whole)
        took_ms = 1000 * (time.perf_counter() - wish.started)
        return SearchResults(wish.query, wish.mode, wish.filters, took_ms, hidden, self.summary, tuple(found), understood)

    def _load_checked(self) -> Encoder:
        built_with = self._manifest.encoder
        try:
            encoder = self._load(self._encoder_name)
        except EncoderUnavailable as error:
            raise EncoderUnavailable(
                f"The index was built with the encoder {built_with.name!r}. {error} "
                "If its files have moved, give their folder with --encoder."
            ) from error
        _check_same(built_with, encoder.identity)
        return encoder


def _read_mesh(path: str | Path | None) -> "MeshTree | None":
    if path is None:
        return None
    from search.mesh_tree import MeshTree

    return MeshTree.read(Path(path))


def _check_same(built_with: EncoderIdentity, found: EncoderIdentity) -> None:
    """Documents and questions must be of one space. The numeric path may differ: cosine between them is above 0.99."""
    for name in ("content_hash", "dimension", "pooling", "metric", "max_length", "query_prompt"):
        expected, actual = getattr(built_with, name), getattr(found, name)
        if expected != actual:
            raise EncoderMismatch(
                f"The index was built with another encoder: {built_with.name} ({name.replace('_', ' ')} {expected}); found "
                f"{found.name} ({actual}). Give the one it was built with as --encoder, or build the index again with this one."
            )


def _choice(value: str, kind: type[_Choice], what: str) -> _Choice:
    if value not in list(kind):
        raise QueryError(f"A {what} is one of {', '.join(kind)}; found {value!r}.")
    return kind(value)


def _check_k(k: int) -> None:
    if not 1 <= k <= DEPTH:
        raise QueryError(f"The number of hits is from 1 to {DEPTH:,}; found {k}.")

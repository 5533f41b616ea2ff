"""The searcher: one open generation of an index, and the questions it answers."""

import contextlib
import functools
import os
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from search.article import LARGEST_ID, Article
from search.encoder import Encoder, Vectors
from search.errors import BrokenIndex, QueryError
from search.filters import Filters
from search.generation import Generation
from search.index_folder import DEFAULT_INDEX, IndexFolder
from search.manifest import Manifest
from search.query_encoder import EncoderLoader, QueryEncoder, load_transformer
from search.results import Holdings, IndexSummary, Mode, SearchResults, Sentence, Sort, Understanding
from search.search_options import SearchOptions, mode_of, sort_of

if TYPE_CHECKING:
    from search.arrivals import Arrivals
    from search.columns import YearColumn
    from search.explanation import WordWeights
    from search.facets import Facets
    from search.hit_map import HitMap
    from search.mesh_tree import MeshTree
    from search.ranking import Ranking
    from search.reranker import CrossEncoder
    from search.vectors import Pmids

__all__ = ["EncoderLoader", "Searcher", "load_transformer"]


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
        from search.asking import Asking
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
        self._ranker = Ranker(self._files, self._manifest.encoder.metric)
        self._hits = Hits(self._files, str(generation.folder))
        self._encoder = QueryEncoder(encoder, self._manifest.encoder, load)
        self._asking = Asking(self._files, self._ranker, self._encoder, mesh_tree.narrower if mesh_tree else None)

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
        index_folder, mesh = IndexFolder(Path(folder)), _read_mesh(mesh_tree)
        failed: Generation | None = None
        while True:
            generation = index_folder.published()
            try:
                return cls(index_folder, generation, encoder, load, mesh)
            except BrokenIndex:
                # A writer may have removed it since its name was read, and published another one, even of the same name.
                if generation == failed:
                    raise
                failed = generation

    def close(self) -> None:
        """Let go of the generation and of its files. A searcher that is dropped unclosed does so by itself."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @functools.cached_property
    def summary(self) -> IndexSummary:
        """Which index answers, and how current it is."""
        manifest = self._manifest
        return IndexSummary(manifest.counts.articles, manifest.last_file, manifest.data_date, manifest.encoder.name)

    @property
    def holdings(self) -> Holdings:
        """What the index was made of."""
        return Holdings(len(self._manifest.sources), self._manifest.counts.title_only)

    @property
    def corpus_note(self) -> str:
        """What a page must say of this corpus beside how current it is; "" for nothing."""
        return self._manifest.corpus_note

    def is_current(self) -> bool:
        """Whether this searcher's generation is still the published one."""
        return self._folder.published_name() == self._generation.name

    @functools.cached_property
    def arrivals(self) -> "Arrivals":
        """What tells which articles have come to the index since somebody looked at an answer."""
        from search.arrivals import Arrivals

        return Arrivals(self._files, self._manifest, self._generation.name)

    def load_encoder(self) -> Encoder:
        """The encoder, loaded on the first call and checked against the index. Raises EncoderError or EncoderMismatch."""
        return self._encoder.get()

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
        skip: int = 0,
    ) -> SearchResults:
        """The `k` articles that answer `query` best: a question, keywords, an abstract, a PMID or DOI, or PubMed's syntax.

        The hits should not resemble the articles of `unlike`, which are left out. For the first `explain` hits the sentence
        nearest in meaning is found: of a few that hold the question's words, or of all of them with `whole`; a search by words
        alone has no meaning to go by. `rerank` orders the first hits anew; `skip` leaves the first ones out, as later pages do.
        Raises QueryError where the question is empty, its syntax is faulty, or hits beyond 1,000 are asked for. Who names a
        PMID or DOI sees that article also where it is retracted.
        """
        from search.understanding import read_text, readable

        text = readable(query)
        options = SearchOptions(
            text, k, filters or Filters(), mode_of(mode), sort_of(sort), tuple(unlike), explain, whole, rerank, skip
        )
        if not text:
            raise QueryError("The question is empty: type a few words, for example `statins and muscle pain`.")
        started = time.perf_counter()
        request = read_text(text, options.filters, self._files, self._mesh_tree)
        if request.found is not None or not request.question:
            unranked = self._asking.unranked(request, options)
            return self._answer(options, unranked, request.understanding, self._wanted(""), None, started)
        started += 0.0 if options.mode is Mode.LEXICAL else self._loading_seconds()
        asked = self._asking.asked(request, options)
        wanted = self._wanted(request.question_in_full)
        return self._answer(options, self._ranker.rank(asked), request.understanding, wanted, asked.vector, started)

    def similar(
        self,
        pmids: Sequence[int],
        unlike: Sequence[int] = (),
        k: int = 10,
        filters: Filters | None = None,
        *,
        text: str = "",
        explain: int = 0,
        whole: bool = False,
        skip: int = 0,
    ) -> SearchResults:
        """The `k` articles most like those of `pmids` and like a pasted `text`, and less like those of `unlike`.

        None of these is among them; `skip` leaves out the first hits. Raises QueryError where a PMID is not in the index.
        """
        from search.understanding import readable

        text = readable(text)
        if not pmids and not text:
            raise QueryError("Give at least one PMID, or a text, to find articles like it.")
        query = ", ".join([*map(str, pmids), *([f"“{text[:60]}…”"] if text else [])])
        query = f"like {query}" + (f" unlike {', '.join(map(str, unlike))}" if unlike else "")
        options = SearchOptions(
            query, k, filters or Filters(), Mode.DENSE, Sort.RELEVANCE, tuple(unlike), explain, whole, None, skip
        )
        if text or explain:
            self.load_encoder()
        started = time.perf_counter()
        asked = self._asking.asked_like(pmids, text, options)
        articles = self._files.catalogue.articles(list(pmids)).values()
        wanted = self._wanted(" ".join([text, *(f"{article.title} {article.abstract}" for article in articles)]))
        return self._answer(options, self._ranker.rank(asked), Understanding(query), wanted, asked.vector, started)

    def pmids(self) -> "Pmids":
        """The PMIDs of all articles, ascending: (n,) int64."""
        return self._files.columns.pmids

    def years(self) -> "YearColumn":
        """The years of publication in the order of `pmids`, 0 for unknown: (n,) uint16."""
        return self._files.columns.years

    @functools.cached_property
    def first_and_last_year(self) -> tuple[int, int] | None:
        """The first and the last year of publication that is known; None where none is."""
        known = self.years()[self.years() > 0]
        return (int(known.min()), int(known.max())) if len(known) else None

    def article(self, pmid: int) -> Article | None:
        """The article of a PMID, or None."""
        return self._files.catalogue.articles([pmid]).get(pmid) if 0 < pmid <= LARGEST_ID else None

    def articles(self, pmids: Sequence[int]) -> dict[int, Article]:
        """The articles of some PMIDs; those that are not in the index are left out."""
        return self._files.catalogue.articles(pmids)

    def facets(self, pmids: Sequence[int], limit: int = 50) -> "Facets":
        """How often each year, journal, publication type, heading and language occurs among articles: those `ranked`, say.

        At most `limit` values of each are given; PMIDs that are not in the index are left out. Raises BrokenIndex.
        """
        from search.facets import facets_of

        return facets_of(self._files.catalogue, self._files.columns, pmids, limit)

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

        options = SearchOptions(query, 1, Filters(include_retracted=True), mode_of(mode))
        asked = self._asking.asked(Request(Understanding(query), None), options)
        score = self._files.lexical.score_without_title(asked.words, pmid) if asked.words else 0.0
        ranking = self._ranker.rank(asked, KnownItem(pmid, self._files.transformed(vector), score))
        return int(ranks_of(np.array([pmid], np.int64), ranking.fused)[0]) or None

    def fed_back(self, texts: Sequence[str], without: Sequence[int] = ()) -> Vectors:
        """The vectors by which hybrid search ranks many texts at last, each moved towards its first hits: (n, d) float32.

        Texts are taken as plain words; retracted articles, and those of `without`, are no hits. Raises EncoderError.
        """
        vectors = self._files.transformed(self.load_encoder().encode_queries(texts))
        passing = (self._files.columns.everything() - self._ranker.retracted).without(without)
        words = list(map(self._files.lexical.query, texts))
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            return self._ranker.fed_back(vectors, words, passing, threads)

    def vectors(self, pmids: Sequence[int]) -> Vectors:
        """The vectors of some articles, (m, d) float32. Raises QueryError where one is not in the index."""
        return self._files.vectors_of(pmids)

    def hit_map(self, pmids: Sequence[int]) -> "HitMap":
        """A map of hits, the best first: the first 500, alike ones near each other. Raises QueryError as `vectors` does."""
        from search.hit_map import MOST_MAPPED, hit_map_of

        first = list(dict.fromkeys(pmids))[:MOST_MAPPED]
        vectors, articles = self.vectors(first), self.articles(first)
        return hit_map_of([articles[pmid] for pmid in first], vectors)

    def encode_documents(self, articles: Sequence[Article]) -> Vectors:
        """The vectors that articles would have in this index: (n, d) float32. Raises EncoderError."""
        return self._files.transformed(self.load_encoder().encode_documents(articles))

    def _loading_seconds(self) -> float:
        """Have the encoder loaded, and say how long that took: it is no part of what a question takes."""
        started = time.perf_counter()
        self.load_encoder()
        return time.perf_counter() - started

    def _wanted(self, text: str) -> "WordWeights":
        return self._files.lexical.wanted(text)

    def _answer(  # noqa: PLR0917  (an answer has as many parts)
        self,
        options: SearchOptions,
        ranking: "Ranking",
        understood: Understanding,
        wanted: "WordWeights",
        vector: Vectors | None,
        started: float,
    ) -> SearchResults:
        found = self._hits.answer(ranking, options, understood, wanted, self.summary, vector, self.load_encoder)
        return replace(found, took_ms=1000 * (time.perf_counter() - started))


def _read_mesh(path: str | Path | None) -> "MeshTree | None":
    if path is None:
        return None
    from search.mesh_tree import MeshTree

    return MeshTree.read(Path(path))

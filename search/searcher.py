"""The searcher: one open generation of an index, and the questions it answers."""

import argparse
import contextlib
import functools
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from search.article import Article
from search.command import positive
from search.encoder import Encoder, EncoderIdentity, Metric, Vectors
from search.errors import BrokenIndex, EncoderMismatch, EncoderUnavailable, QueryError
from search.filters import Filters
from search.index_folder import DEFAULT_INDEX, Generation, IndexFolder
from search.manifest import Manifest
from search.results import IndexSummary, Mode, SearchResult, SearchResults, Why

if TYPE_CHECKING:
    from search.candidates import Candidates, Scored
    from search.catalogue import Catalogue
    from search.columns import Columns, Selection
    from search.vectors import Pmids, VectorFile

# The same number of candidates whatever k is, so that the ten best of a thousand are the ten best of ten.
DEPTH = 1000
# How far the query moves away from the articles it should not resemble, as a share of their mean (Rocchio's gamma).
_AWAY = 0.5
# A selection of 40 million PMIDs takes 5 MB.
_FILTERS_KEPT = 16

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
class _Files:
    """The open files of one generation."""

    catalogue: "Catalogue"
    vectors: "VectorFile"
    candidates: "Candidates"
    columns: "Columns"


@dataclass(frozen=True, slots=True)
class _Question:
    """A question whose vector is known: `vector` (d,) float32; `without` are PMIDs that are no answer."""

    query: str
    vector: Vectors
    k: int
    filters: Filters
    mode: Mode
    started: float
    without: tuple[int, ...] = ()


class Searcher:
    """Answers questions from the generation that was published when it was opened. Safe to share between threads.

    A context manager: closing it lets go of the generation.
    """

    def __init__(self, folder: IndexFolder, generation: Generation, encoder: str | None, load: EncoderLoader) -> None:
        self._folder = folder
        self._generation = generation
        self._held = contextlib.ExitStack()
        self._close = weakref.finalize(self, self._held.close)
        self._held.enter_context(generation.held())
        try:
            self._manifest: Manifest = generation.read_manifest()
            self._files = _open_files(generation, self._manifest)
        except BaseException:
            self._close()
            raise
        self._held.callback(self._files.catalogue.close)
        self._encoder_name = encoder or self._manifest.encoder.name
        self._load = load
        self._loading = threading.Lock()
        self._loaded: Encoder | None = None
        self._selecting = threading.Lock()
        self._selections = functools.lru_cache(maxsize=_FILTERS_KEPT)(self._files.columns.selections)

    @classmethod
    def open(
        cls, folder: str | Path = DEFAULT_INDEX, encoder: str | None = None, *, load: EncoderLoader = load_transformer
    ) -> Self:
        """Open the published generation of an index.

        `encoder` says where the encoder that built the index lies now, where that is not what the manifest says. The
        encoder is loaded by the first question that needs it. Raises NoIndex, BrokenIndex or IndexVersion.
        """
        index_folder = IndexFolder(Path(folder))
        return cls(index_folder, index_folder.published(), encoder, load)

    def close(self) -> None:
        """Let go of the generation and of the catalogue. A searcher that is dropped unclosed does so by itself."""
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

    def search(self, query: str, k: int = 10, filters: Filters | None = None, mode: Mode | str = Mode.DENSE) -> SearchResults:
        """The `k` articles nearest in meaning to `query`, best first. Raises QueryError."""
        mode = _checked_mode(mode)
        text = query.strip()
        if not text:
            raise QueryError("The question is empty: type a few words, for example `statins and muscle pain`.")
        encoder = self.load_encoder()
        started = time.perf_counter()
        vector = encoder.encode_query(text)
        return self._answer(_Question(query, vector, k, filters or Filters(), mode, started))

    def similar(
        self, pmids: Sequence[int], unlike: Sequence[int] = (), k: int = 10, filters: Filters | None = None
    ) -> SearchResults:
        """The `k` articles most like those of `pmids`, and less like those of `unlike`; none of these is among them.

        Raises QueryError where a PMID is not in the index.
        """
        started = time.perf_counter()
        if not pmids:
            raise QueryError("Give at least one PMID to find articles like it.")
        vector = self._mean(pmids) - (_AWAY * self._mean(unlike) if unlike else 0)
        if self._manifest.encoder.metric is Metric.COSINE:
            vector = vector / max(float(np.linalg.norm(vector)), np.finfo(np.float32).tiny)
        query = "like " + ", ".join(map(str, pmids)) + (" unlike " + ", ".join(map(str, unlike)) if unlike else "")
        question = _Question(query, vector.astype(np.float32), k, filters or Filters(), Mode.DENSE, started, (*pmids, *unlike))
        return self._answer(question)

    def pmids(self) -> "Pmids":
        """The PMIDs of all articles, ascending: (n,) int64."""
        return self._files.vectors.pmids

    def article(self, pmid: int) -> Article | None:
        """The article of a PMID, or None."""
        return self._files.catalogue.articles([pmid]).get(pmid)

    def _answer(self, question: _Question) -> SearchResults:
        if not 1 <= question.k <= DEPTH:
            raise QueryError(f"The number of hits is from 1 to {DEPTH:,}; found {question.k}.")
        with self._selecting:
            selections = self._selections(question.filters)
        passing = _less(selections.passing, question.without)
        scored = self._files.candidates.search(question.vector, DEPTH, passing)
        hits = self._hits(scored, question.k)
        hidden = self._count_hidden(question, selections.hidden, scored)
        took_ms = 1000 * (time.perf_counter() - question.started)
        return SearchResults(question.query, question.mode, question.filters, took_ms, hidden, self.summary, hits)

    def _hits(self, scored: "Scored", k: int) -> tuple[SearchResult, ...]:
        best = scored.first(k)
        pmids, scores = best.pmids.tolist(), best.scores.tolist()
        articles = self._files.catalogue.articles(pmids)
        if lost := [pmid for pmid in pmids if pmid not in articles]:
            raise BrokenIndex(
                f"PMID {lost[0]} has a vector but no record in {self._generation.folder}. Run `pubmed-index verify`."
            )
        return tuple(
            SearchResult(rank, pmid, score, articles[pmid], Why(dense_rank=rank, similarity=score))
            for rank, (pmid, score) in enumerate(zip(pmids, scores, strict=True), start=1)
        )

    def _count_hidden(self, question: _Question, hidden: "Selection", shown: "Scored") -> int:
        """How many of the first k would be retracted articles, if these were shown."""
        if not hidden.count:
            return 0
        retracted = self._files.candidates.search(question.vector, question.k, _less(hidden, question.without))
        both = shown.first(question.k).merged(retracted).first(question.k)
        return int(np.isin(both.pmids, retracted.pmids).sum())

    def _mean(self, pmids: Sequence[int]) -> Vectors:
        try:
            mean: Vectors = self._files.vectors.get(pmids).mean(axis=0)
        except OverflowError:
            raise QueryError(f"A PMID has at most 8 digits; found {max(pmids, key=abs)}.") from None
        except KeyError as error:
            raise QueryError(f"PMID {error.args[0]} is not in this index of {self.summary.articles:,} articles.") from None
        return mean

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


def _open_files(generation: Generation, manifest: Manifest) -> _Files:
    """Open every file and check that the arrays hold as many articles as the manifest says, without reading them."""
    from search.candidates import Candidates
    from search.catalogue import Catalogue
    from search.columns import Columns
    from search.vectors import VectorFile

    base = generation.base
    vectors, columns = VectorFile.open(base.folder), Columns.open(base.columns)
    found = {"vectors": len(vectors), "columns": len(columns.pmids)}
    for name, count in found.items():
        if count != manifest.counts.articles:
            raise BrokenIndex(
                f"{base.folder} has {count:,} articles in its {name} where the manifest says {manifest.counts.articles:,}. "
                "Build the index again."
            )
    return _Files(Catalogue.open(base.catalogue), vectors, Candidates.open(base.candidates, vectors), columns)


def _check_same(built_with: EncoderIdentity, found: EncoderIdentity) -> None:
    """Documents and questions must be of one space. The numeric path may differ: cosine between them is above 0.99."""
    for name in ("content_hash", "dimension", "pooling", "metric", "max_length", "query_prompt"):
        expected, actual = getattr(built_with, name), getattr(found, name)
        if expected != actual:
            raise EncoderMismatch(
                f"The index was built with another encoder: {built_with.name} ({name.replace('_', ' ')} {expected}); found "
                f"{found.name} ({actual}). Give the one it was built with as --encoder, or build the index again with this one."
            )


def _checked_mode(mode: Mode | str) -> Mode:
    if mode not in list(Mode):
        raise QueryError(f"A search mode is one of {', '.join(Mode)}; found {mode!r}.")
    if Mode(mode) is not Mode.DENSE:
        raise QueryError(f"This version ranks by meaning only (--mode dense); {mode} search needs an index with words in it.")
    return Mode(mode)


def _less(selection: "Selection", pmids: Sequence[int]) -> "Selection":
    return selection.without(pmids) if pmids else selection

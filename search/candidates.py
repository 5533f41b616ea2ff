"""The FAISS index: which documents are nearest to a query vector. Its ids are PMIDs."""

import math
import os
import threading
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np

from search.columns import Selection
from search.encoder import Vectors
from search.errors import BrokenIndex
from search.scored import Scored
from search.storage import full_disk_is_said
from search.vectors import Pmids, VectorFile

# Up to here every vector is compared: 200,000 x 384 take about 15 ms, and nothing is missed.
FLAT_LIMIT = 200_000
# FAISS asks for 39 training vectors a list. Of 400,000 vectors, 25 a list in 6 rounds took a quarter of the time of 50 in 10,
# and a sixteenth of the lists then found 0.943 of the nearest instead of 0.948. At most 1 GB of them: 40 million vectors of
# 384 numbers have 32,768 lists, and 21 training vectors for each.
TRAINING_PER_LIST = 25
_TRAINING_ROUNDS = 10
TRAINING_BYTES = 1 << 30
# A graph over the lists' centres finds the nearest of 2,048 in 29 us where comparing all takes 118, and 32,768 take sixteen
# times that; it is the same one for 99.85 % of the vectors, and the lists find as much. On two cores that others used as well,
# 5 million vectors took 4 minutes to find their 8,192 centres and 11 to go into the lists.
_GRAPH_NEIGHBOURS = 32
_GRAPH_EFFORT = 32
_CHUNK = 50_000
# So many times sqrt(n) vectors lie in the lists that are probed at first, all of them up to 200,000: about 1,800 lists of any
# size. What a search of inverted lists misses lies in those that it did not probe, and the larger the corpus, the smaller
# the share that it takes. recall@10 of 100 questions over made-up vectors (titles: 0.99 or more from 1/32 on), with 1/32, 1/16,
# 1/8 and 1/4 of the lists: 400,000: .876 .925 .956 .986; 1.6 million: .906 .940 .967 .982; 5 million: .935 .962 .973 .986.
# A million vectors take 12-16 ms.
_PROBED_PER_ROOT = 450
# A filter that keeps 0.5 % of 5 million needs twice the share of the lists (1/16, 1/8, 1/4: .936 .966 .986), and one that keeps
# half hardly more than none (.950 .971 .980): the share grows with this power of what is left out.
_WIDENING = 1 / 6
# So many vectors or fewer are compared one by one, wherever they lie: nothing is missed. They take 3 us each in memory, from
# the disk 20 (of 0.7 GB) to 140 (of 7.7 GB); of the lists' hits only as many are read as are wanted. Fewer would make a narrow
# filter go through most lists of 40 million.
FEW = 10_000
_READ_AHEAD = 1 << 20
_KEPT_BY_MOST = 0.5
_SPARE = 1.5
# Codes alone order hits roughly: of so many, the exact scores find the first.
_RESCORED = 1_000


class Candidates:
    """Reads and writes `candidates.faiss`: every vector where there are few, inverted lists of codes where there are many."""

    def __init__(self, index: Any, vectors: VectorFile, few: int = FEW) -> None:  # noqa: ANN401  (faiss has no types)
        self._index = index
        self._vectors = vectors
        self._few = few
        self._lists = None if isinstance(index, faiss.IndexIDMap2) else faiss.extract_index_ivf(index)

    @classmethod
    def build(cls, path: Path, vectors: VectorFile, flat_limit: int = FLAT_LIMIT) -> str:
        """Write the index of `vectors`; returns its kind as a FAISS factory string."""
        kind = kind_of_index(len(vectors), vectors.dimension, flat_limit)
        index = faiss.index_factory(vectors.dimension, kind, faiss.METRIC_INNER_PRODUCT)
        if index.is_trained:
            _add(index, vectors)
        else:
            _add_to_lists(index, vectors)
        with full_disk_is_said(path.parent):
            faiss.write_index(index, str(path))
        return kind

    @classmethod
    def open(cls, path: Path, vectors: VectorFile, few: int = FEW) -> Self:
        """Open the index, mapped where FAISS can map its kind; `vectors` re-score inverted lists. Raises BrokenIndex.

        Where a filter keeps `few` or fewer, each of these is compared. Inverted lists are not mapped: they take 60 bytes of
        memory for a vector of 384 numbers, 300 MB for 5 million.
        """
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise BrokenIndex(f"{path} cannot be read as a FAISS index. Run `pubmed-index verify`, or build again.") from error
        if (index.ntotal, index.d) != (len(vectors), vectors.dimension):
            raise BrokenIndex(
                f"{path} holds {index.ntotal:,} vectors of {index.d} numbers where {len(vectors):,} of {vectors.dimension} "
                "are expected. Build the index again."
            )
        if isinstance(index, faiss.IndexIDMap2):
            _read_ahead(path)
        return cls(index, vectors, few)

    def pmids(self) -> Pmids:
        """All ids in the index, ascending: (n,) int64."""
        if self._lists is None:
            ids = faiss.vector_to_array(self._index.id_map)
        else:
            lists = self._lists.invlists
            sizes = [lists.list_size(number) for number in range(self._lists.nlist)]
            ids = np.concatenate(
                [faiss.rev_swig_ptr(lists.get_ids(number), size).copy() for number, size in enumerate(sizes) if size]
            )
        sorted_ids: Pmids = np.sort(ids)
        return sorted_ids

    def search(self, query: Vectors, depth: int, passing: Selection | None = None) -> Scored:
        """The `depth` documents nearest to `query` (d,) among those selected, fewer where there are fewer."""
        wanted = depth if passing is None else min(depth, passing.count)
        if not wanted:
            return Scored.none()
        if passing is not None and passing.count <= self._few:
            pmids = passing.pmids()
            return Scored.ranked(pmids, self._vectors.get(pmids) @ query).first(wanted)
        selector = None if passing is None else faiss.IDSelectorBitmap(passing.bitmap)
        if self._lists is None:
            return self._search_once(query, wanted, faiss.SearchParameters(sel=selector))
        lists = int(self._lists.nlist)
        probed = self._probed_at_first(lists, passing)
        while True:
            found = self._search_once(query, wanted, faiss.SearchParametersIVF(sel=selector, nprobe=probed))
            if len(found.pmids) >= wanted or probed >= lists:
                return self._rescored(query, found)
            probed = min(lists, 2 * probed)

    def search_all(self, queries: Vectors, depth: int, passing: Selection | None = None) -> list[Scored]:
        """The `depth` documents nearest to each of `queries` (n, d), on all cores: for many questions that nobody waits for.

        Without a filter FAISS multiplies matrices, which is faster; so what a filter keeps is cut from a longer list, and a few
        may be missing. Where it keeps less than half, every question is searched alone.
        """
        share = 1.0 if passing is None else passing.count / len(self._vectors)
        if share < _KEPT_BY_MOST:
            return [self.search(query, depth, passing) for query in queries]
        faiss.omp_set_num_threads(os.cpu_count() or 1)
        _threads.set = False
        asked = math.ceil(depth * _SPARE / share)
        parameters = None
        if self._lists is not None:
            asked = max(asked, _RESCORED)
            parameters = faiss.SearchParametersIVF(nprobe=self._probed_at_first(int(self._lists.nlist), None))
        scores, pmids = self._index.search(np.ascontiguousarray(queries), min(asked, len(self._vectors)), params=parameters)
        found = [Scored.ranked(ids[ids >= 0], some[ids >= 0]) for ids, some in zip(pmids, scores, strict=True)]
        if passing is not None:
            found = [one.inside(passing) for one in found]
        if self._lists is not None:
            found = list(map(self._rescored, queries, found))
        return [one.first(depth) for one in found]

    def centroid_similarities(self, vectors: Vectors) -> "np.ndarray[Any, np.dtype[np.float32]] | None":
        """The inner products of vectors (n, d) with the centroid of the list that each would go into; None without lists."""
        if self._lists is None:
            return None
        similarities, _ = self._lists.quantizer.search(np.ascontiguousarray(vectors), 1)
        return np.asarray(similarities[:, 0])

    def _probed_at_first(self, lists: int, passing: Selection | None) -> int:
        """The lists to probe. The nearest of those that a filter keeps lie further apart, so it makes them more."""
        total = len(self._vectors)
        kept = 1.0 if passing is None else passing.count / total
        share = _PROBED_PER_ROOT / math.sqrt(total) / math.pow(kept, _WIDENING)
        return max(1, math.ceil(lists * min(1.0, share)))

    def _search_once(self, query: Vectors, depth: int, parameters: Any) -> Scored:  # noqa: ANN401
        _one_thread()
        scores, pmids = self._index.search(query[np.newaxis], depth, params=parameters)
        # FAISS pads with -1 what it did not find.
        found = pmids[0] >= 0
        return Scored.ranked(pmids[0][found], scores[0][found])

    def _rescored(self, query: Vectors, found: Scored) -> Scored:
        """Replace the codes' approximate scores by exact ones: without this, recall is 0.6 instead of 0.95."""
        return Scored.ranked(found.pmids, self._vectors.get(found.pmids) @ query)


_threads = threading.local()


def _one_thread() -> None:
    """A search of one query is 2-3.5 times slower with two threads than with one. The setting belongs to a thread."""
    if not getattr(_threads, "set", False):
        faiss.omp_set_num_threads(1)
        _threads.set = True


def _read_ahead(path: Path) -> None:
    """Have the system fetch a mapped index that every search reads whole, while the rest is opened.

    The first search of 29,457 vectors on disk takes 35 ms so, and 1,020 without. More than some megabytes at once are ignored.
    """
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as stream:
            for start in range(0, path.stat().st_size, _READ_AHEAD):
                os.posix_fadvise(stream.fileno(), start, _READ_AHEAD, os.POSIX_FADV_WILLNEED)


def _add_to_lists(index: Any, vectors: VectorFile) -> None:  # noqa: ANN401
    """Find the lists' centres, and deal all vectors out to them: both by way of a graph over the centres."""
    lists = faiss.extract_index_ivf(index)
    lists.cp.niter = _TRAINING_ROUNDS
    lists.cp.min_points_per_centroid = 1
    lists.clustering_index = graph = _graph(vectors.dimension)
    most = TRAINING_BYTES // (vectors.dimension * np.dtype(np.float32).itemsize)
    index.train(vectors.sample(min(most, TRAINING_PER_LIST * lists.nlist)))
    lists.clustering_index = None
    graph.reset()
    centres = lists.quantizer
    graph.add(centres.reconstruct_n(0, lists.nlist))
    lists.quantizer = graph
    try:
        _add(index, vectors)
    finally:
        lists.quantizer = centres


def _graph(dimension: int) -> Any:  # noqa: ANN401
    graph = faiss.IndexHNSWFlat(dimension, _GRAPH_NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efSearch = _GRAPH_EFFORT
    return graph


def _add(index: Any, vectors: VectorFile) -> None:  # noqa: ANN401
    for pmids, chunk in vectors.chunks(_CHUNK):
        index.add_with_ids(chunk, pmids)


def kind_of_index(count: int, dimension: int, flat_limit: int) -> str:
    """Flat where there are few; else about 4 sqrt(n) lists, and four dimensions in a 4-bit code that SIMD scans."""
    if count <= flat_limit or dimension % 4:
        return "IDMap2,Flat"
    lists = 2 ** round(math.log2(4 * math.sqrt(count)))
    return f"IVF{lists},PQ{dimension // 4}x4fs"

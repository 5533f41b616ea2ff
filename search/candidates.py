"""The FAISS index: which documents are nearest to a query vector. Its ids are PMIDs."""

import math
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
# FAISS asks for 39 training vectors a list; more gains little.
_TRAINING_PER_LIST = 50
_CHUNK = 50_000
# One list in so many is probed at first, or more: lists with so many vectors in all, which take about 16 ms. What a search of
# inverted lists misses lies in the lists that it did not probe: recall@10 over 438,726 titles is 0.93 with an eighth of them,
# 0.97 with a quarter, 1.00 with all.
_LISTS_PER_PROBED = 8
_PROBED_VECTORS = 1_000_000
# So many vectors or fewer are compared one by one, wherever they lie: nothing is missed, and it takes less than the lists.
_FEW = 30_000


class Candidates:
    """Reads and writes `candidates.faiss`: every vector where there are few, inverted lists of codes where there are many."""

    def __init__(self, index: Any, vectors: VectorFile) -> None:  # noqa: ANN401  (faiss has no types)
        self._index = index
        self._vectors = vectors
        self._lists = None if isinstance(index, faiss.IndexIDMap2) else faiss.extract_index_ivf(index)

    @classmethod
    def build(cls, path: Path, vectors: VectorFile, flat_limit: int = FLAT_LIMIT) -> str:
        """Write the index of `vectors`; returns its kind as a FAISS factory string."""
        kind = _kind(len(vectors), vectors.dimension, flat_limit)
        index = faiss.index_factory(vectors.dimension, kind, faiss.METRIC_INNER_PRODUCT)
        if not index.is_trained:
            index.train(vectors.sample(_TRAINING_PER_LIST * faiss.extract_index_ivf(index).nlist))
        for pmids, chunk in vectors.chunks(_CHUNK):
            index.add_with_ids(chunk, pmids)
        with full_disk_is_said(path.parent):
            faiss.write_index(index, str(path))
        return kind

    @classmethod
    def open(cls, path: Path, vectors: VectorFile) -> Self:
        """Open the index, mapped where FAISS can map its kind; `vectors` re-score inverted lists. Raises BrokenIndex."""
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise BrokenIndex(f"{path} cannot be read as a FAISS index. Run `pubmed-index verify`, or build again.") from error
        if (index.ntotal, index.d) != (len(vectors), vectors.dimension):
            raise BrokenIndex(
                f"{path} holds {index.ntotal:,} vectors of {index.d} numbers where {len(vectors):,} of {vectors.dimension} "
                "are expected. Build the index again."
            )
        return cls(index, vectors)

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
        if passing is not None and passing.count <= _FEW:
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

    def _probed_at_first(self, lists: int, passing: Selection | None) -> int:
        """The lists to probe. The nearest of those that a filter keeps lie further apart, so it makes them more."""
        total = len(self._vectors)
        kept = 1.0 if passing is None else passing.count / total
        share = max(1 / _LISTS_PER_PROBED, _PROBED_VECTORS / total) / math.sqrt(kept)
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


def _kind(count: int, dimension: int, flat_limit: int) -> str:
    """Flat where there are few; else about 4 sqrt(n) lists, and four dimensions in a 4-bit code that SIMD scans."""
    if count <= flat_limit or dimension % 4:
        return "IDMap2,Flat"
    lists = 2 ** round(math.log2(4 * math.sqrt(count)))
    return f"IVF{lists},PQ{dimension // 4}x4fs"

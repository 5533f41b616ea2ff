"""Vectors that were computed elsewhere, by PMID: NCBI publishes MedCPT's for all of PubMed, in chunks of about a million."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
import numpy.typing as npt

from indexer.embedding_cache import KnownRows
from search.article import Article
from search.encoder import Encoder, Metric, Vectors
from search.errors import SourceError
from search.storage import read_array
from search.vectors import Pmids, is_among

# So many articles are embedded here, too, to see whether the vectors are of the encoder that questions will be encoded with.
_COMPARED = 8
# Half precision and another text of a record move a vector little; another encoder's has no similarity to it at all.
_LEAST_COSINE = 0.9


class ReadyMadeVectors:
    """Knows the vectors of chunks: pairs of a ``.npy`` (n, d) and a JSON list of n PMIDs, both in the same order.

    Vectors are made of length 1 where the encoder's have it. Of a PMID that stands in several places the last one counts.
    Memory: 14 bytes a vector; the vectors themselves are mapped.
    """

    def __init__(self, chunks: Sequence[npt.NDArray[np.floating]], pmids: Sequence[Pmids], encoder: Encoder) -> None:
        self._chunks, self._encoder = chunks, encoder
        every = np.concatenate([np.empty(0, np.int64), *pmids])
        # The last of equal PMIDs is the first from behind.
        self._pmids, from_behind = np.unique(every[::-1], return_index=True)
        places = len(every) - 1 - from_behind
        ends = np.cumsum([len(some) for some in pmids])
        self._chunk = np.searchsorted(ends, places, side="right").astype(np.int16)
        self._row = (places - (ends - [len(some) for some in pmids])[self._chunk]).astype(np.int32)
        self._compared = 0

    @classmethod
    def open(cls, vectors: Sequence[Path], pmids: Sequence[Path], encoder: Encoder) -> Self:
        """Open chunks, whose files are given in the same order. Raises SourceError where they do not fit together."""
        if len(vectors) != len(pmids):
            raise SourceError(
                f"Expected a file of PMIDs for every file of vectors, found {len(pmids)} for {len(vectors)}. "
                "Give as many files behind --pmids as behind --vectors, in the same order."
            )
        chunks, lists = [_vectors(path, encoder.identity.dimension) for path in vectors], [_pmids(path) for path in pmids]
        for chunk, some, path, list_path in zip(chunks, lists, vectors, pmids, strict=True):
            if len(chunk) != len(some):
                raise SourceError(f"{path} has {len(chunk):,} vectors and {list_path} {len(some):,} PMIDs: they are no pair.")
        return cls(chunks, lists, encoder)

    def __len__(self) -> int:
        return len(self._pmids)

    def look_up(self, articles: Sequence[Article]) -> KnownRows:
        """The vectors of those articles that have one. Raises SourceError where they are not of the encoder, or no vectors."""
        wanted = np.array([article.pmid for article in articles], np.int64)
        rows = KnownRows.none(len(articles), self._encoder.identity.dimension)
        rows.found[:] = is_among(wanted, self._pmids)
        places = np.searchsorted(self._pmids, wanted[rows.found])
        found = np.empty((len(places), rows.vectors.shape[1]), np.float32)
        for number in np.unique(self._chunk[places]).tolist():
            inside = self._chunk[places] == number
            found[inside] = self._chunks[number][self._row[places[inside]]]
        rows.vectors[rows.found] = self._usable(found, wanted[rows.found])
        self._compare([article for article, known in zip(articles, rows.found.tolist(), strict=True) if known], rows)
        return rows

    def _usable(self, vectors: Vectors, pmids: Pmids) -> Vectors:
        norms = np.linalg.norm(vectors, axis=1)
        if (wrong := ~np.isfinite(norms) | (norms == 0)).any():
            raise SourceError(
                f"The ready-made vector of PMID {pmids[wrong][0]} has the norm {norms[wrong][0]}. Leave its chunk out."
            )
        return vectors / norms[:, np.newaxis] if self._encoder.identity.metric is Metric.COSINE else vectors

    def _compare(self, articles: Sequence[Article], rows: KnownRows) -> None:
        """Embed the first few articles here, too."""
        first = articles[: _COMPARED - self._compared]
        if not first:
            return
        ready, ours = rows.vectors[rows.found][: len(first)], self._encoder.encode_documents(first)
        cosines = (ready * ours).sum(axis=1) / (np.linalg.norm(ready, axis=1) * np.linalg.norm(ours, axis=1))
        self._compared += len(first)
        if (cosine := float(np.median(cosines))) < _LEAST_COSINE:
            raise SourceError(
                f"The ready-made vectors are not those of {self._encoder.identity.name}: for PMID {first[0].pmid} and others "
                f"the cosine with this encoder's own vector is {cosine:.2f}, where nearly 1 is expected. Name the encoder that "
                "made them with --encoder."
            )


def _vectors(path: Path, dimension: int) -> npt.NDArray[np.floating]:
    try:
        vectors = read_array(path, mapped=True)
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(f"{path} cannot be read as vectors, a NumPy array in a .npy file ({error}).") from error
    if vectors.ndim != 2 or not np.issubdtype(vectors.dtype, np.floating):  # noqa: PLR2004
        raise SourceError(f"{path}: expected a matrix of floating-point numbers, a row a vector.")
    if vectors.shape[1] != dimension:
        raise SourceError(
            f"{path} has vectors of {vectors.shape[1]} numbers and the encoder makes {dimension}: name the encoder that made "
            "them with --encoder."
        )
    return vectors


def _pmids(path: Path) -> Pmids:
    try:
        return np.array(msgspec.json.decode(path.read_bytes(), type=list[int], strict=False), np.int64)
    except (OSError, OverflowError, msgspec.MsgspecError) as error:
        raise SourceError(f"{path} cannot be read as a JSON list of PMIDs ({error}).") from error

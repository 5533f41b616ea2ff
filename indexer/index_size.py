"""What an index takes of disk and memory, by its layout: so much for an article, and so much for a number of its vector.

What text takes is measured, since no layout says it: 3,378 bytes of catalogue, 534 to 634 of lexical index and 29 to 34 of
columns for each of 0.4 to 5 million made-up records of which 60 % have an abstract (README, "How it grows"); 3,268 and 968 for
29,457 records that all have one, 857 and 113 for 409,269 titles. Together with the vectors, these come within 3 % of the law of
those sizes, 5.55 kB a record.
"""

import re
from dataclasses import dataclass

from search.candidates import FLAT_LIMIT, TRAINING_BYTES, TRAINING_PER_LIST, kind_of_index

_FLOAT, _ID = 4, 8
# A record with headings and authors, and what its abstract adds.
_CATALOGUE, _CATALOGUE_ABSTRACT = 1_930, 2_411
_LEXICAL, _LEXICAL_ABSTRACT = 113, 855
_COLUMNS = 30
# vectors.npy has the numbers, vectors.pmids.npy a PMID and vectors.truncated.npy a byte; a shard of the cache a key and a byte.
_BESIDE_VECTOR = _ID + 1
_CACHE_KEY = 16
_BESIDE_CACHED = _CACHE_KEY + 1
# FAISS puts 4-bit codes into blocks of 32 vectors, the last of a list half full in the mean.
_SPARE_CODES = 16
# The cache's keys in order, with the place of each; twice while they are sorted.
_KEY_IN_MEMORY = 2 * (_CACHE_KEY + 8)


@dataclass(frozen=True, slots=True)
class IndexSize:
    """The size of an index of `articles` with vectors of `dimension` numbers; a share of `with_abstract` has an abstract.

    Above `flat_limit` articles its vectors lie in inverted lists.
    """

    articles: int
    dimension: int
    with_abstract: float
    flat_limit: int = FLAT_LIMIT

    @property
    def candidates(self) -> str:
        """The kind of its FAISS index, as a factory string: the one that a build chooses."""
        return kind_of_index(self.articles, self.dimension, self.flat_limit)

    @property
    def lists(self) -> int:
        """How many inverted lists it has; 0 where every vector is compared."""
        found = re.match(r"IVF(\d+)", self.candidates)
        return int(found[1]) if found else 0

    @property
    def disk(self) -> dict[str, float]:
        """The bytes of each part, and of the embedding cache beside them."""
        vector = _FLOAT * self.dimension
        each = {
            "vectors": vector + _BESIDE_VECTOR,
            "catalogue": _CATALOGUE + _CATALOGUE_ABSTRACT * self.with_abstract,
            "lexical": _LEXICAL + _LEXICAL_ABSTRACT * self.with_abstract,
            "columns": _COLUMNS,
            "embedding cache": vector + _BESIDE_CACHED,
        }
        return {"candidates": self._candidates, **{part: self.articles * size for part, size in each.items()}}

    @property
    def answering(self) -> float:
        """The bytes of memory that its FAISS index takes while it is open: lists are read, all else is mapped."""
        return self._candidates if self.lists else 0.0

    @property
    def building(self) -> float:
        """The bytes of memory that a build or an update needs beside the encoder, the larger of what two stages need.

        The first reads the keys of all cached embeddings, the second trains the lists and fills them.
        """
        training = min(TRAINING_BYTES, TRAINING_PER_LIST * self.lists * _FLOAT * self.dimension)
        return max(self.articles * _KEY_IN_MEMORY, training + self._candidates)

    @property
    def _candidates(self) -> float:
        if not self.lists:
            return self.articles * (_FLOAT * self.dimension + _ID)
        code = self.dimension / 8
        return self.articles * (code + _ID) + self.lists * (_FLOAT * self.dimension + _SPARE_CODES * code)

"""A corpus of any size, made of a real one: the same records every time, a block at a time, whatever the size.

How a vector is made was chosen by what it does to neighbours. From 54,625 of 438,726 real ones (titles and abstracts, MiniLM)
437,000 were made, and both corpora were asked 300 titles that are in neither, and 200 to 334 questions: the mean similarity of
the first, tenth and hundredth hit, and the share of the first ten found in 1/64, 1/32, 1/16 and 1/8 of 512 inverted lists.

| corpus                                | titles: similarity, recall | questions: similarity, recall |
|---------------------------------------|----------------------------|-------------------------------|
| 437,000 real ones                     | .78 .67 .56, .91 .95 .97 .99 | .68 .57 .47, .76 .83 .89 .94 |
| the chosen way (blend + 0.15)         | .71 .66 .56, .92 .96 .97 .99 | .61 .55 .46, .75 .84 .90 .93 |
| blend alone                           | .72 .67 .57, .92 .96 .98 .99 | .61 .56 .47, .77 .85 .91 .94 |
| one seed + white noise of length 0.6  | .63 .58 .49, .92 .96 .97 .99 | .55 .50 .42, .77 .85 .90 .95 |
| one seed + 0.6 of a random difference | .62 .56 .47, .82 .89 .95 .98 | .55 .48 .41, .70 .79 .86 .92 |

The tenth hit of a real title comes nearer as the corpus grows: .515, .552, .587, .620, .653 for 27,000 to 437,000 in steps of
two, which is 1 - similarity falling with the 0.13th power of the size. Noise around one seed leaves that trend at once, since
every record moves away from everything; a blend with a neighbour does not, and goes on with it: .664, .713 and .749 for 0.4,
1.6 and 5 million made of all the real ones, where the trend would come to about .66, .72 and .77.
"""

import functools
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from indexer.embedding_cache import KnownRows
from indexer.progress import Progress
from indexer.scale_seeds import Seeds
from search.article import Article
from search.encoder import Vectors
from search.filters import Filters
from search.storage import full_disk_is_said

# Up to half of a record is a neighbour of its seed; and so much of the difference of two seeds is added, whichever they are.
_BLENDED = 0.5
_NOISE = 0.15
_BLOCK = 8_192
_BLOCKS_PER_FILE = 64
_FEW = 60
_ONE_IN = 200
# Of PubMed's records 60 % have an abstract, one in some 2,000 is retracted; MeSH has 30,000 headings, a record about ten.
_WITH_ABSTRACT = 0.6
_RETRACTED = 1 / 2_000
_HEADINGS, _HEADINGS_PER_RECORD = 30_000, 8
_AUTHORS_PER_RECORD = 4
_SYLLABLES = ("ka", "mo", "ri", "ten", "sal", "vo", "ber", "lin", "dra", "os", "hu", "wei", "zan", "pel", "gor", "mi")

# What each filter keeps, as it is said, and the filter.
FILTERS = {
    "50 %": Filters(mesh=("Kept By Half",)),
    "0.5 %": Filters(mesh=("Kept By One In Two Hundred",)),
    "60 records": Filters(mesh=("Kept By Sixty",)),
}


@dataclass(frozen=True, slots=True)
class _Block:
    """What chance decides for some records in a row: their `places` in the corpus, seeds, neighbours and blend."""

    places: npt.NDArray[np.int64]
    seeds: npt.NDArray[np.int64]
    mates: npt.NDArray[np.int64]
    blended: npt.NDArray[np.float32]
    random: np.random.Generator


class ScaleCorpus:
    """`count` records made of seeds. It knows their vectors, so that a build of them need not embed."""

    def __init__(self, seeds: Seeds, count: int) -> None:
        self._seeds = seeds
        self._count = count
        self._block_vectors = functools.lru_cache(maxsize=2)(self._made_vectors)
        # Steps of about the golden ratio use every seed as often as any other, and neighbouring records have unlike ones.
        self._stride = _coprime(int(len(seeds.titles) * 0.618), len(seeds.titles))

    def write(self, folder: Path, progress: Progress) -> list[Path]:
        """Write all records as files of JSONL, some 500,000 in each. Raises StorageFull."""
        progress.start("Making", self._count, "records")
        blocks = range(-(-self._count // _BLOCK))
        paths = []
        with full_disk_is_said(folder):
            for first in blocks[::_BLOCKS_PER_FILE]:
                paths.append(folder / f"made-{first // _BLOCKS_PER_FILE:04d}.jsonl.gz")
                with gzip.open(paths[-1], "wb", compresslevel=1) as stream:
                    for number in blocks[first : first + _BLOCKS_PER_FILE]:
                        lines = [msgspec.json.encode(record) for record in self.records(number)]
                        stream.write(b"\n".join([*lines, b""]))
                        progress.advance(len(lines))
        return paths

    def look_up(self, articles: Sequence[Article]) -> KnownRows:
        """The vectors of some of the corpus's articles."""
        places = _places_of(np.array([article.pmid for article in articles], np.int64))
        vectors = np.empty((len(places), self._seeds.vectors.shape[1]), np.float32)
        for number in np.unique(places // _BLOCK).tolist():
            rows = places // _BLOCK == number
            vectors[rows] = self._block_vectors(number)[places[rows] - number * _BLOCK]
        return KnownRows(np.ones(len(places), np.bool_), vectors, np.zeros(len(places), np.bool_))

    def records(self, number: int) -> Iterator[dict[str, Any]]:
        """The records of one block, as lines of JSONL have them."""
        block = self._block(number)
        random, count = np.random.default_rng([2, number]), len(block.places)
        subjects = _Subjects.drawn(random, block.places, self._count)
        years, halves = random.integers(1975, 2026, count), random.integers(0, 2**31, (count, 2))
        has_abstract = random.random(count) < _WITH_ABSTRACT
        for row, (seed, mate) in enumerate(zip(block.seeds.tolist(), block.mates.tolist(), strict=True)):
            yield {
                "pmid": int(_pmids_of(block.places[row])),
                "title": _blended_title(self._seeds.titles[seed], self._seeds.titles[mate]),
                "abstract": self._abstract(*halves[row].tolist()) if has_abstract[row] else "",
                "year": int(years[row]),
                "journal": self._seeds.journals[seed] or f"Journal {seed % 5_000}",
                "languages": ["eng"],
                **subjects.of(row),
            }

    def _abstract(self, first: int, second: int) -> str:
        """The first half of one real abstract and the second of another."""
        abstracts = self._seeds.abstracts
        if not abstracts:
            return ""
        one, other = abstracts[first % len(abstracts)], abstracts[second % len(abstracts)]
        return ". ".join([*one[: -(-len(one) // 2)], *other[-(-len(other) // 2) :]])

    def _block(self, number: int) -> _Block:
        random = np.random.default_rng([1, number])
        places = np.arange(number * _BLOCK, min(self._count, (number + 1) * _BLOCK))
        seeds = places * self._stride % len(self._seeds.titles)
        mates = self._seeds.cells.mates(seeds, random.random(len(places)))
        return _Block(places, seeds, mates, _BLENDED * random.random((len(places), 1), np.float32), random)

    def _made_vectors(self, number: int) -> Vectors:
        """The vectors of a block (m, d): seed and neighbour blended, moved a little as any two seeds differ."""
        block, vectors = self._block(number), self._seeds.vectors
        lengths = np.linalg.norm(vectors[block.seeds], axis=1, keepdims=True)
        made = (1 - block.blended) * vectors[block.seeds] + block.blended * vectors[block.mates]
        made *= lengths / _norms(made)
        one, other = block.random.integers(0, len(vectors), (2, len(made)))
        made += np.float32(_NOISE) * (vectors[one] - vectors[other])
        made *= lengths / _norms(made)
        return np.asarray(made, np.float32)


@dataclass(frozen=True, slots=True)
class _Subjects:
    """Headings, authors and types of the records of a block, as chance draws them."""

    headings: npt.NDArray[np.int64]
    kept: dict[str, npt.NDArray[np.bool_]]
    authors: npt.NDArray[np.int64]
    types: npt.NDArray[np.float64]

    @classmethod
    def drawn(cls, random: np.random.Generator, places: npt.NDArray[np.int64], total: int) -> "_Subjects":
        count = len(places)
        every = max(1, total // _FEW)
        half, rare = random.random((2, count))
        few = (places % every == 0) & (places < _FEW * every)
        kept = (half < 1 / 2, rare < 1 / _ONE_IN, few)
        headings = random.zipf(1.3, (count, _HEADINGS_PER_RECORD)) % _HEADINGS
        authors = random.integers(0, len(_SYLLABLES) ** 3, (count, _AUTHORS_PER_RECORD))
        names = [filters.mesh[0] for filters in FILTERS.values()]
        return cls(headings, dict(zip(names, kept, strict=True)), authors, random.random(count))

    def of(self, row: int) -> dict[str, list[str]]:
        """What one record has."""
        drawn = self.types[row]
        types = ["Journal Article", *(["Retracted Publication"] if drawn < _RETRACTED else ["Review"] if drawn > 0.9 else [])]  # noqa: PLR2004
        headings = [f"Heading {number}" for number in dict.fromkeys(self.headings[row].tolist())]
        return {
            "mesh": headings + [name for name, kept in self.kept.items() if kept[row]],
            "authors": [_author(number) for number in self.authors[row].tolist()],
            "publication_types": types,
        }


def _author(number: int) -> str:
    parts = [_SYLLABLES[number // len(_SYLLABLES) ** place % len(_SYLLABLES)] for place in range(3)]
    return f"{''.join(parts).capitalize()} {chr(65 + number % 26)}"


def _blended_title(seed: str, mate: str) -> str:
    """The first half of a title, and the second of its neighbour's."""
    first, second = seed.split(), mate.split()
    return " ".join([*first[: -(-len(first) // 2)], *second[-(-len(second) // 2) :]])


def _pmids_of(places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """One PMID in 21 is not there, about as in PubMed."""
    return places + places // 20 + 1


def _places_of(pmids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return (pmids - 1) - (pmids - 1) // 21


def _norms(vectors: Vectors) -> Vectors:
    norms: Vectors = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
    return norms


def _coprime(wanted: int, to: int) -> int:
    """The first number from `wanted` on that has no divisor in common with another."""
    return next(number for number in range(max(1, wanted), 2 * to + 2) if np.gcd(number, to) == 1)

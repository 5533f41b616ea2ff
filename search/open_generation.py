"""The open files of one generation, its two parts as one, checked against its manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from search.article import LARGEST_PMID
from search.candidates import Candidates
from search.catalogue import Catalogue
from search.columns import Columns
from search.encoder import Vectors
from search.errors import BrokenIndex, QueryError
from search.generation import Generation, Part
from search.lexical import LexicalIndex
from search.live_candidates import LiveCandidates
from search.live_catalogue import LiveCatalogue
from search.live_columns import LiveColumns
from search.live_vectors import LiveVectors
from search.manifest import Manifest
from search.tombstones import Tombstones
from search.transform import TransformKind, VectorTransform
from search.vectors import VectorFile


@dataclass(frozen=True, slots=True)
class _OpenPart:
    """The open files of one part."""

    vectors: VectorFile
    candidates: Candidates
    columns: Columns

    @classmethod
    def open(cls, part: Part, count: int) -> "_OpenPart":
        vectors, columns = VectorFile.open(part.folder), Columns.open(part.columns)
        candidates = Candidates.open(part.candidates, vectors)
        _check_counts(part.folder, count, {"vectors": len(vectors), "columns": len(columns.pmids)})
        return cls(vectors, candidates, columns)


@dataclass(frozen=True, slots=True)
class OpenGeneration:
    """Everything that a search reads of a generation, both its parts as one. Safe to share between threads."""

    catalogue: LiveCatalogue
    vectors: LiveVectors
    candidates: LiveCandidates
    columns: LiveColumns
    lexical: LexicalIndex
    transform: VectorTransform | None

    @classmethod
    def open(cls, generation: Generation, manifest: Manifest) -> "OpenGeneration":
        """Open every file and check that each holds as many articles as the manifest says, without reading them.

        Raises BrokenIndex.
        """
        base = _OpenPart.open(generation.base, manifest.parts.base)
        delta = _OpenPart.open(generation.delta, manifest.parts.delta) if manifest.parts.delta else None
        dead = Tombstones.read(generation.tombstones).pmids
        _check_counts(generation.folder, manifest.parts.dead, {"tombstones": len(dead)})
        transform = None if manifest.transform.kind is TransformKind.NONE else VectorTransform.read(generation.transform)
        lexical = LexicalIndex(generation.lexical)
        try:
            _check_counts(generation.folder, manifest.counts.articles, {"lexical index": len(lexical)})
        except BrokenIndex:
            lexical.close()
            raise
        columns = LiveColumns(base.columns, delta.columns if delta else None, dead)
        return cls(
            LiveCatalogue(Catalogue.open(generation.base.catalogue), _delta_catalogue(generation), dead),
            LiveVectors(base.vectors, delta.vectors if delta else None, dead),
            LiveCandidates(base.candidates, delta.candidates if delta else None, columns),
            columns,
            lexical,
            transform,
        )

    def close(self) -> None:
        """Close what is to be closed."""
        self.catalogue.close()
        self.lexical.close()

    def vectors_of(self, pmids: Sequence[int]) -> Vectors:
        """The vectors of some articles, (m, d). Raises QueryError where one is not in the index."""
        try:
            return self.vectors.get(pmids)
        except OverflowError:
            raise QueryError(f"A PMID has at most 8 digits, a local id 9; found {max(pmids, key=abs)}.") from None
        except KeyError as error:
            name = "PMID" if error.args[0] <= LARGEST_PMID else "Local id"
            raise QueryError(f"{name} {error.args[0]} is not in this index of {len(self.vectors):,} articles.") from None

    def transformed(self, vectors: Vectors) -> Vectors:
        """Vectors of the encoder as the generation's own are: (d,) to (m,), or (n, d) to (n, m)."""
        return vectors if self.transform is None else self.transform.apply(vectors)


def _delta_catalogue(generation: Generation) -> Catalogue | None:
    """The delta's catalogue, which is there also where the delta only deletes."""
    return Catalogue.open(generation.delta.catalogue) if generation.delta.catalogue.is_file() else None


def _check_counts(folder: Path, expected: int, found: Mapping[str, int]) -> None:
    for name, count in found.items():
        if count != expected:
            raise BrokenIndex(
                f"{folder} has {count:,} articles in its {name} where the manifest says {expected:,}. "
                "Run `pubmed-index repair`, or build the index again."
            )

"""The open files of one generation, checked against its manifest."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.candidates import Candidates
from search.catalogue import Catalogue
from search.columns import Columns
from search.encoder import Vectors
from search.errors import BrokenIndex, QueryError
from search.index_folder import Generation
from search.lexical import LexicalIndex
from search.manifest import Manifest
from search.transform import TransformKind, VectorTransform
from search.vectors import VectorFile


@dataclass(frozen=True, slots=True)
class OpenGeneration:
    """Everything that a search reads of a generation. Safe to share between threads."""

    catalogue: Catalogue
    vectors: VectorFile
    candidates: Candidates
    columns: Columns
    lexical: LexicalIndex
    transform: VectorTransform | None

    @classmethod
    def open(cls, generation: Generation, manifest: Manifest) -> "OpenGeneration":
        """Open every file and check that each holds as many articles as the manifest says, without reading them.

        Raises BrokenIndex.
        """
        base = generation.base
        vectors, columns = VectorFile.open(base.folder), Columns.open(base.columns)
        candidates = Candidates.open(base.candidates, vectors)
        transform = None if manifest.transform.kind is TransformKind.NONE else VectorTransform.read(generation.transform)
        lexical = LexicalIndex(generation.lexical)
        found = {"vectors": len(vectors), "columns": len(columns.pmids), "lexical index": len(lexical)}
        for name, count in found.items():
            if count != manifest.counts.articles:
                lexical.close()
                raise BrokenIndex(
                    f"{generation.folder} has {count:,} articles in its {name} where the manifest says "
                    f"{manifest.counts.articles:,}. Build the index again."
                )
        return cls(Catalogue.open(base.catalogue), vectors, candidates, columns, lexical, transform)

    def close(self) -> None:
        """Close what is to be closed."""
        self.catalogue.close()
        self.lexical.close()

    def vectors_of(self, pmids: Sequence[int]) -> Vectors:
        """The vectors of some articles, (m, d). Raises QueryError where one is not in the index."""
        try:
            return self.vectors.get(pmids)
        except OverflowError:
            raise QueryError(f"A PMID has at most 8 digits; found {max(pmids, key=abs)}.") from None
        except KeyError as error:
            raise QueryError(f"PMID {error.args[0]} is not in this index of {len(self.vectors):,} articles.") from None

    def transformed(self, vector: Vectors) -> Vectors:
        """A vector of the encoder as the generation's own vectors are: (d,) to (m,)."""
        return vector if self.transform is None else self.transform.apply(vector)

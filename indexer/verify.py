"""Reads everything an index consists of and finds what does not fit."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.embedding_cache import EmbeddingCache
from indexer.progress import Progress
from search.candidates import Candidates
from search.catalogue import Catalogue
from search.columns import Columns
from search.encoder import Metric
from search.errors import BrokenIndex
from search.index_folder import Generation, IndexFolder
from search.lexical import LexicalIndex
from search.manifest import FileRecord, Manifest
from search.results import DEPTH
from search.storage import file_sha256
from search.transform import TransformKind, VectorTransform
from search.vectors import Pmids, VectorFile

_WINDOW = 10_000
_SAMPLED = 20
# float32 rounding over 1,024 squares stays below this.
_NORM_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` read, and what is wrong, a sentence each; no problems means that everything fits."""

    generation: str
    files: int
    bytes: int
    articles: int
    problems: tuple[str, ...]


def file_records(generation: Generation) -> dict[str, FileRecord]:
    """The size and checksum of every file of a generation but its manifest, by path relative to the generation's folder."""
    paths = sorted(path for path in generation.folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(generation.folder)): FileRecord(path.stat().st_size, file_sha256(path))
        for path in paths
        if path.stem != generation.manifest_file.stem
    }


def verify(folder: IndexFolder, progress: Progress) -> Verification:
    """Read the published generation and the embedding cache, whole; what is found wrong is returned.

    Raises NoIndex, BrokenIndex or IndexVersion where there is no generation to read.
    """
    generation = folder.published()
    manifest = Manifest.read(generation.manifest_file)
    shards = sorted((folder.root / "embeddings").glob("*/*.shard"))
    progress.start("Verifying", len(manifest.files) + len(shards) + 1, "files")
    problems = list(_altered_files(generation, manifest, progress))
    problems += _damaged_shards(shards, manifest, folder, progress)
    if not problems:
        problems = list(contents(generation, manifest))
    progress.advance(1)
    size = sum(record.size for record in manifest.files.values())
    return Verification(generation.name, len(manifest.files), size, manifest.counts.articles, tuple(problems))


def contents(generation: Generation, manifest: Manifest) -> Iterator[str]:
    """What does not fit together within a generation whose files are as they were written."""
    base = generation.base
    try:
        vectors, columns = VectorFile.open(base.folder), Columns.open(base.columns)
        catalogue = Catalogue.open(base.catalogue)
        try:
            candidates = Candidates.open(base.candidates, vectors)
            with contextlib.closing(LexicalIndex(generation.lexical)) as lexical:
                found = {"lexical index": lexical.pmids(), "candidates": candidates.pmids()}
            yield from _differing_pmids(catalogue, {"vectors": vectors.pmids, "columns": columns.pmids, **found})
            yield from _wrong_counts(vectors, columns, manifest)
            yield from _wrong_transform(generation, vectors, manifest)
            yield from _wrong_vectors(vectors, manifest)
            yield from _lost_vectors(vectors, candidates)
        finally:
            catalogue.close()
    except BrokenIndex as error:
        yield str(error)


def _altered_files(generation: Generation, manifest: Manifest, progress: Progress) -> Iterator[str]:
    for name, record in manifest.files.items():
        path = generation.folder / name
        if not path.is_file():
            yield f"{path} is missing."
        elif path.stat().st_size != record.size:
            yield f"{path} has {path.stat().st_size:,} bytes; the manifest says {record.size:,}."
        elif file_sha256(path) != record.sha256:
            yield f"{path} was altered: its SHA-256 is not the one in the manifest."
        progress.advance(1)


def _damaged_shards(shards: list[Path], manifest: Manifest, folder: IndexFolder, progress: Progress) -> Iterator[str]:
    for shard_folder in sorted({path.parent for path in shards}):
        dimension = manifest.encoder.dimension if shard_folder == folder.embeddings(manifest.encoder) else None
        yield from EmbeddingCache.damaged(shard_folder, dimension)
        progress.advance(sum(path.parent == shard_folder for path in shards))


def _differing_pmids(catalogue: Catalogue, parts: Mapping[str, Pmids]) -> Iterator[str]:
    """The catalogue, read record by record, decides; every other part must hold the same PMIDs."""
    windows = (np.array([article.pmid for article in articles], np.int64) for articles in catalogue.windows(_WINDOW))
    expected = np.concatenate([np.empty(0, np.int64), *windows])
    for name, pmids in parts.items():
        if not np.array_equal(expected, pmids):
            missing = np.setdiff1d(expected, pmids).size
            yield f"The {name} hold {len(pmids):,} PMIDs and the catalogue {len(expected):,}; {missing:,} of these are missing."


def _wrong_counts(vectors: VectorFile, columns: Columns, manifest: Manifest) -> Iterator[str]:
    title_only, retracted = columns.title_only_and_retracted()
    counts = manifest.counts
    found = (len(vectors), title_only, retracted)
    if found != (counts.articles, counts.title_only, counts.retracted):
        yield f"There are {found} articles, title-only and retracted ones, where the manifest says {counts}."


def _wrong_transform(generation: Generation, vectors: VectorFile, manifest: Manifest) -> Iterator[str]:
    """The transform must lead from the encoder's vectors to the stored ones; without one these are the same."""
    steps = (manifest.encoder.dimension, manifest.encoder.dimension)
    if manifest.transform.kind is not TransformKind.NONE:
        steps = VectorTransform.read(generation.transform).matrix.shape
    if steps != (manifest.encoder.dimension, vectors.dimension):
        yield (
            f"The vectors have {vectors.dimension} numbers and the encoder's {manifest.encoder.dimension}; the transform, "
            f"{manifest.transform.kind}, leads from {steps[0]} to {steps[1]}."
        )


def _wrong_vectors(vectors: VectorFile, manifest: Manifest) -> Iterator[str]:
    for pmids, chunk in vectors.chunks(_WINDOW):
        norms = np.linalg.norm(chunk, axis=1)
        wrong = ~np.isfinite(norms)
        if manifest.encoder.metric is Metric.COSINE:
            wrong |= np.abs(norms - 1) > _NORM_TOLERANCE
        if wrong.any():
            yield f"The vector of PMID {pmids[wrong][0]} has the norm {norms[wrong][0]}; {int(wrong.sum()):,} are like it."


def _lost_vectors(vectors: VectorFile, candidates: Candidates) -> Iterator[str]:
    """A search for an article's own vector must find that article, or another one exactly as near."""
    drawn = np.random.default_rng(0).choice(vectors.pmids, min(_SAMPLED, len(vectors)), replace=False)
    for pmid, vector in zip(drawn.tolist(), vectors.get(drawn), strict=True):
        found = candidates.search(vector, DEPTH)
        nearest = float(found.scores[0]) if len(found.scores) else -np.inf
        if pmid not in found.pmids and nearest < float(vector @ vector) - _NORM_TOLERANCE:
            yield f"A search for the vector of PMID {pmid} does not find that article."

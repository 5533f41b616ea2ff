"""Reads everything an index consists of and finds what does not fit."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.embedding_cache import EmbeddingCache
from indexer.progress import Progress
from search.article import Flag
from search.candidates import Candidates
from search.catalogue import Catalogue
from search.columns import Columns
from search.encoder import Metric
from search.errors import BrokenIndex
from search.generation import Generation, Part
from search.index_folder import IndexFolder
from search.manifest import Manifest
from search.open_generation import OpenGeneration
from search.results import DEPTH
from search.storage import file_sha256
from search.tombstones import Tombstones
from search.transform import TransformKind, VectorTransform
from search.vectors import Pmids, VectorFile, is_among

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


def verify(folder: IndexFolder, progress: Progress) -> Verification:
    """Read the published generation and the embedding cache, whole; what is found wrong is returned.

    Raises NoIndex, BrokenIndex or IndexVersion where there is no generation to read.
    """
    generation = folder.published()
    manifest = Manifest.read(generation.manifest_file)
    shards = sorted((folder.root / "embeddings").glob("*/*.shard"))
    progress.start("Verifying", len(manifest.files) + len(shards) + 1, "files")
    problems = [said for _, said in altered_files(generation, manifest, progress)]
    problems += _damaged_shards(shards, manifest, folder, progress)
    if not problems:
        problems = list(contents(generation, manifest))
    progress.advance(1)
    size = sum(record.size for record in manifest.files.values())
    return Verification(generation.name, len(manifest.files), size, manifest.counts.articles, tuple(problems))


def contents(generation: Generation, manifest: Manifest) -> Iterator[str]:
    """What does not fit together within a generation whose files are as they were written."""
    try:
        yield from _part_problems(generation.base, manifest.parts.base, manifest)
        yield from delta_contents(generation, manifest)
        with contextlib.closing(OpenGeneration.open(generation, manifest)) as files:
            yield from _wrong_words(files)
            yield from _found_dead(generation, files)
    except BrokenIndex as error:
        yield str(error)


def delta_contents(generation: Generation, manifest: Manifest) -> Iterator[str]:
    """What does not fit together in the parts of a generation that an update writes."""
    try:
        if manifest.parts.delta:
            yield from _part_problems(generation.delta, manifest.parts.delta, manifest)
        yield from _wrong_tombstones(generation)
        yield from _wrong_transform(generation, manifest)
        with contextlib.closing(OpenGeneration.open(generation, manifest)) as files:
            yield from _wrong_counts(files, manifest)
    except BrokenIndex as error:
        yield str(error)


def _part_problems(part: Part, count: int, manifest: Manifest) -> Iterator[str]:
    """What does not fit together within one part."""
    vectors, columns = VectorFile.open(part.folder), Columns.open(part.columns)
    with contextlib.closing(Catalogue.open(part.catalogue)) as catalogue:
        candidates = Candidates.open(part.candidates, vectors)
        found = {"vectors": vectors.pmids, "columns": columns.pmids, "candidates": candidates.pmids()}
        yield from _differing_pmids(part, catalogue, found)
    if len(vectors) != count:
        yield f"{part.folder} holds {len(vectors):,} articles where the manifest says {count:,}."
    yield from _wrong_vectors(vectors, manifest)
    yield from _lost_vectors(vectors, candidates)


def _wrong_words(files: OpenGeneration) -> Iterator[str]:
    if not np.array_equal(found := files.lexical.pmids(), expected := files.columns.pmids):
        yield _unequal("lexical index", found, "the generation", expected)


def _wrong_tombstones(generation: Generation) -> Iterator[str]:
    """Dead are those articles of the base that the delta has anew or that were deleted, and no others."""
    found, expected = Tombstones.read(generation.tombstones), expected_tombstones(generation)
    if (wrong := np.setxor1d(found.pmids, expected.pmids)).size:
        a = "a" if wrong[0] in found.pmids else "no"
        yield f"PMID {wrong[0]} has {a} tombstone, which the delta and the deletions do not bear out."
    elif (other := found.rows != expected.rows).any():
        yield f"The tombstone of PMID {found.pmids[other][0]} names another file than the one that the delta has."


def expected_tombstones(generation: Generation) -> Tombstones:
    """The tombstones that a generation must have by its vectors and its delta's catalogue. Raises BrokenIndex."""
    if not generation.delta.catalogue.is_file():
        return Tombstones.none()
    with contextlib.closing(Catalogue.open(generation.delta.catalogue)) as delta:
        return Tombstones.between(VectorFile.open(generation.base.folder), delta)


def _found_dead(generation: Generation, files: OpenGeneration) -> Iterator[str]:
    """What was deleted must be nowhere: in no list of PMIDs, and not near its own vector."""
    deleted = np.unique(np.concatenate([_deleted(part) for part in _parts(generation)]))
    # A deletion that base remembers may have been undone by delta, which then has the article.
    if (newer := files.vectors.delta) is not None:
        deleted = deleted[~newer.has(deleted)]
    if (found := deleted[is_among(deleted, files.columns.pmids)]).size:
        yield f"PMID {found[0]} was deleted and is still there; {found.size:,} are like it."
    for pmid in Tombstones.read(generation.tombstones).deleted[:_SAMPLED].tolist():
        vector = files.vectors.base.get([pmid])[0]
        if pmid in files.candidates.search(vector, DEPTH).pmids or files.catalogue.articles([pmid]):
            yield f"PMID {pmid} was deleted and a search still finds it."


def _parts(generation: Generation) -> list[Part]:
    return [part for part in (generation.base, generation.delta) if part.catalogue.is_file()]


def _deleted(part: Part) -> Pmids:
    """What a part's catalogue remembers as deleted, ascending: (n,) int64."""
    with contextlib.closing(Catalogue.open(part.catalogue)) as catalogue:
        windows = [np.array(list(deletions), np.int64) for deletions in catalogue.deletion_windows(_WINDOW)]
    return np.concatenate([np.empty(0, np.int64), *windows])


def altered_files(generation: Generation, manifest: Manifest, progress: Progress) -> Iterator[tuple[str, str]]:
    """The files of a generation that are not as they were written: each one's name, and what is wrong with it."""
    for name, record in manifest.files.items():
        path = generation.folder / name
        if not path.is_file():
            yield name, f"{path} is missing."
        elif path.stat().st_size != record.size:
            yield name, f"{path} has {path.stat().st_size:,} bytes; the manifest says {record.size:,}."
        elif file_sha256(path) != record.sha256:
            yield name, f"{path} was altered: its SHA-256 is not the one in the manifest."
        progress.advance(1)


def _damaged_shards(shards: list[Path], manifest: Manifest, folder: IndexFolder, progress: Progress) -> Iterator[str]:
    for shard_folder in sorted({path.parent for path in shards}):
        dimension = manifest.encoder.dimension if shard_folder == folder.embeddings(manifest.encoder) else None
        yield from (said for _, said in EmbeddingCache.damaged(shard_folder, dimension))
        progress.advance(sum(path.parent == shard_folder for path in shards))


def _differing_pmids(part: Part, catalogue: Catalogue, parts: Mapping[str, Pmids]) -> Iterator[str]:
    """The catalogue, read record by record, decides; every other file must hold the same PMIDs."""
    windows = (np.array([article.pmid for article in articles], np.int64) for articles in catalogue.windows(_WINDOW))
    expected = np.concatenate([np.empty(0, np.int64), *windows])
    for name, pmids in parts.items():
        if not np.array_equal(expected, pmids):
            yield _unequal(f"{name} of {part.folder}", pmids, "its catalogue", expected)


def _unequal(name: str, found: Pmids, decisive: str, expected: Pmids) -> str:
    missing, besides = np.setdiff1d(expected, found), np.setdiff1d(found, expected)
    first = [f", PMID {pmids[0]} among them" if pmids.size else "" for pmids in (missing, besides)]
    return (
        f"The {name}: {len(found):,} PMIDs, where {decisive} has {len(expected):,}; {missing.size:,} of these are missing"
        f"{first[0]}, and {besides.size:,} others are there{first[1]}."
    )


def _wrong_counts(files: OpenGeneration, manifest: Manifest) -> Iterator[str]:
    columns, counts = files.columns, manifest.counts
    found = (len(columns), columns.having(Flag.TITLE_ONLY).count, columns.retracted().count)
    if found != (counts.articles, counts.title_only, counts.retracted):
        yield f"There are {found} articles, title-only and retracted ones, where the manifest says {counts}."


def _wrong_transform(generation: Generation, manifest: Manifest) -> Iterator[str]:
    """The transform must lead from the encoder's vectors to the stored ones; without one these are the same."""
    steps = (manifest.encoder.dimension, manifest.encoder.dimension)
    if manifest.transform.kind is not TransformKind.NONE:
        steps = VectorTransform.read(generation.transform).matrix.shape
    for part in _parts(generation):
        if not part.has_articles:
            continue
        dimension = VectorFile.open(part.folder).dimension
        if steps != (manifest.encoder.dimension, dimension):
            yield (
                f"The vectors of {part.folder} have {dimension} numbers and the encoder's {manifest.encoder.dimension}; "
                f"the transform, {manifest.transform.kind}, leads from {steps[0]} to {steps[1]}."
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

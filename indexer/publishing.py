"""The last stage: what a generation consists of is written down, verified and published."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self

from indexer import verify
from search.article import Flag
from search.columns import Columns
from search.encoder import EncoderIdentity
from search.errors import BrokenIndex
from search.generation import Generation, Part
from search.index_folder import IndexFolder
from search.live_columns import LiveColumns
from search.manifest import FORMAT_VERSION, AppliedSource, Counts, FileRecord, Manifest, PartCounts
from search.memory import trim_memory
from search.storage import file_sha256, sync_file
from search.tombstones import Tombstones
from search.transform import TransformRecord
from search.vectors import Pmids, VectorFile, is_among


@dataclass(frozen=True, slots=True)
class Finished:
    """What the stages know of a generation that its files do not say."""

    encoder: EncoderIdentity
    sources: Sequence[AppliedSource]
    candidates: str
    delta_candidates: str = ""
    corpus_note: str = ""
    transform: TransformRecord = field(default_factory=TransformRecord)

    @classmethod
    def like(cls, manifest: Manifest) -> Self:
        """What is known of another generation."""
        return cls(**{one.name: getattr(manifest, one.name) for one in fields(cls)})


@dataclass(frozen=True, slots=True)
class Published:
    """A generation that was published, and its manifest."""

    generation: Generation
    manifest: Manifest


def publish(folder: IndexFolder, partial: Generation, finished: Finished, earlier: Published | None = None) -> Published:
    """Write the manifest of a finished generation, verify what is new in it, and publish it.

    What is linked from an `earlier` generation is taken over as that one's manifest has it. Raises BrokenIndex where
    something does not fit together; then nothing is published.
    """
    trim_memory()
    manifest = _manifest(partial, finished, earlier)
    manifest.write(partial.manifest_file)
    has_old_base = earlier is not None and _is_link(partial.base.catalogue, earlier.generation.base.catalogue)
    problems = verify.delta_contents(partial, manifest) if has_old_base else verify.contents(partial, manifest)
    if problem := next(iter(problems), None):
        raise BrokenIndex(f"The new generation did not pass its verification and was not published: {problem}")
    return Published(folder.publish(partial), manifest)


def file_records(generation: Generation, earlier: Published | None = None) -> dict[str, FileRecord]:
    """The size and checksum of every file of a generation but its manifest, by path relative to the generation's folder.

    Files that are linked from an earlier generation are not read again; the others are on the disk afterwards.
    """
    records = {}
    for path in sorted(path for path in generation.folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(generation.folder))
        if path.stem == generation.manifest_file.stem:
            continue
        if earlier is not None and name in earlier.manifest.files and _is_link(path, earlier.generation.folder / name):
            records[name] = earlier.manifest.files[name]
            continue
        sync_file(path)
        records[name] = FileRecord(path.stat().st_size, file_sha256(path))
    return records


def _is_link(path: Path, earlier: Path) -> bool:
    return earlier.is_file() and path.samefile(earlier)


def _manifest(partial: Generation, finished: Finished, earlier: Published | None) -> Manifest:
    dead = Tombstones.read(partial.tombstones).pmids
    delta = partial.delta if partial.delta.has_articles else None
    columns = LiveColumns(Columns.open(partial.base.columns), Columns.open(delta.columns) if delta else None, dead)
    truncated = _truncated(partial.base, dead) + (_truncated(delta, dead[:0]) if delta else 0)
    return Manifest(
        format_version=FORMAT_VERSION,
        project_version=version("pubmed-semantic-search"),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        encoder=finished.encoder,
        counts=Counts(len(columns), columns.having(Flag.TITLE_ONLY).count, columns.retracted().count, truncated),
        parts=PartCounts(_count(partial.base), _count(delta) if delta else 0, len(dead)),
        candidates=finished.candidates,
        sources=tuple(finished.sources),
        files=file_records(partial, earlier),
        delta_candidates=finished.delta_candidates,
        corpus_note=finished.corpus_note,
        transform=finished.transform,
    )


def _count(part: Part) -> int:
    return len(VectorFile.open(part.folder))


def _truncated(part: Part, dead: Pmids) -> int:
    """How many articles of a part, without the dead, are longer than the encoder reads."""
    vectors = VectorFile.open(part.folder)
    marked = vectors.pmids[vectors.truncated]
    return int((~is_among(marked, dead)).sum())

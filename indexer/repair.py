"""The repair: what is damaged of a generation is made anew from what is whole, as a generation of its own.

Records cannot be derived from anything: where a catalogue is damaged, the way back is an earlier generation or the sources.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer import verify
from indexer.embedding_cache import EmbeddingCache
from indexer.lazy_encoder import LazyEncoder
from indexer.part_writing import WINDOW, PartWriter
from indexer.progress import Progress
from indexer.publishing import Finished, publish
from indexer.transform_choice import fit_transform, transform_vectors
from search.candidates import FLAT_LIMIT
from search.catalogue import Catalogue
from search.encoder import Encoder
from search.errors import BrokenIndex, IndexFolderError, NoIndex
from search.generation import Generation, Part
from search.index_folder import IndexFolder
from search.lexical_writer import LexicalWriter
from search.manifest import Manifest
from search.storage import full_disk_is_said, link
from search.tombstones import Tombstones
from search.transform import TransformKind, VectorTransform
from search.vectors import Pmids, VectorFile, is_among


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was found damaged and what was made anew; `generation` is the one published now."""

    index: str
    generation: str
    articles: int
    damaged: tuple[str, ...]
    done: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair of the index in `folder`; the encoder that built it is loaded by `load` where vectors must be embedded."""

    folder: IndexFolder
    load: Callable[[], Encoder]
    progress: Progress
    flat_limit: int = FLAT_LIMIT

    def run(self) -> Repaired:
        """Make whole what can be made whole, and publish it. Nothing of a published generation is changed.

        Raises NoIndex, IndexLocked, StorageFull, and BrokenIndex where records themselves are lost.
        """
        with full_disk_is_said(self.folder.root), self.folder.writing():
            generation, done = self._readable()
            manifest = Manifest.read(generation.manifest_file)
            self.progress.start("Checking", len(manifest.files), "files")
            damaged = dict(verify.altered_files(generation, manifest, self.progress))
            done += self._drop_damaged_shards(manifest)
            if damaged:
                mended = _Mending(self, generation, manifest, frozenset(damaged))
                generation, anew = mended.run()
                done += anew
            elif problem := next(verify.contents(generation, manifest), None):
                raise BrokenIndex(f"{problem} No file was altered, so that nothing says what to make anew: build it again.")
            elif generation.name != self._published_name():
                self.folder.point_to(generation)
        return Repaired(str(self.folder.root), generation.name, manifest.counts.articles, tuple(damaged.values()), tuple(done))

    def _published_name(self) -> str | None:
        try:
            return self.folder.published_name()
        except BrokenIndex:
            return None

    def _readable(self) -> tuple[Generation, list[str]]:
        """The published generation, or the newest one with a readable manifest where that one has none."""
        name = self._published_name()
        generations = self.folder.all_generations()
        for generation in sorted(generations, key=lambda one: (one.name == name, int(one.name)), reverse=True):
            with contextlib.suppress(IndexFolderError):
                Manifest.read(generation.manifest_file)
                if generation.name == name:
                    return generation, []
                why = "the file `current` named none" if name is None else f"generation {name} has no readable manifest"
                return generation, [f"went back to generation {generation.name}, since {why}"]
        if not generations:
            raise NoIndex(f"{self.folder.root} has no generation to repair. Run `pubmed-index build` first.")
        raise BrokenIndex(f"No generation in {self.folder.root} has a readable manifest. Build the index again.")

    def _drop_damaged_shards(self, manifest: Manifest) -> list[str]:
        done = []
        for shards in sorted({path.parent for path in (self.folder.root / "embeddings").glob("*/*.shard")}):
            dimension = manifest.encoder.dimension if shards == self.folder.embeddings(manifest.encoder) else None
            for path, _ in list(EmbeddingCache.damaged(shards, dimension)):
                path.unlink()
                done.append(f"removed the damaged cache file {path}: its texts are embedded again when they are needed")
        for path in EmbeddingCache.set_aside(self.folder.root / "embeddings"):
            path.unlink()
            done.append(f"removed {path}, which was found damaged and set aside")
        return done


class _Mending:
    """Makes a generation of the whole files of another, and of what is made anew in place of the `damaged` ones."""

    def __init__(self, repair: Repair, generation: Generation, manifest: Manifest, damaged: frozenset[str]) -> None:
        self._repair, self._old, self._manifest, self._damaged = repair, generation, manifest, damaged
        self._new = generation
        self._encoder = LazyEncoder(manifest.encoder, repair.load)
        self._writer = PartWriter(repair.folder, repair.progress, repair.flat_limit)
        self._done: list[str] = []

    def run(self) -> tuple[Generation, list[str]]:
        """Make and publish the generation; returns what was made anew, too."""
        self._require_records()
        self._new = self._repair.folder.begin()
        parts = [(self._old.base, self._new.base)]
        if self._old.delta.catalogue.is_file():
            self._new.delta.folder.mkdir()
            parts.append((self._old.delta, self._new.delta))
        transform = self._transform()
        for old, new in parts:
            self._mend_part(old, new, transform)
        self._mend_tombstones()
        self._mend_words()
        return publish(self._repair.folder, self._new, Finished.like(self._manifest)).generation, self._done

    def _require_records(self) -> None:
        for part in (self._old.base, self._old.delta):
            if self._is_damaged(part.catalogue):
                others = [one.name for one in self._repair.folder.all_generations() if one.name != self._old.name]
                earlier = f"go back with `pubmed-index rollback --to {others[-1]}` and verify that, or " if others else ""
                raise BrokenIndex(
                    f"The records in {part.catalogue} are damaged, and records cannot be derived from anything else: "
                    f"{earlier}build the index again from its sources; its embeddings are reused."
                )

    def _is_damaged(self, path: Path) -> bool:
        """Whether a file, or any file of a folder, is damaged."""
        name = str(path.relative_to(self._old.folder))
        return any(one == name or one.startswith(f"{name}/") for one in self._damaged)

    def _transform(self) -> VectorTransform | None:
        """The transform, fitted anew to the encoder's own vectors where its file is damaged."""
        if self._manifest.transform.kind is TransformKind.NONE:
            return None
        if not self._is_damaged(self._old.transform):
            link(self._old.transform, self._new.transform)
            return VectorTransform.read(self._new.transform)
        self._embed(self._old.base, self._new.base)
        vectors = VectorFile.open(self._new.base.folder)
        fitted = fit_transform(self._manifest.transform.kind, vectors, self._manifest.encoder.metric)
        if fitted is not None:
            fitted.write(self._new.transform)
        self._done.append("fitted the transform anew")
        return fitted

    def _mend_part(self, old: Part, new: Part, transform: VectorTransform | None) -> None:
        link(old.catalogue, new.catalogue)
        if old == self._old.delta and not self._manifest.parts.delta:
            return
        if self._is_damaged(self._old.transform) or any(map(self._is_damaged, VectorFile.paths(old.folder))):
            self._embed(old, new)
            if transform is not None:
                transform_vectors(new.folder, transform, self._repair.progress)
            self._done.append(f"made the vectors of {old.folder.name} anew")
        else:
            for path in VectorFile.paths(old.folder):
                link(path, new.folder / path.name)
        with contextlib.closing(Catalogue.open(new.catalogue)) as catalogue:
            self._mend(old.columns, new.columns, lambda: self._writer.write_columns(catalogue, new))
        remade = self._is_damaged(self._old.transform)
        self._mend(old.candidates, new.candidates, lambda: self._writer.find_candidates(new), always=remade)

    def _mend(self, old: Path, new: Path, make: Callable[[], object], *, always: bool = False) -> None:
        """Link a file or folder, or make it anew where it is damaged."""
        if always or self._is_damaged(old):
            make()
            self._done.append(f"made {old.relative_to(self._old.folder)} anew")
        else:
            link(old, new)

    def _mend_tombstones(self) -> None:
        self._mend(self._old.tombstones, self._new.tombstones, self._write_tombstones)

    def _write_tombstones(self) -> None:
        verify.expected_tombstones(self._new).write(self._new.tombstones)

    def _mend_words(self) -> None:
        self._mend(self._old.lexical, self._new.lexical, self._write_words)

    def _write_words(self) -> None:
        dead = Tombstones.read(self._new.tombstones).pmids
        with LexicalWriter(self._new.lexical) as lexical:
            self._append_words(lexical, self._new.base, dead)
            if self._new.delta.catalogue.is_file():
                self._append_words(lexical, self._new.delta, dead[:0])

    def _append_words(self, lexical: LexicalWriter, part: Part, dead: Pmids) -> None:
        with contextlib.closing(Catalogue.open(part.catalogue)) as catalogue:
            for articles in catalogue.windows(WINDOW):
                gone = is_among(np.array([one.pmid for one in articles], np.int64), dead)
                lexical.append([one for one, is_dead in zip(articles, gone.tolist(), strict=True) if not is_dead])

    def _embed(self, old: Part, new: Part) -> None:
        with contextlib.closing(Catalogue.open(old.catalogue)) as catalogue:
            self._writer.embed(self._encoder, catalogue, new)

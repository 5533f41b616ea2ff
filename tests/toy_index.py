"""Indexes of the toy encoder for tests that share one, and their open files."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from toy import ToyEncoder

from indexer.build import Build
from indexer.progress import Silent
from indexer.sources import find_sources
from search.index_folder import IndexFolder
from search.open_generation import OpenGeneration


def build_rows(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Build an index of JSONL records in a folder; returns the index."""
    source = folder / "articles.jsonl"
    source.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    Build(IndexFolder(folder / "index"), ToyEncoder(), Silent()).run(find_sources([source]))
    return folder / "index"


@contextlib.contextmanager
def open_files(index: Path) -> Iterator[OpenGeneration]:
    """The open files of the published generation of an index."""
    generation = IndexFolder(index).published()
    opened = OpenGeneration.open(generation, generation.read_manifest())
    try:
        yield opened
    finally:
        opened.close()

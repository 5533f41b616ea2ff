"""The collecting stage: every record of the sources into one catalogue, the later one winning."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from indexer.parsed_file import ParsedFile, Skipped, SourceFile
from indexer.progress import Progress
from indexer.reading import read_parts
from search.catalogue import Catalogue
from search.manifest import AppliedSource
from search.storage import full_disk_is_said

# Of each kind of skipped record, this many are kept for the summary; all of them are in `skipped.jsonl`.
_EXAMPLES = 3


@dataclass(slots=True)
class Collected:
    """What reading the sources came to, growing file by file."""

    sources: list[AppliedSource] = field(default_factory=list)
    records: int = 0
    deletions: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    examples: list[Skipped] = field(default_factory=list)

    def note_skipped(self, skipped: Skipped) -> None:
        """Count a skipped record, and keep it as an example while there are few of its kind."""
        self.skipped[str(skipped.kind)] += 1
        if self.skipped[str(skipped.kind)] <= _EXAMPLES:
            self.examples.append(skipped)


def collect(sources: Sequence[SourceFile], catalogue: Catalogue, skipped_file: Path, progress: Progress) -> Collected:
    """Read `sources`, in their order of precedence, into `catalogue`; list every skipped record in `skipped_file`.

    Raises SourceError at the first file that cannot be read: an index of half the files would not say so when asked.
    """
    collected = Collected()
    progress.start("Reading", len(sources), "files")
    with skipped_file.open("wb") as stream:
        for source in sources:
            collected.sources.append(_collect_file(source, catalogue, collected, stream))
            progress.advance(1)
    return collected


def _collect_file(source: SourceFile, catalogue: Catalogue, collected: Collected, stream: IO[bytes]) -> AppliedSource:
    """One file: its articles as they come, its deletions last, since a deletion beats an insertion of the same file."""
    articles, skipped, revised, deleted_pmids = 0, 0, "", list[int]()
    for part in read_parts(source):
        catalogue.upsert(part.articles, year=source.year, number=source.number, first_ordinal=collected.records)
        collected.records += len(part.articles)
        articles += len(part.articles)
        skipped += len(part.skipped)
        revised = max([revised, *(article.revised for article in part.articles)])
        deleted_pmids += part.deleted_pmids
        _write_skipped(part, collected, stream)
    deletions = catalogue.delete(deleted_pmids)
    collected.deletions += len(deleted_pmids)
    date = revised or _modified(source.path)
    return AppliedSource(_readable(source.path.name), date, articles, deletions, skipped, source.year, source.number)


def _write_skipped(part: ParsedFile, collected: Collected, stream: IO[bytes]) -> None:
    with full_disk_is_said(Path(stream.name).parent):
        for skipped in part.skipped:
            collected.note_skipped(skipped)
            stream.write(
                msgspec.json.encode(
                    {"file": _readable(str(skipped.path)), "position": skipped.position, "reason": skipped.reason}
                )
            )
            stream.write(b"\n")


def _modified(path: Path) -> str:
    """The day on which a file was last written."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()


def _readable(name: str) -> str:
    """A file's name as text, also where its bytes are not UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")

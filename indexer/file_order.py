"""Whether files may be applied to an index: each after all that were applied before it, and of the same year."""

import itertools
from collections.abc import Iterator, Sequence

from indexer.collecting import StampedSource
from search.errors import SourceError
from search.manifest import AppliedSource

_FORCED = "With --force it is read nevertheless: what it says counts only where no later file says anything else."


def require_order(files: Sequence[StampedSource], applied: Sequence[AppliedSource], index: str) -> None:
    """Raise SourceError at the first file of another year than the index's, or that should have come before.

    And where two files have one number: which of them counts, nobody could say.
    """
    _require_different_numbers(files)
    last = _last(applied)
    if last is None:
        return
    build = f"`pubmed-index build SOURCE --index {index}`"
    for file in files:
        year, number = file.file.year, file.number
        if year and year != last.year:
            raise SourceError(
                f"{file.name} is of {year}'s files and the index of {last.year}'s: a new year's baseline replaces everything, "
                f"so that records that NLM has dropped since go, too. Build from the files of {max(year, last.year)} with "
                f"{build}. {_FORCED}"
            )
        if year and number <= last.number:
            again = any((one.year, one.number) == (year, number) for one in applied)
            what = "was applied before with other content" if again else f"comes before {last.name}, which was applied already"
            raise SourceError(f"{file.name} {what}. Build anew with {build} to take it in at its place. {_FORCED}")


def _require_different_numbers(files: Sequence[StampedSource]) -> None:
    of_nlm = [file for file in files if file.file.year]
    for file, after in itertools.pairwise(of_nlm):
        same_place = (file.file.year, file.number) == (after.file.year, after.number)
        if same_place and file.sha256 != after.sha256:
            raise SourceError(
                f"{file.file.path} and {after.file.path} are the same file of the series and differ. Name only the one that "
                "matches its .md5 file."
            )


def gaps(files: Sequence[StampedSource], applied: Sequence[AppliedSource]) -> Iterator[str]:
    """A sentence for every gap in NLM's series that applying the files leaves."""
    last = _last(applied)
    if last is None:
        return
    reached = last.number
    for file in files:
        if file.file.year != last.year:
            continue
        missing = file.number - reached - 1
        if missing > 0:
            files_are = "file is" if missing == 1 else "files are"
            yield f"{missing:,} {files_are} missing between number {reached:,} and {file.name}: the index lacks what they say."
        reached = max(reached, file.number)


def _last(applied: Sequence[AppliedSource]) -> AppliedSource | None:
    """The last of NLM's files that was applied."""
    return max((one for one in applied if one.year), key=lambda one: (one.year, one.number), default=None)

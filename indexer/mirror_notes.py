"""What whoever builds from a mirror must know, in sentences."""

from collections.abc import Sequence
from shlex import quote

from indexer.download_meter import megabytes
from indexer.mirror_folder import MirrorFolder
from indexer.mirror_listing import ListedFile, Series, missing_numbers

_NAMED = 3  # names in a note


def notes_on(folder: MirrorFolder, listed: Sequence[ListedFile], altered: Sequence[ListedFile]) -> list[str]:
    """What is to be known of the files that a server lists, and of those that were not as fetched before."""
    notes = []
    year = max(listed).year
    if older := folder.older_years(year):
        command = f"pubmed-index build {quote(str(folder.path / str(year)))} --index NEW_INDEX"
        notes.append(
            f"The baseline of {year} replaces everything before it, {', '.join(map(str, older))} included: an index of older "
            f"files cannot be brought up to date with these. Build a new one: `{command}`"
        )
    if all(file.series is Series.UPDATES for file in listed) and not folder.has_baseline(year):
        notes.append(f"The updates stand on the baseline of {year}, which is not here: run without --updates-only to fetch it.")
    if missing := missing_numbers(listed):
        notes.append(f"The server's numbers have gaps: {_named(missing)} not listed. Run the same command again later.")
    if altered:
        notes.append(f"Not as fetched before, and therefore read or fetched again: {_named([file.name for file in altered])}.")
    return notes


def _named(names: Sequence[str]) -> str:
    """The first few names, and how many more."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def lack_of_room(folder: MirrorFolder, to_come: int) -> list[str]:
    """The sentence for a disk that is too small for what is to come, if it is."""
    free = folder.free_bytes()
    if free >= to_come:
        return []
    return [f"No room under {folder.path}: {megabytes(to_come)} are to come, and {megabytes(free)} are free."]

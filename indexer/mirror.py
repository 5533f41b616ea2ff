"""NLM's files of all of PubMed, the yearly baseline and the daily updates, kept alike in a folder.

The listings say which files there are. Of each that is not known to be whole the MD5 is asked, then the length, and then what
is still missing is downloaded, several files at a time. A file takes its place once its size and its MD5 agree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from indexer.download_meter import DownloadMeter
from indexer.file_server import ADDRESS_ADVICE, FileServer, OtherContentError
from indexer.keeping import keeping
from indexer.mirror_folder import MirrorFolder, md5_of
from indexer.mirror_listing import ListedFile, Series, read_listing, read_md5
from indexer.mirror_notes import lack_of_room, notes_on
from indexer.polite_http import LATER_ADVICE, Clock, RefusedError, TransientError
from indexer.progress import Progress, Silent
from indexer.side_by_side import side_by_side
from search.errors import FetchError, StorageFull

BASE_URL = "https://ftp.ncbi.nlm.nih.gov/pubmed/"
CONNECTIONS = 3

_CONTENT_ATTEMPTS = 3  # how often a file may come with another MD5 than the server states
_FAILURES_IN_A_ROW = 5  # after so many it is the server, not the files

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What a mirror holds after a run, or would fetch in a dry one.

    `files` and `bytes` are what was fetched, or is to come; `new_year` is the year of the files where the folder holds older
    ones as well, and None otherwise; `notes` are the sentences that whoever builds from the files must see.
    """

    path: Path
    year: int
    files: int
    bytes: int
    already_there: int
    last_file: str
    new_year: int | None
    dry_run: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file to fetch: its MD5, its length, and how much of it is here already."""

    file: ListedFile
    md5: str
    size: int
    held: int


@dataclass(frozen=True, slots=True)
class _Whole:
    """A file that is in its place, and the MD5 that it was found to have."""

    file: ListedFile
    md5: str


@dataclass(frozen=True, slots=True)
class _Failed:
    """A file that the server did not give, in a sentence."""

    sentence: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the server lists, what of it is to come, and what is here but not as it was."""

    listed: Sequence[ListedFile]
    wanted: Sequence[_Wanted]
    altered: Sequence[ListedFile]

    @property
    def bytes(self) -> int:
        """How much is to come."""
        return sum(wanted.size - wanted.held for wanted in self.wanted)


def mirror(
    out: Path,
    *,
    updates_only: bool = False,
    dry_run: bool = False,
    base_url: str = BASE_URL,
    connections: int = CONNECTIONS,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Mirrored:
    """Make the folder `out` hold every file that NLM's server lists, and say what that took.

    A dry run asks for listings, MD5s and lengths, and writes nothing. Raises FetchError where the server does not give what
    it lists, after fetching what it does give, and StorageFull where the disk has no room; what was fetched is kept.
    """
    folder = MirrorFolder(out)
    series = [Series.UPDATES] if updates_only else [Series.BASELINE, Series.UPDATES]
    with FileServer(base_url, connections=connections, clock=clock) as server:
        run = _Run(server, folder, connections, progress or Silent())
        if dry_run:
            plan = run.planned(run.listed(series), adopt=False)
            run.failures.end()
        else:
            with folder.locked():
                plan = run.completed(run.listed(series))
    notes = [*notes_on(folder, plan.listed, plan.altered), *(lack_of_room(folder, plan.bytes) if dry_run else [])]
    last = max(plan.listed)
    return Mirrored(
        path=out,
        year=last.year,
        files=len(plan.wanted),
        bytes=plan.bytes,
        already_there=len(plan.listed) - len(plan.wanted),
        last_file=last.name,
        new_year=last.year if folder.older_years(last.year) else None,
        dry_run=dry_run,
        notes=tuple(notes),
    )


class _Failures:
    """The files that the server did not give. One alone does not keep the others from coming."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._in_a_row = 0

    def count(self, outcome: _Wanted | _Whole | _Failed) -> None:
        """Note how asking for one file ended; FetchError where so many failed that it is the server."""
        if not isinstance(outcome, _Failed):
            self._in_a_row = 0
            return
        self.add(outcome)
        self._in_a_row += 1
        if self._in_a_row == _FAILURES_IN_A_ROW:
            self.end()

    def add(self, failed: _Failed) -> None:
        """Note a failure that says nothing of the next file."""
        self._sentences.append(failed.sentence)

    def end(self) -> None:
        """Raise FetchError where there was a failure."""
        if not self._sentences:
            return
        others = len(self._sentences) - 1
        also = f" {others:,} more {'file' if others == 1 else 'files'} failed." if others else ""
        raise FetchError(self._sentences[0] + also)


class _Run:
    """One run over a server's files."""

    def __init__(self, server: FileServer, folder: MirrorFolder, connections: int, progress: Progress) -> None:
        self.failures = _Failures()
        self._server = server
        self._folder = folder
        self._connections = connections
        self._progress = progress

    def listed(self, series: Sequence[Series]) -> list[ListedFile]:
        """Every file that the server lists."""
        self._progress.start("Listing", len(series), "folders")
        files: list[ListedFile] = []
        for one in series:
            try:
                files += self._server.text(f"{one}/", partial(read_listing, series=one))
            except (RefusedError, TransientError) as problem:
                raise FetchError(self._sentence(f"a listing of {one}", problem.found, problem.advice)) from problem.__cause__
            self._progress.advance(1)
        if not files:
            expected = f"files like pubmed26n0001.xml.gz in {' and '.join(series)}"
            raise FetchError(self._sentence(expected, "none", ADDRESS_ADVICE))
        return files

    def planned(self, files: Sequence[ListedFile], *, adopt: bool) -> _Plan:
        """Find out what is to come; with `adopt`, remember what turned out to be here."""
        wanted: list[_Wanted] = []

        def take(outcome: _Wanted | _Whole | _Failed) -> None:
            self._progress.advance(1)
            self.failures.count(outcome)
            if isinstance(outcome, _Wanted):
                wanted.append(outcome)
            elif isinstance(outcome, _Whole) and adopt:
                self._folder.adopt(outcome.file, outcome.md5)

        altered = [file for file in files if self._folder.is_altered(file)]
        unsettled = [file for file in files if not self._folder.is_settled(file)]
        for file in unsettled:
            if not file.has_md5:
                expected = f"{file.name}.md5 beside {file.name}"
                self.failures.add(_Failed(self._sentence(expected, "none in the listing", LATER_ADVICE)))
        self._progress.start("Checking", len(unsettled), "files")
        self._side_by_side(self._examined, [file for file in unsettled if file.has_md5], take)
        return _Plan(files, sorted(wanted, key=lambda one: one.file), altered)

    def completed(self, files: Sequence[ListedFile]) -> _Plan:
        """Fetch what is to come."""
        self._folder.make(files)
        try:
            plan = self.planned(files, adopt=True)
            if lack := lack_of_room(self._folder, plan.bytes):
                raise StorageFull(f"{lack[0]} Free some space, or name another --out, and run the same command again.")
            if plan.wanted:
                self._fetch(plan)
        finally:
            self._folder.save()
        self.failures.end()
        return plan

    def _examined(self, file: ListedFile) -> _Wanted | _Whole | _Failed:
        """Whether a file is to come; runs in a thread."""
        try:
            md5 = self._stated_md5(file)
            if self._folder.is_whole(file, md5):
                return _Whole(file, md5)
            size = self._server.size(file.path)
        except (RefusedError, TransientError) as problem:
            return _Failed(self._sentence(f"the MD5 and the length of {file.name}", problem.found, problem.advice))
        return _Wanted(file, md5, size, min(self._folder.held(file, md5), size))

    def _fetch(self, plan: _Plan) -> None:
        """Download what is wanted; a line for each file that has come."""
        meter = DownloadMeter({one.file.name: one.held for one in plan.wanted}, plan.bytes, self._progress)

        def take(outcome: _Whole | _Failed) -> None:
            self.failures.count(outcome)
            if isinstance(outcome, _Whole):
                self._folder.adopt(outcome.file, outcome.md5)
                meter.say_done(outcome.file.name)
            else:
                self._progress.say(outcome.sentence)

        self._side_by_side(partial(self._brought, meter), plan.wanted, take, meter.tick)

    def _brought(self, meter: DownloadMeter, wanted: _Wanted) -> _Whole | _Failed:
        """Download one file into its place; runs in a thread."""
        file, md5, size = wanted.file, wanted.md5, wanted.size
        expected, found = file.name, ""
        for attempt in range(_CONTENT_ATTEMPTS):
            try:
                if attempt:  # the server may be replacing the file: ask again what it is to be
                    md5, size = self._stated_md5(file), self._server.size(file.path)
                expected = f"{file.name} of {size:,} bytes with the MD5 {md5}"
                found = self._came(meter, file, md5, size)
            except (RefusedError, TransientError) as problem:
                return _Failed(self._sentence(expected, problem.found, problem.advice))
            if not found:
                return _Whole(file, md5)
        return _Failed(self._sentence(expected, f"{found}, at each of {_CONTENT_ATTEMPTS} attempts", LATER_ADVICE))

    def _stated_md5(self, file: ListedFile) -> str:
        return self._server.text(file.md5_path, partial(read_md5, name=file.name))

    def _came(self, meter: DownloadMeter, file: ListedFile, md5: str, size: int) -> str:
        """Download and publish a file; returns what was found where it is not the one that it should be, otherwise ""."""
        part = self._folder.part(file, md5)
        try:
            self._server.download(file.path, part, size, partial(meter.held, file.name))
        except OtherContentError as other:
            found = other.found
        else:
            with keeping(part):
                found_md5 = md5_of(part)
            if found_md5 == md5:
                self._folder.publish(file, md5)
                return ""
            found = f"the MD5 {found_md5}"
        with keeping(part):
            part.unlink(missing_ok=True)
        return found

    def _side_by_side(
        self,
        work: Callable[[T], R],
        items: Sequence[T],
        on_result: Callable[[R], None],
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        side_by_side(work, items, self._connections, on_result=on_result, on_tick=on_tick, halt=self._server.stop)

    def _sentence(self, expected: str, found: str, advice: str) -> str:
        return f"Expected {expected} from {self._server.host}, found {found}. {advice}"

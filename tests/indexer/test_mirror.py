"""`mirror` against a server on this machine that lists and serves files as NLM's does, and misbehaves."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

import pytest
import requests
from fake_nlm import (
    FIRST,
    MEBIBYTE,
    SECOND,
    THIRD,
    UPDATE,
    FakeNlm,
    Fault,
    content,
    is_mirrored,
    md5,
    names,
    parts,
    place,
    serving,
)

from indexer.file_server import FileServer, redirected
from indexer.mirror import Mirrored, mirror
from indexer.mirror_listing import Series, missing_numbers, read_listing, read_md5
from indexer.polite_http import Pace, RefusedError, TransientError
from indexer.progress import Silent
from indexer.side_by_side import side_by_side
from indexer.sources import find_sources
from search.errors import FetchError, StorageFull


class FakeClock:
    """Time that passes only when somebody sleeps, in any thread."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.seconds += seconds

    @property
    def waits(self) -> list[float]:
        """The pauses after failures, without those that keep the pace."""
        return [seconds for seconds in self.slept if seconds > 0.2]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is on this machine, whatever proxy the machine uses for others."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def nlm() -> Iterator[FakeNlm]:
    with serving() as server:
        yield server


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "pubmed"


@pytest.fixture
def get(nlm: FakeNlm, clock: FakeClock, out: Path) -> Callable[..., Mirrored]:
    """`mirror` of the server into `out`."""
    return partial(mirror, out, base_url=nlm.url, clock=clock)


def failure(run_it: Callable[[], object]) -> str:
    with pytest.raises(FetchError) as caught:
        run_it()
    return str(caught.value)


def test_every_file_comes_with_its_md5(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    mirrored = get()
    assert mirrored == Mirrored(
        path=out,
        year=2026,
        files=4,
        bytes=20_000,
        already_there=0,
        last_file=UPDATE,
        new_year=None,
        dry_run=False,
        notes=(),
    )
    assert is_mirrored(nlm, out)
    assert names(out / "2026" / "baseline") == sorted([*(FIRST, SECOND, THIRD), *(f"{n}.md5" for n in (FIRST, SECOND, THIRD))])
    assert place(out, FIRST).with_name(f"{FIRST}.md5").read_text() == f"MD5({FIRST})= {md5(content(FIRST))}\n"
    assert {one.headers["User-Agent"] for one in nlm.requests} == {"pubmed-semantic-search"}
    assert {one.headers["Accept-Encoding"] for one in nlm.requests} == {"identity"}
    assert not [one for one in nlm.requests if "README" in one.path or "stats" in one.path]


def test_connections_are_few_and_used_again(get: Callable[..., Mirrored], nlm: FakeNlm) -> None:
    for number in range(5, 30):
        nlm.add("updatefiles", f"pubmed26n{number:04d}.xml.gz", content(str(number)))
    get(connections=2)
    assert nlm.most_serving <= 2
    assert nlm.connections <= 3
    assert len(nlm.requests) == 2 + 3 * 29  # the listings; MD5, length and content of each file


def test_a_build_finds_the_files_and_nothing_else(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    nlm.faults[f"baseline/{SECOND}"] = [Fault(status=404)]
    nlm.faults[f"baseline/{THIRD}"] = [Fault(cut=100), *[Fault(status=404)] * 2]
    failure(get)
    assert len(parts(out)) == 1
    assert [source.path.name for source in find_sources([out / "2026"]).files] == [FIRST, UPDATE]


def test_what_is_there_is_not_asked_for_again(get: Callable[..., Mirrored], nlm: FakeNlm) -> None:
    get()
    nlm.requests.clear()
    again = get()
    assert (again.files, again.bytes, again.already_there, again.last_file) == (0, 0, 4, UPDATE)
    assert [one.path for one in nlm.requests] == ["baseline/", "updatefiles/"]


def test_the_next_update_is_all_that_comes(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    get()
    nlm.requests.clear()
    nlm.add("updatefiles", "pubmed26n0005.xml.gz", content("5"))
    assert (again := get()).files == 1
    assert again.last_file == "pubmed26n0005.xml.gz"
    assert nlm.asked_for_files() == ["updatefiles/pubmed26n0005.xml.gz"]
    assert is_mirrored(nlm, out)


def test_updates_only_leaves_the_baseline_out(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    mirrored = get(updates_only=True)
    assert (mirrored.files, names(out / "2026")) == (1, ["updatefiles"])
    assert [one.path for one in nlm.requests if one.path.startswith("baseline")] == []
    assert mirrored.notes == (
        "The updates stand on the baseline of 2026, which is not here: run without --updates-only to fetch it.",
    )


def test_a_changed_md5_means_fetched_again_and_the_old_file_stays_until_then(
    get: Callable[..., Mirrored], nlm: FakeNlm, out: Path
) -> None:
    get()
    nlm.add("baseline", SECOND, content("revised"), "2026-02-01 10:00")
    nlm.faults[f"baseline/{SECOND}"] = [Fault(cut=100), Fault(status=404)]
    failure(get)
    assert place(out, SECOND).read_bytes() == content(SECOND)
    assert get().files == 1
    assert is_mirrored(nlm, out)


def test_another_date_with_the_same_md5_is_the_same_file(get: Callable[..., Mirrored], nlm: FakeNlm) -> None:
    get()
    nlm.dates[f"baseline/{SECOND}"] = "2026-02-01 10:00"
    nlm.requests.clear()
    assert get().files == 0
    assert len(nlm.requests) == 3
    get()
    assert len(nlm.requests) == 5  # the new date is known by now


def test_a_listing_without_dates_has_every_md5_asked(get: Callable[..., Mirrored], nlm: FakeNlm) -> None:
    nlm.dates = dict.fromkeys(nlm.dates, "")
    get()
    nlm.requests.clear()
    assert get().files == 0
    assert len(nlm.requests) == 2 + 4
    nlm.add("baseline", SECOND, content("revised"), "")
    assert get().files == 1


@pytest.mark.parametrize("damage", [lambda whole: whole[:-1], lambda whole: whole + b"x", lambda whole: whole[::-1]])
def test_a_damaged_file_is_noticed(
    get: Callable[..., Mirrored], nlm: FakeNlm, out: Path, damage: Callable[[bytes], bytes]
) -> None:
    get()
    place(out, FIRST).write_bytes(damage(content(FIRST)))
    again = get()
    assert again.files == 1
    assert again.notes == (f"Not as fetched before, and therefore read or fetched again: {FIRST}.",)
    assert is_mirrored(nlm, out)


def test_a_file_that_was_removed_comes_again(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    get()
    place(out, FIRST).unlink()
    place(out, SECOND).with_name(f"{SECOND}.md5").unlink()
    nlm.requests.clear()
    assert get().files == 1
    assert nlm.asked_for_files() == [f"baseline/{FIRST}"]
    assert is_mirrored(nlm, out)


def test_files_that_came_another_way_are_read_once_and_kept(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    place(out, FIRST).parent.mkdir(parents=True)
    place(out, FIRST).write_bytes(content(FIRST))
    place(out, SECOND).write_bytes(content(SECOND)[:-1])
    assert get().files == 3
    assert f"baseline/{FIRST}" not in nlm.asked_for_files()
    assert is_mirrored(nlm, out)


@pytest.mark.parametrize("record", [b"", b"[]", b'{"2026/baseline/x": {}}'])
def test_a_lost_record_costs_reading_not_fetching(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path, record: bytes) -> None:
    get()
    (out / "mirror.json").write_bytes(record)
    nlm.requests.clear()
    assert get().already_there == 4
    assert nlm.asked_for_files() == []
    nlm.requests.clear()
    get()
    assert len(nlm.requests) == 2


def test_a_dry_run_counts_and_writes_nothing(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    planned = get(dry_run=True)
    assert (planned.files, planned.bytes, planned.dry_run) == (4, 20_000, True)
    assert not out.exists()
    assert nlm.asked_for_files() == []
    get()
    assert (again := get(dry_run=True)).files == 0
    assert again.already_there == 4


# A new year


def test_a_new_baseline_is_announced_and_kept_apart(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    get()
    nlm.files.clear()
    nlm.add("baseline", "pubmed27n0001.xml.gz", content("27"))
    nlm.add("updatefiles", UPDATE, content(UPDATE), "2026-01-20 09:00")  # the last of the old year, still listed
    announced = (
        "The baseline of 2027 replaces everything before it, 2026 included: an index of older files cannot be brought up to "
        f"date with these. Build a new one: `pubmed-index build {out}/2027 --index NEW_INDEX`"
    )
    for dry_run in (True, False, False):
        mirrored = get(dry_run=dry_run)
        assert (mirrored.year, mirrored.new_year, mirrored.last_file) == (2027, 2027, "pubmed27n0001.xml.gz")
        assert mirrored.notes == (announced,)
    assert names(out / "2027") == ["baseline"]
    assert names(out / "2026" / "baseline")[0] == FIRST
    assert {source.year for source in find_sources([out / "2027"]).files} == {2027}


# Lines that break, servers that are busy


def test_a_broken_download_goes_on_where_it_broke(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(cut=1_200), Fault(cut=0), Fault(reset=True), Fault(cut=100)]
    assert get().bytes == 20_000
    assert is_mirrored(nlm, out)
    asked = [one.headers.get("Range") for one in nlm.asked(f"baseline/{FIRST}")]
    assert asked == [None, "bytes=1200-", "bytes=1200-", "bytes=1200-", "bytes=1300-"]


def test_the_next_run_goes_on_where_the_last_one_broke(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(cut=1_200), Fault(status=403)]
    assert f"Expected {FIRST} of 5,000 bytes with the MD5 {md5(content(FIRST))} from 127.0.0.1:" in failure(get)
    [part] = parts(out)
    assert part.stat().st_size == 1_200
    assert get(dry_run=True).bytes == 3_800
    nlm.requests.clear()
    assert (again := get()).files == 1
    assert (again.bytes, again.already_there) == (3_800, 3)
    assert [one.headers.get("Range") for one in nlm.asked(f"baseline/{FIRST}")] == ["bytes=1200-"]
    assert is_mirrored(nlm, out)


def test_a_server_that_ignores_ranges_sends_the_file_from_its_start(
    get: Callable[..., Mirrored], nlm: FakeNlm, out: Path
) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(cut=1_200), Fault(ignore_range=True)]
    get()
    assert len(nlm.asked(f"baseline/{FIRST}")) == 2
    assert is_mirrored(nlm, out)


def test_what_came_of_another_content_is_not_gone_on_with(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(cut=1_200), Fault(status=403)]
    failure(get)
    nlm.add("baseline", FIRST, content("revised"), "2026-02-01 10:00")
    nlm.requests.clear()
    get()
    assert [one.headers.get("Range") for one in nlm.asked(f"baseline/{FIRST}")] == [None]
    assert is_mirrored(nlm, out)


@pytest.mark.parametrize("held", [content(FIRST), content(FIRST) + b"more", content("other")])
def test_a_part_as_long_as_the_file_or_longer_is_checked(
    get: Callable[..., Mirrored], nlm: FakeNlm, out: Path, held: bytes
) -> None:
    part = place(out, FIRST).with_name(f"{FIRST}.{md5(content(FIRST))}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(held)
    get()
    assert len(nlm.asked(f"baseline/{FIRST}")) == (held != content(FIRST))
    assert is_mirrored(nlm, out)


def test_a_line_that_breaks_after_every_mebibyte_gets_there(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    nlm.add("baseline", FIRST, content("long", 10 * MEBIBYTE))
    nlm.faults[f"baseline/{FIRST}"] = [Fault(cut=MEBIBYTE)] * 9
    get()
    assert len(nlm.asked(f"baseline/{FIRST}")) == 10
    assert is_mirrored(nlm, out)


def test_a_line_that_brings_nothing_is_given_up(
    get: Callable[..., Mirrored], nlm: FakeNlm, out: Path, clock: FakeClock
) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(cut=10)] * 7
    sentence = failure(get)
    assert "found a body that broke off" in sentence or "found a connection that broke" in sentence
    assert sentence.endswith(
        "(attempt 7 of 7, 600 s allowed in all). Run the same command again in a few minutes: "
        "what is already in the folder is kept."
    )
    assert clock.waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert parts(out)[0].stat().st_size == 70


def test_a_line_that_hardly_moves_is_begun_anew(
    get: Callable[..., Mirrored], nlm: FakeNlm, out: Path, clock: FakeClock
) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(trickle=lambda: (clock.sleep(10.0), time.sleep(0.002)))]
    get()
    _, second = nlm.asked(f"baseline/{FIRST}")
    assert 0 < int(second.headers["Range"].strip("bytes=-")) < 1_000
    assert is_mirrored(nlm, out)


@pytest.mark.parametrize("path", ["baseline/", f"baseline/{FIRST}", f"baseline/{FIRST}.md5"])
@pytest.mark.parametrize(
    "fault", [Fault(status=503), Fault(status=429), Fault(status=500), Fault(status=408), Fault(reset=True), Fault(cut=3)]
)
def test_what_passes_is_asked_again(
    get: Callable[..., Mirrored], nlm: FakeNlm, clock: FakeClock, path: str, fault: Fault
) -> None:
    nlm.faults[path] = [fault, fault]
    out = get().path
    assert is_mirrored(nlm, out)
    assert clock.waits == [1.0, 2.0]


def test_retry_after_holds_all_connections_back(
    get: Callable[..., Mirrored], nlm: FakeNlm, out: Path, clock: FakeClock
) -> None:
    in_a_while = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    nlm.faults["baseline/"] = [
        Fault(status=429, headers={"Retry-After": "7"}),
        Fault(status=503, headers={"Retry-After": in_a_while}),
        Fault(status=503, headers={"Retry-After": "soon"}),
    ]
    get()
    assert clock.waits == pytest.approx([7.0, 90.0, 4.0], abs=2.0)
    assert is_mirrored(nlm, out)


def test_a_wait_beyond_all_patience_is_not_begun(get: Callable[..., Mirrored], nlm: FakeNlm, clock: FakeClock) -> None:
    nlm.faults["baseline/"] = [Fault(status=429, headers={"Retry-After": "86400"})]
    assert "found HTTP status 429, asking to wait 86400 s (attempt 1 of 7" in failure(get)
    nlm.faults[f"baseline/{FIRST}"] = [Fault(status=503, headers={"Retry-After": "9" * 500})]
    assert f"Expected {FIRST} of 5,000 bytes" in failure(get)
    assert clock.waits == []


def test_a_busy_server_is_left_alone_by_the_other_threads_too(nlm: FakeNlm) -> None:
    """One that waits itself is stopped in its sleep, so that no time passes before the other one asks."""

    class Woken(Exception):
        pass

    class Restless(FakeClock):
        def sleep(self, seconds: float) -> None:
            if not self.slept:
                self.slept.append(0.0)
                raise Woken
            super().sleep(seconds)

    clock = Restless()
    nlm.faults["baseline/"] = [Fault(status=503, headers={"Retry-After": "50"})]
    with FileServer(nlm.url, connections=2, clock=clock) as server:
        with pytest.raises(Woken):
            server.text("baseline/", str)
        assert server.size(f"baseline/{FIRST}") == 5_000
    assert clock.slept == pytest.approx([0.0, 50.0])


def test_a_pace_is_kept_by_all_threads_together(clock: FakeClock) -> None:
    pace = Pace(10, clock)
    for _ in range(4):
        pace.keep()
    pace.hold(5.0)
    pace.keep()
    assert clock.slept == pytest.approx([0.1, 0.1, 0.1, 5.0])


# Content that is not what it should be


def test_wrong_bytes_are_fetched_again(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    wrong = content("wrong")
    nlm.faults[f"baseline/{FIRST}"] = [Fault(body=wrong), Fault(body=wrong)]
    get()
    assert is_mirrored(nlm, out)
    assert len(nlm.asked(f"baseline/{FIRST}")) == 3


def test_wrong_bytes_again_and_again_are_a_failure_and_the_others_come(
    get: Callable[..., Mirrored], nlm: FakeNlm, out: Path
) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(body=content("wrong"))] * 3
    assert failure(get) == (
        f"Expected {FIRST} of 5,000 bytes with the MD5 {md5(content(FIRST))} from 127.0.0.1:{nlm.server_port}, "
        f"found the MD5 {md5(content('wrong'))}, at each of 3 attempts. "
        "Run the same command again in a few minutes: what is already in the folder is kept."
    )
    assert not place(out, FIRST).exists()
    assert not parts(out)
    assert place(out, UPDATE).read_bytes() == content(UPDATE)
    nlm.requests.clear()
    assert (get().files, nlm.asked_for_files()) == (1, [f"baseline/{FIRST}"])


def test_a_file_that_is_replaced_while_it_comes(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    """The MD5 and the length are asked first: by the time of the content they are another's."""
    revised = content("revised", 6_000)
    nlm.md5s[f"baseline/{FIRST}"] = f"MD5({FIRST})= {md5(content(FIRST))}\n"
    nlm.faults[f"baseline/{FIRST}"] = [Fault(method="HEAD", body=content(FIRST)), Fault(body=revised)]
    nlm.faults[f"baseline/{FIRST}.md5"] = [Fault(), Fault(body=f"MD5({FIRST})= {md5(revised)}\n".encode())]
    nlm.files[f"baseline/{FIRST}"] = revised
    get()
    assert is_mirrored(nlm, out)


def test_a_body_cut_short_under_an_honest_length_is_noticed(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(body=content(FIRST)[:600])] * 3
    assert "found 600 bytes where 5,000 were announced, at each of 3 attempts." in failure(get)
    assert not place(out, FIRST).exists()


def test_a_body_without_length_is_taken_by_its_md5(
    get: Callable[..., Mirrored], nlm: FakeNlm, out: Path, clock: FakeClock
) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(leave_out_length=True)]
    nlm.faults[f"baseline/{SECOND}"] = [Fault(leave_out_length=True, body=content(SECOND) + b"and more")]
    nlm.faults[f"baseline/{THIRD}"] = [Fault(leave_out_length=True, cut=1_200)]
    get()
    assert is_mirrored(nlm, out)
    assert [len(nlm.asked(f"baseline/{name}")) for name in (FIRST, SECOND, THIRD)] == [1, 2, 2]
    assert nlm.asked(f"baseline/{THIRD}")[1].headers["Range"] == "bytes=1200-"
    assert clock.waits == [1.0]  # for the third alone: what is too long is not read to its end


def test_a_part_that_was_not_asked_for_is_not_taken(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    wrong_range = Fault(status=206, headers={"Content-Range": "bytes 0-4999/5000"})
    nlm.faults[f"baseline/{FIRST}"] = [Fault(cut=1_200), wrong_range]
    get()
    assert is_mirrored(nlm, out)


def test_a_content_encoding_is_not_undone(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    """Some servers call every .gz an encoding; the MD5 is that of the file as it lies there."""
    nlm.faults[f"baseline/{FIRST}"] = [Fault(headers={"Content-Encoding": "gzip"})]
    get()
    assert is_mirrored(nlm, out)
    assert len(nlm.asked(f"baseline/{FIRST}")) == 1


def test_a_missing_md5_is_a_failure_and_the_others_come(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    nlm.without_md5 = {FIRST, SECOND}
    assert failure(get) == (
        f"Expected {FIRST}.md5 beside {FIRST} from 127.0.0.1:{nlm.server_port}, found none in the listing. "
        "Run the same command again in a few minutes: what is already in the folder is kept. 1 more file failed."
    )
    assert names(out / "2026" / "baseline") == [THIRD, f"{THIRD}.md5"]
    nlm.without_md5 = {THIRD}  # which is here, and was whole
    assert get().files == 2


def test_a_listed_md5_that_is_not_there_is_a_failure(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    nlm.faults[f"baseline/{FIRST}.md5"] = [Fault(status=404)]
    assert f"Expected the MD5 and the length of {FIRST} from 127.0.0.1:{nlm.server_port}, found HTTP status 404." in failure(
        get
    )
    assert place(out, SECOND).exists()


@pytest.mark.parametrize("stated", ["", "<html>Log in</html>", f"MD5({SECOND})= {'0' * 32}", "MD5()= 12"])
def test_what_is_no_md5_of_the_file_is_no_md5(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path, stated: str) -> None:
    nlm.md5s[f"baseline/{FIRST}"] = stated
    assert "instead of an MD5 (attempt 7 of 7" in failure(get)
    assert not place(out, FIRST).exists()


def test_a_server_that_has_nothing_any_more_is_not_asked_for_every_file(get: Callable[..., Mirrored], nlm: FakeNlm) -> None:
    for number in range(5, 60):
        nlm.add("updatefiles", f"pubmed26n{number:04d}.xml.gz", content(str(number)))
    nlm.faults = {f"{path}.md5": [Fault(status=410)] for path in nlm.files}
    assert failure(get).endswith(" 4 more files failed.")
    assert len(nlm.requests) < 20


# Listings


def test_a_missing_listing_is_said(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    nlm.faults["updatefiles/"] = [Fault(status=404)]
    assert failure(get) == (
        f"Expected a listing of updatefiles from 127.0.0.1:{nlm.server_port}, found HTTP status 404. "
        "Check the address (--base-url), and run the same command again: what is already in the folder is kept."
    )
    assert nlm.asked_for_files() == []


def test_a_listing_cut_short_is_not_believed(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    whole = nlm.listing("baseline/").encode()
    nlm.faults["baseline/"] = [Fault(body=whole[: len(whole) // 2]), Fault(cut=len(whole) // 2)]
    get()
    assert is_mirrored(nlm, out)
    nlm.faults["baseline/"] = [Fault(body=b"<html>Log in to the hospital's network")] * 7
    assert "found a listing that breaks off before </html> (attempt 7 of 7" in failure(get)


@pytest.mark.parametrize("listing", ["<a href></a></html>", "\0</html>", "<![if x]><p </html>"])
def test_a_strange_listing_lists_nothing(get: Callable[..., Mirrored], nlm: FakeNlm, listing: str) -> None:
    nlm.faults["updatefiles/"] = [Fault(body=listing.encode())]
    assert get().last_file == THIRD


def test_a_listing_that_is_no_html_is_said(get: Callable[..., Mirrored], nlm: FakeNlm) -> None:
    nlm.faults["updatefiles/"] = [Fault(body=b"<![unknown[ x ]]></html>")] * 7
    assert "found a listing that is no HTML (unknown status keyword" in failure(get)


@pytest.mark.parametrize("length", ["", "many", "-1", "\xb2", "9" * 5_000])
def test_a_length_that_is_none_is_said(get: Callable[..., Mirrored], nlm: FakeNlm, length: str) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(method="HEAD", headers={"Content-Length": length}, leave_out_length=True)]
    assert "found an answer without Content-Length. Check the address" in failure(get)


def test_a_listing_without_files_is_said(get: Callable[..., Mirrored], nlm: FakeNlm) -> None:
    nlm.files.clear()
    assert failure(get).startswith("Expected files like pubmed26n0001.xml.gz in baseline and updatefiles from 127.0.0.1:")


def test_a_baseline_without_updates_yet_is_no_failure(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    del nlm.files[f"updatefiles/{UPDATE}"]
    assert get().last_file == THIRD


def test_gaps_in_the_numbers_are_said(get: Callable[..., Mirrored], nlm: FakeNlm) -> None:
    nlm.add("updatefiles", "pubmed26n0009.xml.gz", content("9"))
    missing = "pubmed26n0005.xml.gz, pubmed26n0006.xml.gz, pubmed26n0007.xml.gz and 1 more"
    assert get().notes == (f"The server's numbers have gaps: {missing} not listed. Run the same command again later.",)


HOSTILE = [
    "../pubmed26n0009.xml.gz",
    "/etc/pubmed26n0009.xml.gz",
    "pubmed26n0009.xml.gz/../../../x",
    "..%2Fpubmed26n0009.xml.gz",
    "https://elsewhere.example/pubmed26n0009.xml.gz",
    "pubmed26n0009.xml.gz\n",
    "pubmed26n000\uff19.xml.gz",
    "pubmed26n0009.xml.gz.part",
    "pubmed26n0009.xml.gz?x",
    "",
]


def test_no_name_leads_out_of_the_folder(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path, tmp_path: Path) -> None:
    nlm.listing_extras = "".join(f'<a href="{name}">x</a> 2026-01-12 14:09 1K\n' for name in HOSTILE)
    assert get().files == 4
    assert is_mirrored(nlm, out)
    assert names(tmp_path) == ["pubmed"]
    assert names(out) == [".mirror.lock", "2026", "mirror.json"]


@pytest.mark.parametrize(
    "stated",
    [
        f"MD5({FIRST})= {'0A' * 16}\n",
        f"MD5 ({FIRST}) = {'0a' * 16}",
        f"{'0a' * 16}  {FIRST}\r\n",
        f"{'0a' * 16} *{FIRST}",
        f"  {'0a' * 16}  ",
    ],
)
def test_an_md5_may_be_stated_in_several_ways(stated: str) -> None:
    assert read_md5(stated, FIRST) == "0a" * 16


@pytest.mark.parametrize("stated", [f"MD5({FIRST})= {'0' * 31}", f"{'0' * 33}", f"{'0' * 32}  other", "0" * 31 + "g"])
def test_what_is_no_md5(stated: str) -> None:
    with pytest.raises(TransientError):
        read_md5(stated, FIRST)


def test_a_listing_says_what_a_file_is_and_when_it_changed() -> None:
    lines = f'<a href="{SECOND}">{SECOND}</a> <b>2026-01-12</b> 14:09 18M\n<a href="{FIRST}">pubmed26n..&gt;</a> 1K</html>'
    first, second = read_listing(f'{lines}<a href="{SECOND}.md5">m</a> 2026-01-12 14:10 60</html>', Series.BASELINE)
    assert (first.name, first.has_md5, first.stamp) == (FIRST, False, "")
    assert (second.number, second.has_md5) == (2, True)
    assert second.stamp == "2026-01-12 14:09 18M / 2026-01-12 14:10 60"
    assert second.md5_path == f"baseline/{SECOND}.md5"
    assert missing_numbers([first, second]) == []


# Redirects and networks


def test_a_redirect_to_another_server_is_refused(get: Callable[..., Mirrored], nlm: FakeNlm) -> None:
    nlm.faults["baseline/"] = [Fault(status=302, headers={"Location": f"http://localhost:{nlm.server_port}/pubmed/baseline/"})]
    assert f"found HTTP status 302, a redirect to http://localhost:{nlm.server_port}, another server." in failure(get)
    assert len(nlm.requests) == 1


def test_a_redirect_on_the_same_server_is_followed(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    nlm.faults[f"baseline/{FIRST}"] = [Fault(status=301, headers={"Location": f"./{FIRST}?again"})]
    nlm.files[f"baseline/{FIRST}?again"] = nlm.files[f"baseline/{FIRST}"]
    nlm.dates[f"baseline/{FIRST}?again"] = ""
    get()
    assert place(out, FIRST).read_bytes() == content(FIRST)
    nlm.faults["baseline/"] = [Fault(status=301, headers={"Location": "./"})] * 9
    assert "found more than 5 redirects" in failure(get)


@pytest.mark.parametrize(
    ("here", "location", "found"),
    [
        (
            "https://nlm.example/a/",
            "http://nlm.example/a/b",
            "a redirect to http://nlm.example, which nothing protects on its way",
        ),
        ("https://nlm.example/a/", "//user:word@other.example/", "a redirect to https://other.example, another server"),
        ("http://nlm.example/a/", "http://[::1/", "a redirect to no address (Invalid IPv6 URL)"),
        ("http://nlm.example/a/", "ftp://nlm.example/a/b", "a redirect to ftp://nlm.example, another server"),
    ],
)
def test_a_redirect_to_less_safety_is_refused(here: str, location: str, found: str) -> None:
    response = requests.Response()
    response.status_code, response.headers["Location"] = 301, location
    with pytest.raises(RefusedError) as refused:
        redirected(here, response)
    assert refused.value.found == f"HTTP status 301, {found}"


def test_a_redirect_to_more_safety_is_followed() -> None:
    response = requests.Response()
    response.headers["Location"] = "https://nlm.example/a/b"
    assert redirected("http://nlm.example/a/", response) == "https://nlm.example/a/b"


def test_no_network_is_said_at_once(get: Callable[..., Mirrored], clock: FakeClock, out: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert failure(partial(get, base_url=f"http://user:password@127.0.0.1:{port}/")) == (
        f"Expected a listing of baseline from 127.0.0.1:{port}, found no connection (Connection refused). "
        "Check the network and the proxy settings, then run the same command again; "
        "`pubmed-index build` needs no network for files that are already on this machine."
    )
    assert clock.waits == []


def test_a_server_that_is_gone_in_between_is_waited_for(get: Callable[..., Mirrored], nlm: FakeNlm, clock: FakeClock) -> None:
    nlm.faults = {f"{path}.md5": [Fault(reset=True)] * 7 for path in nlm.files}
    sentence = failure(get)
    assert "found a connection that broke (Connection reset by peer) (attempt 7 of 7" in sentence
    assert len(clock.waits) == 6 * 4


# Disks and folders


def test_a_full_disk_is_said(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    part = place(out, FIRST).with_name(f"{FIRST}.{md5(content(FIRST))}.part")
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(StorageFull, match=r"No room to write .*\.part: free some space and run the same command again\."):
        get()
    part.unlink()
    get()
    assert is_mirrored(nlm, out)


def test_a_disk_without_room_for_all_is_said_before_anything_comes(
    get: Callable[..., Mirrored], nlm: FakeNlm, out: Path
) -> None:
    huge = Fault(method="HEAD", headers={"Content-Length": str(10**17)}, leave_out_length=True)
    nlm.faults[f"baseline/{FIRST}"] = [huge, huge]
    with pytest.raises(StorageFull, match=r"^No room under .*: 100,000,000,000\.0 MB are to come, and .* MB are free\. Free"):
        get()
    assert nlm.asked_for_files() == []
    assert get(dry_run=True).notes[0].startswith(f"No room under {out}: 100,000,000,000.0 MB are to come")


def test_a_folder_that_cannot_be_made_is_said(get: Callable[..., Mirrored], out: Path) -> None:
    out.write_text("a file")
    assert failure(get) == f"{out} cannot be written (File exists): choose another folder with --out."


def test_two_mirrors_do_not_work_in_one_folder(get: Callable[..., Mirrored], nlm: FakeNlm, out: Path) -> None:
    class Second(Silent):
        said = ""

        def start(self, stage: str, total: int | None, unit: str) -> None:
            self.said = self.said or failure(get)

    second = Second()
    get(progress=second)
    assert second.said.startswith(f"Another `pubmed-index mirror` is at work in {out}: wait for its end")
    assert is_mirrored(nlm, out)


# Threads


def test_what_a_thread_raises_ends_all_work() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise FetchError("three")
        return number

    done: list[int] = []
    halted: list[bool] = []
    with pytest.raises(FetchError, match="three"):
        side_by_side(work, range(100), 1, on_result=done.append, on_tick=lambda: None, halt=lambda: halted.append(True))
    assert (begun, done, halted) == ([0, 1, 2, 3], [0, 1, 2], [True])


def test_ctrl_c_waits_for_threads_that_the_halt_ends() -> None:
    halt = threading.Event()
    before = threading.active_count()

    def interrupt(_result: bool) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side(
            lambda number: number == 0 or halt.wait(30), range(9), 3, on_result=interrupt, on_tick=lambda: None, halt=halt.set
        )
    assert threading.active_count() == before

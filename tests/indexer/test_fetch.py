"""`fetch` against a server on this machine that answers as NCBI documents its E-utilities."""

import gzip
import json
import logging
import re
import socket
import struct
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from indexer.eutils import stated_error
from indexer.fetch import Fetched, fetch
from indexer.polite_http import SystemClock, TransientError
from indexer.report import report_fetch
from search.errors import FetchError, PubMedSearchError

KEY = "5ec/ret+key"  # with characters that a form encodes
KEY_ENCODED = "5ec%2Fret%2Bkey"
DAY = date(2024, 3, 1)


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@dataclass
class Answer:
    """What the server sends: `cut` ends the connection before the whole body, `reset` before any of it."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    reset: bool = False


@dataclass
class Request:
    utility: str
    form: dict[str, str]
    at: float


Fault = Callable[["FakeNcbi", Request], Answer]


class FakeNcbi(ThreadingHTTPServer):
    """A small NCBI: `articles` are PMIDs with their entry dates, `faults` take the place of the next answers."""

    daemon_threads = True

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.clock = clock
        self.articles: dict[int, date] = {}
        self.undated: set[int] = set()
        self.knows_uid = True
        self.withdrawn: set[int] = set()
        self.books: set[int] = set()
        self.faults: list[Fault | None] = []
        self.search_extras: dict[str, object] = {}
        self.requests: list[Request] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/entrez/eutils/"

    def sent(self, utility: str) -> list[dict[str, str]]:
        return [request.form for request in self.requests if request.utility == utility]

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if fault:
            return fault(self, request)
        return Answer(self.search(request.form) if request.utility == "esearch.fcgi" else self.records(request.form))

    def search(self, form: dict[str, str]) -> bytes:
        ids = sorted(self.articles, reverse=True)
        if "mindate" in form:
            first, last = (
                datetime.strptime(form[name], "%Y/%m/%d").replace(tzinfo=UTC).date() for name in ("mindate", "maxdate")
            )
            ids = [pmid for pmid in ids if first <= self.articles[pmid] <= last and pmid not in self.undated]
        if self.knows_uid and (within := re.fullmatch(r"\(.+\) AND (\d+):(\d+)\[uid\]", form["term"])):
            ids = [pmid for pmid in ids if int(within.group(1)) <= pmid <= int(within.group(2))]
        shown = ids[: min(int(form["retmax"]), 9_999)]
        result = {"count": str(len(ids)), "retmax": str(len(shown)), "retstart": "0", "idlist": [str(pmid) for pmid in shown]}
        return json.dumps({"header": {"version": "0.3"}, "esearchresult": result | self.search_extras}).encode()

    def records(self, form: dict[str, str]) -> bytes:
        asked = [int(pmid) for pmid in form["id"].split(",")]
        return article_set([self.record(pmid) for pmid in asked if pmid in self.articles and pmid not in self.withdrawn])

    def record(self, pmid: int) -> str:
        if pmid in self.books:
            return f"<PubmedBookArticle><BookDocument><PMID Version='1'>{pmid}</PMID></BookDocument></PubmedBookArticle>"
        return (
            f'<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID></MedlineCitation>'
            "<PubmedData><ArticleIdList/></PubmedData></PubmedArticle>"
        )


def article_set(records: list[str]) -> bytes:
    return (
        '<?xml version="1.0" ?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN" '
        '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">\n'
        f"<PubmedArticleSet>{''.join(records)}</PubmedArticleSet>\n"
    ).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets: the second would wait 40 ms for the first's receipt
    server: FakeNcbi

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        utility = self.path.removeprefix("/entrez/eutils/")
        answer = self.server.answer(
            Request(utility, {name: values[0] for name, values in form.items()}, self.server.clock.now())
        )
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)
        self.close_connection = answer.cut

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        """Say nothing."""


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _ncbi, _request: Answer(body, code, named)


def says(body: bytes) -> Fault:
    return lambda _ncbi, _request: Answer(body)


def reset(_ncbi: FakeNcbi, _request: Request) -> Answer:
    return Answer(b"", reset=True)


def cut(ncbi: FakeNcbi, request: Request) -> Answer:
    """The connection ends in the middle of the records."""
    return Answer(ncbi.records(request.form), cut=True)


def cut_unnoticed(ncbi: FakeNcbi, request: Request) -> Answer:
    """Half of the records, under a length that says that this is all."""
    whole = ncbi.records(request.form)
    return Answer(whole[: len(whole) // 2])


def interrupted(_ncbi: FakeNcbi, _request: Request) -> Answer:
    return Answer(b'{"error":"the line is down"}', 400)


def silent(ncbi: FakeNcbi, _request: Request) -> Answer:
    """No answer for as long as the test lasts."""
    ncbi.released.wait(30)
    return Answer(b"", reset=True)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is on this machine, whatever proxy the machine uses for others."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ncbi(clock: FakeClock) -> Iterator[FakeNcbi]:
    server = FakeNcbi(clock)
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def get(ncbi: FakeNcbi, clock: FakeClock, tmp_path: Path) -> Callable[..., Fetched]:
    """`fetch` of the query that every article here answers, into `tmp_path / "records"`."""
    return partial(fetch, "statins", tmp_path / "records", base_url=ncbi.url, clock=clock)


def pmids(folder: Path) -> list[int]:
    """The PMIDs in a folder, file by file, as a reader of `*.xml.gz` meets them."""
    texts = (gzip.decompress(path.read_bytes()).decode() for path in sorted(folder.glob("*.xml.gz")))
    return [int(pmid) for text in texts for pmid in re.findall(r"<PMID[^>]*>(\d+)", text)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def failure(run: Callable[[], object]) -> str:
    """The sentence of a fetch that must fail, once neither it nor its traceback holds the key."""
    with pytest.raises(FetchError) as caught:
        run()
    assert_without_key("".join(traceback.format_exception(caught.value)))
    for error in chain(caught.value):
        assert_without_key(f"{error!r} {vars(error)}")
    return str(caught.value)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that it came of, hidden contexts included: some loggers print those, too."""
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__)


def assert_without_key(text: str) -> None:
    assert KEY not in text
    assert KEY_ENCODED not in text


def test_the_records_of_a_query_come_in_batches_of_200(
    get: Callable[..., Fetched], ncbi: FakeNcbi, clock: FakeClock, tmp_path: Path
) -> None:
    ncbi.articles = dict.fromkeys(range(1001, 1451), DAY)
    progress: list[tuple[int, int]] = []

    fetched = get(email="reader@example.org", on_progress=lambda done, total: progress.append((done, total)))

    folder = tmp_path / "records"
    assert fetched == Fetched(folder, records=450, total=450, reused=False, asked=datetime.now(UTC).date(), notes=())
    assert pmids(folder) == list(range(1450, 1000, -1))
    written = json.loads((folder / "fetch.json").read_text())
    assert (written["query"], written["asked"], written["total"]) == ("statins", str(fetched.asked), 450)
    assert written["ids"] == list(range(1450, 1000, -1))
    assert names(folder) == ["fetch.json", "pubmed-00001.xml.gz", "pubmed-00002.xml.gz", "pubmed-00003.xml.gz"]
    assert progress == [(200, 450), (400, 450), (450, 450)]
    assert [len(form["id"].split(",")) for form in ncbi.sent("efetch.fcgi")] == [200, 200, 50]
    identity = {"tool": "pubmed-semantic-search", "email": "reader@example.org"}
    assert ncbi.sent("esearch.fcgi") == [identity | {"db": "pubmed", "term": "statins", "retmode": "json", "retmax": "1000"}]
    assert ncbi.sent("efetch.fcgi")[2].items() >= (identity | {"db": "pubmed", "rettype": "xml", "retmode": "xml"}).items()


def test_max_records_takes_the_first_ids(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    ncbi.articles = dict.fromkeys(range(1, 31), DAY)
    fetched = get(max_records=5)
    assert (fetched.records, fetched.total, fetched.notes) == (5, 30, ())
    assert pmids(tmp_path / "records") == [30, 29, 28, 27, 26]


@pytest.mark.parametrize(("api_key", "interval"), [(None, 1 / 3), (KEY, 1 / 10)])
def test_requests_keep_to_ncbis_limit(
    get: Callable[..., Fetched], ncbi: FakeNcbi, api_key: str | None, interval: float
) -> None:
    ncbi.articles = dict.fromkeys(range(1, 801), DAY)
    get(api_key=api_key)
    times = [request.at for request in ncbi.requests]
    assert [later - earlier for earlier, later in pairwise(times)] == pytest.approx([interval] * 4)
    assert {form.get("api_key") for form in ncbi.sent("efetch.fcgi")} == {api_key}


def test_the_system_clock_sleeps() -> None:
    clock = SystemClock()
    before = clock.now()
    clock.sleep(0.01)
    assert clock.now() - before >= 0.01


@pytest.mark.parametrize("fault", [status(503), reset, cut, says(b'{"error":"API key ' + KEY.encode() + b' invalid"}')])
def test_the_key_reaches_neither_logs_nor_files_nor_answers(
    get: Callable[..., Fetched],
    ncbi: FakeNcbi,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    fault: Fault,
) -> None:
    ncbi.articles = dict.fromkeys(range(1, 301), DAY)
    ncbi.faults = [None, *[fault] * 5]
    with caplog.at_level(logging.DEBUG):
        failure(partial(get, api_key=KEY))
        ncbi.faults.clear()
        fetched = get(api_key=KEY)
    report_fetch(fetched, as_json=True)
    report_fetch(fetched, as_json=False)
    assert '"POST /entrez/eutils/efetch.fcgi HTTP/1.1" 200' in caplog.text
    assert {form["api_key"] for form in ncbi.sent("efetch.fcgi")} == {KEY}
    said = capsys.readouterr()
    assert_without_key(caplog.text + said.out + said.err)
    for path in fetched.path.iterdir():
        content = path.read_bytes()
        assert_without_key((gzip.decompress(content) if path.suffix == ".gz" else content).decode())


def test_a_key_out_of_a_file_is_sent_without_its_line_break(get: Callable[..., Fetched], ncbi: FakeNcbi) -> None:
    ncbi.articles = {1: DAY}
    get(api_key=f"{KEY}\n")
    assert {form["api_key"] for form in ncbi.sent("efetch.fcgi")} == {KEY}


# A folder that is complete, half complete, damaged, or somebody else's


def test_the_same_command_again_reuses_the_records_without_a_request(get: Callable[..., Fetched], ncbi: FakeNcbi) -> None:
    ncbi.articles = dict.fromkeys(range(1, 301), DAY)
    first = get()
    asked = len(ncbi.requests)
    again = get(base_url="http://127.0.0.1:1/")
    assert (again.records, again.total, again.reused) == (first.records, first.total, True) == (300, 300, True)
    assert again.notes == (f"These records were asked for on {first.asked}; choose another folder to ask again.",)
    assert len(ncbi.requests) == asked
    assert get(max_records=5000).reused  # the same 300 articles


def test_an_interrupted_fetch_goes_on_without_asking_twice(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    ncbi.articles = dict.fromkeys(range(1, 801), DAY)
    ncbi.faults = [None, None, None, interrupted]
    assert "the line is down" in failure(get)
    assert names(tmp_path / "records") == ["fetch.json", "pubmed-00001.xml.gz", "pubmed-00002.xml.gz"]
    ncbi.requests.clear()
    ncbi.articles[801] = DAY  # entered in the meantime: not one of the ids that this folder is for

    fetched = get()

    assert (fetched.records, fetched.reused) == (800, False)
    assert [form["retmax"] for form in ncbi.sent("esearch.fcgi")] == ["0"]
    asked = [int(pmid) for form in ncbi.sent("efetch.fcgi") for pmid in form["id"].split(",")]
    assert asked == list(range(400, 0, -1))
    assert pmids(tmp_path / "records") == list(range(800, 0, -1))


def test_an_interruption_from_the_keyboard_keeps_the_batches(
    get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path
) -> None:
    ncbi.articles = dict.fromkeys(range(1, 401), DAY)

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(on_progress=stop)
    assert len(pmids(tmp_path / "records")) == 200
    get()
    assert len(ncbi.sent("efetch.fcgi")) == 2


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:60] + b"\0\0\0" + data[63:], lambda _data: b""])
def test_a_damaged_batch_is_fetched_again(
    get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    ncbi.articles = dict.fromkeys(range(1, 401), DAY)
    get()
    path = tmp_path / "records" / "pubmed-00002.xml.gz"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    ncbi.requests.clear()
    assert not get().reused
    assert path.read_bytes() == whole
    assert len(ncbi.sent("efetch.fcgi")) == 1


def test_a_folder_belongs_to_one_query(get: Callable[..., Fetched], ncbi: FakeNcbi, clock: FakeClock, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    ncbi.articles = dict.fromkeys(range(1, 31), DAY)
    get(max_records=20)
    assert failure(partial(fetch, "aspirin", folder, base_url=ncbi.url, clock=clock)) == (
        f"{folder} holds the records of 'statins', not of 'aspirin': choose another folder with --out."
    )
    assert failure(partial(get, max_records=25)) == (
        f"{folder} is for at most 20 of the 30 articles, not for 25: choose another folder with --out, or run with --max 20."
    )
    (folder / "fetch.json").write_text("[]")
    assert "cannot be read as the record of a fetch" in failure(get)
    (folder / "fetch.json").unlink()
    assert failure(get) == f"{folder} holds records without the fetch.json that says of which query: choose another folder."


def test_a_folder_that_cannot_be_made_is_said(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    ncbi.articles = {1: DAY}
    (tmp_path / "records").write_text("a file")
    assert failure(get) == (
        f"{tmp_path / 'records' / 'fetch.json'} cannot be written (File exists): choose another folder with --out."
    )


def test_a_full_disk_is_said(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    ncbi.articles = {1: DAY}
    full = tmp_path / "records"
    full.mkdir()
    (full / "fetch.json.new").symlink_to("/dev/full")
    with pytest.raises(PubMedSearchError, match=r"No room to write .*fetch\.json: free some space"):
        get()
    assert not (full / "fetch.json").exists()


# More than the 9,999 ids of one search


def test_a_large_query_is_split_by_entry_date(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    ncbi.articles = {pmid: date(1975, 1, 1) + timedelta(days=pmid) for pmid in range(1, 12_001)}
    fetched = get(max_records=50_000)
    assert (fetched.records, fetched.total, fetched.notes) == (12_000, 12_000, ())
    assert sorted(pmids(tmp_path / "records")) == list(range(1, 12_001))
    slices = [form for form in ncbi.sent("esearch.fcgi") if "mindate" in form]
    assert {form["datetype"] for form in slices} == {"edat"}
    assert all(form["retmax"] == "9999" for form in slices)


def test_a_split_stops_at_the_records_that_are_wanted(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    ncbi.articles = {pmid: date(1900, 1, 1) + timedelta(days=pmid) for pmid in range(1, 40_001)}
    fetched = get(max_records=10_000)
    assert (fetched.records, fetched.total) == (10_000, 40_000)
    found = pmids(tmp_path / "records")
    assert len(set(found)) == 10_000
    assert max(found) == 40_000  # the newest range comes first


def test_records_that_no_range_of_days_holds_are_said(get: Callable[..., Fetched], ncbi: FakeNcbi) -> None:
    ncbi.articles = {pmid: date(1975, 1, 1) + timedelta(days=pmid) for pmid in range(1, 10_011)}
    ncbi.undated = {3, 5, 8}
    fetched = get(max_records=20_000)
    assert (fetched.records, fetched.total) == (10_007, 10_010)
    assert fetched.notes == ("NCBI counts 10,010 articles but gave 10,007 of the 10,010 ids that were asked for.",)


def test_a_day_that_does_not_fit_is_split_by_pmid(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    ncbi.articles = dict.fromkeys(range(38_000_001, 38_010_301), DAY) | {7: DAY - timedelta(days=1)}
    fetched = get(max_records=20_000)
    assert (fetched.records, fetched.total, fetched.notes) == (10_301, 10_301, ())
    assert sorted(pmids(tmp_path / "records")) == [7, *range(38_000_001, 38_010_301)]
    by_pmid = [form for form in ncbi.sent("esearch.fcgi") if "[uid]" in form["term"]]
    assert {form["mindate"] for form in by_pmid} == {form["maxdate"] for form in by_pmid} == {"2024/03/01"}
    assert by_pmid[0]["term"] == "(statins) AND 50000001:99999999[uid]"


def test_a_day_that_stays_too_large_is_refused(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    ncbi.articles = dict.fromkeys(range(1, 10_001), DAY)
    ncbi.knows_uid = False
    assert failure(partial(get, max_records=20_000)) == (
        "NCBI gives at most 9,999 ids at once and has 10,000 of 2024-03-01 alone for 'statins', whatever range of PMIDs is "
        "asked for. Narrow the query."
    )
    assert not (tmp_path / "records").exists()


# Answers that are no records


def test_no_article_is_a_failure_and_leaves_no_folder(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    expected = "NCBI knows no article for 'statins'{}. Check spelling and field tags, then fetch another query."
    assert failure(get) == expected.format("")
    ncbi.search_extras = {"errorlist": {"phrasesnotfound": ["statins"], "fieldsnotfound": []}}
    assert failure(get) == expected.format(" (it does not know 'statins')")
    assert not (tmp_path / "records").exists()


def test_words_that_ncbi_does_not_know_are_a_failure(get: Callable[..., Fetched], ncbi: FakeNcbi) -> None:
    ncbi.articles = {1: DAY}
    ncbi.search_extras = {"errorlist": {"phrasesnotfound": ["xyzzyq"], "fieldsnotfound": ["tiabb"]}}
    assert failure(get) == (
        "NCBI does not know 'xyzzyq', 'tiabb' in 'statins' and searched without it. Correct the query and fetch again."
    )


def test_words_that_ncbi_ignored_are_said(get: Callable[..., Fetched], ncbi: FakeNcbi) -> None:
    ncbi.articles = {1: DAY}
    ncbi.search_extras = {
        "errorlist": {"phrasesnotfound": [], "fieldsnotfound": []},
        "warninglist": {"phrasesignored": [], "quotedphrasesnotfound": ['"statin pain"'], "outputmessages": ["anything"]},
    }
    assert get().notes == ("NCBI ignored or did not find '\"statin pain\"' in the query.",)


def test_fewer_ids_than_counted_are_said(get: Callable[..., Fetched], ncbi: FakeNcbi) -> None:
    ncbi.articles = dict.fromkeys(range(1, 11), DAY)
    ncbi.search_extras = {"count": "12"}
    assert get().notes == ("NCBI counts 12 articles but gave 10 of the 12 ids that were asked for.",)


def test_ids_without_a_record_are_counted(get: Callable[..., Fetched], ncbi: FakeNcbi) -> None:
    ncbi.articles = dict.fromkeys(range(1, 251), DAY)
    ncbi.withdrawn = {7, 230, 231}
    ncbi.books = {10, 11}
    fetched = get()
    assert (fetched.records, fetched.total) == (247, 250)
    assert fetched.notes == ("NCBI gave no record for 3 of the 250 ids.",)
    assert get().notes[0] == "NCBI gave no record for 3 of the 250 ids."


def test_no_record_at_all_is_a_failure(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    ncbi.articles = {1: DAY}
    ncbi.withdrawn = {1}
    expected = f"NCBI gave none of the records for 'statins': delete {tmp_path / 'records'} and fetch again, or ask otherwise."
    assert failure(get) == expected
    assert failure(get) == expected


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (
            b'{"esearchresult":{"ERROR":"Search Backend failed: Exception:\n\'retstart\' is wrong"}}',
            "Search Backend failed: Exception: ",
        ),
        (b'{"error":"API key invalid","api-key":"' + KEY.encode() + b'","status":"unknown"}', "the error 'API key invalid'"),
        (b'{"error":"API key ' + KEY.encode() + b' invalid"}', "the error 'API key *** invalid'"),
        (b"<eSearchResult><ERROR>Empty term and query_key</ERROR></eSearchResult>", "'Empty term and query_key'"),
        (b"<eSearchResult><ERROR>cut sho", "'cut sho'"),
    ],
)
@pytest.mark.parametrize("code", [200, 400])
def test_an_error_that_ncbi_states_is_a_failure_at_once(
    get: Callable[..., Fetched], ncbi: FakeNcbi, body: bytes, found: str, code: int
) -> None:
    ncbi.articles = {1: DAY}
    ncbi.faults = [status(code, body)]
    sentence = failure(partial(get, api_key=KEY))
    assert sentence.startswith(
        f"Expected the ids of a query's articles from 127.0.0.1:{ncbi.server_port}, found HTTP status {code}"
    )
    assert found in sentence
    assert sentence.endswith(". Correct the query or, if it is at fault, the key in NCBI_API_KEY, and run the command again.")
    assert len(ncbi.requests) == 1


def test_an_error_among_the_records_is_a_failure(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    ncbi.articles = {1: DAY}
    ncbi.faults = [None, says(article_set(["<ERROR>no such key: " + KEY_ENCODED + "</ERROR>"]))]
    assert "found HTTP status 200 and the error 'no such key: ***'." in failure(partial(get, api_key=KEY))
    assert names(tmp_path / "records") == ["fetch.json"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"<html>Log in to the hospital's network</html>", "an answer that is no ESearch result"),
        (b'{"esearchresult":{"count":"many","idlist":[]}}', "an answer that is no ESearch result"),
        (b'{"esearchresult":{"count":"3","idlist":[]}}', "a count of 3 articles without their ids"),
        (b"{", "an answer that is no ESearch result"),
    ],
)
def test_what_is_no_search_result_is_never_zero_hits(
    get: Callable[..., Fetched], ncbi: FakeNcbi, body: bytes, found: str
) -> None:
    ncbi.faults = [says(body)] * 5
    assert failure(get) == (
        f"Expected the ids of a query's articles from 127.0.0.1:{ncbi.server_port}, found {found} "
        "(attempt 5 of 5, 10 s allowed in all). Run the same command again in a few minutes: "
        "what is already in the folder is kept."
    )
    assert len(ncbi.requests) == 5


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (says(b"<html><body>PubmedArticleSet</body></html>"), "an answer that is no PubmedArticleSet"),
        (cut_unnoticed, "records that break off before </PubmedArticleSet>"),
        (says(article_set(["<PubmedArticle><PMID>1</PMID>"])), "records that break off before </PubmedArticleSet>"),
        (says(article_set([])), "0 records"),
        (says(article_set(["<PubmedArticle></PubmedArticle>"] * 4)), "4 records"),
        (cut, "a connection that broke (IncompleteRead("),
    ],
)
def test_what_is_no_record_set_is_never_written(
    get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path, fault: Fault, found: str
) -> None:
    ncbi.articles = dict.fromkeys((1, 2, 3), DAY)
    ncbi.faults = [None, *[fault] * 5]
    assert f"Expected the records of 3 ids from 127.0.0.1:{ncbi.server_port}, found {found}" in failure(get)
    assert names(tmp_path / "records") == ["fetch.json"]
    assert get().records == 3


# Failures that pass


@pytest.mark.parametrize(
    "fault",
    [
        status(429, b'{"error":"API rate limit exceeded","api-key":"192.0.2.1","count":"4","limit":"3"}'),
        says(b'{"error":"API rate limit exceeded","api-key":"192.0.2.1","count":"4","limit":"3"}'),
        status(502, b"<html>Bad Gateway</html>"),
        status(500),
        reset,
    ],
)
def test_what_passes_is_asked_again(get: Callable[..., Fetched], ncbi: FakeNcbi, clock: FakeClock, fault: Fault) -> None:
    ncbi.articles = {1: DAY}
    ncbi.faults = [fault, fault, None, fault]
    assert get().records == 1
    assert len(ncbi.requests) == 5
    assert clock.slept == pytest.approx([0.5, 1.0, 1 / 3, 0.5])


def test_records_that_broke_off_are_asked_for_again(get: Callable[..., Fetched], ncbi: FakeNcbi, tmp_path: Path) -> None:
    ncbi.articles = dict.fromkeys(range(1, 21), DAY)
    ncbi.faults = [None, cut, cut_unnoticed]
    assert get().records == 20
    assert pmids(tmp_path / "records") == list(range(20, 0, -1))


def test_retry_after_is_honoured(get: Callable[..., Fetched], ncbi: FakeNcbi, clock: FakeClock) -> None:
    ncbi.articles = {1: DAY}
    in_a_while = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    ncbi.faults = [
        status(429, Retry_After="7"),
        None,
        status(503, Retry_After=in_a_while),
        status(503, Retry_After="soon"),
    ]
    assert get().records == 1
    assert clock.slept == pytest.approx([7.0, 1 / 3, 60.0, 1.0], abs=2.0)


def test_a_wait_beyond_the_patience_is_not_begun(get: Callable[..., Fetched], ncbi: FakeNcbi, clock: FakeClock) -> None:
    ncbi.faults = [status(429, Retry_After="30")]
    assert failure(get) == (
        f"Expected the ids of a query's articles from 127.0.0.1:{ncbi.server_port}, found HTTP status 429, asking to wait 30 s "
        "(attempt 1 of 5, 10 s allowed in all). Run the same command again in a few minutes: "
        "what is already in the folder is kept."
    )
    assert clock.slept == []


def test_retries_end(get: Callable[..., Fetched], ncbi: FakeNcbi, clock: FakeClock) -> None:
    ncbi.articles = {1: DAY}
    ncbi.faults = [None, *[status(503)] * 5]
    assert "found HTTP status 503 (attempt 5 of 5, 180 s allowed in all)" in failure(get)
    assert clock.slept == pytest.approx([1 / 3, 0.5, 1.0, 2.0, 4.0])


# No network


def test_patience_bounds_a_server_that_never_answers(get: Callable[..., Fetched], ncbi: FakeNcbi) -> None:
    ncbi.faults = [silent]
    began = time.monotonic()
    sentence = failure(partial(get, patience_s=0.4, api_key=KEY, clock=SystemClock()))
    assert time.monotonic() - began < 1.4
    assert "found no answer within 0.4 s (attempt 1 of 5, 0.4 s allowed in all). Check the network" in sentence


def test_patience_bounds_an_answer_that_trickles_in(clock: FakeClock, tmp_path: Path) -> None:
    """Each byte is well within a socket's timeout; only the whole is not."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def trickle() -> None:
            connection, _ = listener.accept()
            with connection:
                while not done.wait(0.02):
                    connection.sendall(b"H")

        thread = threading.Thread(target=trickle)
        thread.start()
        began = time.monotonic()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        sentence = failure(partial(fetch, "statins", tmp_path, base_url=url, patience_s=0.4, clock=SystemClock()))
        elapsed = time.monotonic() - began
        done.set()
        thread.join()
    assert elapsed < 1.4
    assert "found no answer within 0.4 s" in sentence


def test_a_refused_connection_is_said_at_once(get: Callable[..., Fetched], clock: FakeClock, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert failure(partial(get, base_url=f"http://127.0.0.1:{port}/", api_key=KEY)) == (
        f"Expected the ids of a query's articles from 127.0.0.1:{port}, found no connection (Connection refused). "
        "Check the network and the proxy settings, then run the same command again; "
        "`pubmed-index build` needs no network for files that are already on this machine."
    )
    assert clock.slept == []
    assert not (tmp_path / "records").exists()


def test_a_name_that_nobody_knows_is_said(get: Callable[..., Fetched]) -> None:
    sentence = failure(partial(get, base_url="http://user:password@eutils.invalid/", patience_s=1.0, clock=SystemClock()))
    assert re.match(r"Expected the ids of a query's articles from eutils\.invalid, found no (connection \(|answer)", sentence)
    assert "password" not in sentence


def test_a_redirect_is_not_followed(get: Callable[..., Fetched], ncbi: FakeNcbi) -> None:
    ncbi.faults = [status(307, Location=f"{ncbi.url}elsewhere")]
    assert "found HTTP status 307, a redirect to another address." in failure(partial(get, api_key=KEY))
    assert len(ncbi.requests) == 1


@pytest.mark.parametrize(("query", "limit"), [("  ", 10), ("statins", 0)])
def test_a_fetch_needs_a_query_and_a_limit(ncbi: FakeNcbi, tmp_path: Path, query: str, limit: int) -> None:
    assert failure(partial(fetch, query, tmp_path, max_records=limit, base_url=ncbi.url)) == (
        f"A fetch needs a query and --max of 1 or more; found {query.strip()!r} and {limit}."
    )


@pytest.mark.parametrize(
    ("body", "stated"),
    [
        (b'{"esearchresult":{"count":"1"}}', ""),
        (b'{"esearchresult":"x","error":"API\nkey invalid"}', "API key invalid"),
        (b"{broken", ""),
        (b"<eFetchResult><ERROR/></eFetchResult>", "ERROR"),
        (b"<p>&lt;ERROR&gt; as a word of a title</p>", ""),
    ],
)
def test_stated_errors_are_found_in_either_form(body: bytes, stated: str) -> None:
    assert stated_error(body) == stated


def test_problems_say_what_to_do() -> None:
    assert TransientError("x").wait_s == 0.0
    assert TransientError("x").advice.startswith("Run the same command again")

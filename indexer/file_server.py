"""A server of large files: asked politely from several threads, and gone on with where a download broke off."""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Self, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from indexer.keeping import keeping
from indexer.polite_http import (
    CONNECT_S,
    READ_S,
    TOOL,
    Clock,
    Pace,
    Patience,
    RefusedError,
    TransientError,
    asked_to_wait,
    broken,
    busy,
    disconnected,
    persist,
    unanswered,
    within,
)

ADDRESS_ADVICE = "Check the address (--base-url), and run the same command again: what is already in the folder is kept."

_REQUESTS_PER_SECOND = 20  # small ones, all threads together
_PATIENCE = Patience(600.0, attempts=7, backoff_s=1.0)  # outlives a minute without network
_REDIRECTS = 5
_TEXT_LIMIT = 4 << 20
_CHUNK = 1 << 18
_WENT_ON = 1 << 20  # bytes after which an attempt that broke is no failure
_SLOWEST = 1 << 16  # bytes within READ_S: a slower connection is given up, and another goes on
_LENGTH = re.compile(r"[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})

T = TypeVar("T")


class StoppedError(Exception):
    """The server was not asked, or not to the end: the work is being stopped."""


class OtherContentError(Exception):
    """The server sends another content under a name than it had announced."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found


class StoppableClock:
    """The clock of this machine; a stop ends every sleep."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def now(self) -> float:
        """Seconds that no change of the wall clock affects."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after this many seconds, or at the stop."""
        self._stop.wait(seconds)


class FileServer:
    """The files below a base address. A context manager, safe to share between threads.

    Its methods ask again where that may help. They raise TransientError where their patience ends, RefusedError where the
    server will not change its mind, and StoppedError after `stop`.
    """

    def __init__(self, base_url: str, *, connections: int, clock: Clock | None = None) -> None:
        self._base_url = base_url.rstrip("/") + "/"
        self._stop = threading.Event()
        self._clock: Clock = clock or StoppableClock(self._stop)
        self._pace = Pace(_REQUESTS_PER_SECOND, self._clock)
        self._answered = False
        self._receiving: set[requests.Response] = set()
        self._session = requests.Session()
        # Files as they are: a transfer that is compressed on the way could not be gone on with.
        self._session.headers.update({"User-Agent": TOOL, "Accept-Encoding": "identity"})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    @property
    def host(self) -> str:
        """The server, as an error names it: without a password."""
        return urlsplit(self._base_url).netloc.rpartition("@")[2]

    def stop(self) -> None:
        """End what is under way; may be called from any thread."""
        self._stop.set()
        for response in tuple(self._receiving):
            with contextlib.suppress(OSError, ValueError, RuntimeError):  # it has just come to its end
                response.raw.shutdown()

    def text(self, path: str, read: Callable[[str], T]) -> T:
        """What `read` makes of a small text; it raises TransientError for one that is not whole."""
        return self._persist(lambda: read(self._text(path)))

    def size(self, path: str) -> int:
        """The length of a file in bytes."""
        return self._persist(lambda: self._size(path))

    def download(self, path: str, part: Path, size: int, on_held: Callable[[int], None]) -> None:
        """Bring a file of `size` bytes into `part`, from where that ends; `on_held` is told how much it holds.

        What has come stays in `part`, whatever happens. Raises OtherContentError where the server's file does not continue
        `part` to this size, StorageFull, and FetchError where `part` cannot be written.
        """
        self._persist(lambda: self._go_on(path, part, size, on_held))

    def _persist(self, work: Callable[[], T]) -> T:
        return persist(lambda _deadline: work(), _PATIENCE, self._clock)

    def _text(self, path: str) -> str:
        with self._open("GET", path) as response:
            try:
                body: bytes = within(READ_S, lambda: response.raw.read(_TEXT_LIMIT + 1, decode_content=True))
            except (HTTPError, OSError) as error:
                raise broken(error) from error
        if len(body) > _TEXT_LIMIT:
            raise RefusedError(f"a text of more than {_TEXT_LIMIT:,} bytes", advice=ADDRESS_ADVICE)
        return body.decode(errors="replace")

    def _size(self, path: str) -> int:
        with self._open("HEAD", path) as response:
            length = response.headers.get("Content-Length", "")
            response.raw.drain_conn()  # otherwise the connection would not be used again
        if not _LENGTH.fullmatch(length):
            raise RefusedError("an answer without Content-Length", advice=ADDRESS_ADVICE)
        return int(length)

    def _go_on(self, path: str, part: Path, size: int, on_held: Callable[[int], None]) -> None:
        """One attempt at the rest of a file."""
        with keeping(part):
            held = part.stat().st_size if part.exists() else 0
        if held > size:
            raise OtherContentError(f"{size:,} bytes where {held:,} are there already")
        on_held(held)
        if held == size > 0:
            return
        with self._open("GET", path, {"Range": f"bytes={held}-"} if held else _NO_HEADERS) as response:
            start = held = _start(response, held, size)
            with _Part(part, from_start=not start) as beside:
                try:
                    for chunk in self._chunks(response, size - start):
                        held += len(chunk)
                        beside.write(chunk)
                        on_held(held)
                except TransientError as problem:
                    problem.went_on = held - start >= _WENT_ON
                    raise

    def _chunks(self, response: requests.Response, length: int) -> Iterator[bytes]:
        """A body of this length, as it comes."""
        left, slow_since, slow_left = length, self._clock.now(), length
        while left:
            chunk = self._chunk(response)
            if len(chunk) > left:
                raise OtherContentError(f"more than the {length:,} bytes that were still to come")
            if not chunk:
                raise TransientError(f"a body that broke off {left:,} bytes before its end")
            left -= len(chunk)
            yield chunk
            if self._clock.now() - slow_since >= READ_S:
                if slow_left - left < _SLOWEST:
                    raise TransientError(f"no more than {slow_left - left:,} bytes within {READ_S:g} s")
                slow_since, slow_left = self._clock.now(), left

    def _chunk(self, response: requests.Response) -> bytes:
        """What has come of a body by now, as it was sent; b"" at its end."""
        try:
            chunk: bytes = response.raw.read1(_CHUNK, decode_content=False)
        except (HTTPError, OSError, ValueError) as error:  # ValueError: a TLS connection that `stop` has ended
            self._refuse_when_stopped()
            raise broken(error) from error
        self._refuse_when_stopped()
        return chunk

    @contextlib.contextmanager
    def _open(self, method: str, path: str, headers: Mapping[str, str] = _NO_HEADERS) -> Iterator[requests.Response]:
        """An answer of status 200 or 206, whose body is still to come."""
        url = urljoin(self._base_url, path)
        for _ in range(_REDIRECTS):
            response = self._send(method, url, headers)
            self._receiving.add(response)
            try:
                if not response.is_redirect:
                    self._check(response, headers)
                    yield response
                    return
                url = redirected(url, response)
            finally:
                self._receiving.discard(response)
                response.close()
        raise RefusedError(f"more than {_REDIRECTS} redirects", advice=ADDRESS_ADVICE)

    def _send(self, method: str, url: str, headers: Mapping[str, str]) -> requests.Response:
        """One request. `requests` would follow a redirect anywhere."""
        self._refuse_when_stopped()
        self._pace.keep()
        self._refuse_when_stopped()
        ask = partial(self._session.request, method, url, headers=headers, stream=True, allow_redirects=False)
        try:
            response = within(CONNECT_S + READ_S, partial(ask, timeout=(CONNECT_S, READ_S)))
        except (requests.Timeout, TimeoutError) as error:
            raise unanswered(error, READ_S, answered=self._answered) from error
        except requests.RequestException as error:
            raise disconnected(error, answered=self._answered) from error
        self._answered = True
        return response

    def _check(self, response: requests.Response, headers: Mapping[str, str]) -> None:
        """Refuse an answer that carries no file."""
        found = f"HTTP status {response.status_code}"
        if busy(response):
            problem = asked_to_wait(response, found)
            if problem.wait_s < _PATIENCE.seconds:
                self._pace.hold(problem.wait_s)  # the other threads ask the same server
            raise problem
        if response.status_code == requests.codes.requested_range_not_satisfiable and headers:
            raise OtherContentError(f"{found} for what is still to come")
        if response.status_code not in (requests.codes.ok, requests.codes.partial_content):
            raise RefusedError(found, advice=ADDRESS_ADVICE)

    def _refuse_when_stopped(self) -> None:
        if self._stop.is_set():
            raise StoppedError


class _Part:
    """The file that a download is written to, and what the disk says against it. A context manager."""

    def __init__(self, path: Path, *, from_start: bool) -> None:
        self._path = path
        with keeping(path):
            self._stream = path.open("wb" if from_start else "ab")

    def write(self, chunk: bytes) -> None:
        """Add to the file, past every buffer of this process."""
        with keeping(self._path):
            self._stream.write(chunk)
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # what is still in the buffer has been refused, and said, before
            self._stream.close()


def _start(response: requests.Response, held: int, size: int) -> int:
    """Where the body begins in its file: a server may leave it unheeded that only the rest was asked for."""
    start, total = 0, response.headers.get("Content-Length", "*")
    if response.status_code == requests.codes.partial_content:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not (held and found and int(found.group(1)) == held):
            raise OtherContentError("a part that was not asked for")
        start, total = held, found.group(2)
    if _LENGTH.fullmatch(total) and int(total) != size:
        raise OtherContentError(f"{int(total):,} bytes where {size:,} were announced")
    return start


def redirected(url: str, response: requests.Response) -> str:
    """The address that a redirect names: on the same host, and as safe as before."""
    status = f"HTTP status {response.status_code}"
    try:
        target = urljoin(url, response.headers["Location"])
        here, there = urlsplit(url), urlsplit(target)
    except ValueError as error:
        raise RefusedError(f"{status}, a redirect to no address ({error})", advice=ADDRESS_ADVICE) from error
    found = f"{status}, a redirect to {there.scheme}://{there.netloc.rpartition('@')[2]}"
    if there.hostname != here.hostname or there.scheme not in ("http", "https"):
        raise RefusedError(f"{found}, another server", advice=ADDRESS_ADVICE)
    if here.scheme == "https" and there.scheme != "https":
        raise RefusedError(f"{found}, which nothing protects on its way", advice=ADDRESS_ADVICE)
    return target

"""The line to NCBI's E-utilities: paced, retried, bounded in time, and checked before an answer is believed."""

import json
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import quote, quote_plus, urlsplit

import requests

from search.errors import FetchError

EUTILS = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/"
TOOL = "pubmed-semantic-search"

_REQUESTS_PER_SECOND = 3
_REQUESTS_PER_SECOND_WITH_KEY = 10
_ATTEMPTS = 5
_BACKOFF_S = 0.5  # doubled after each attempt
_CONNECT_S = 10.0
_READ_S = 60.0
_LATER_ANSWER_S = 180.0  # for an answer after the first, its retries included
_BROKEN = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)

_OFFLINE_ADVICE = (
    "Check the network and the proxy settings, then run the same command again; "
    "`pubmed-index build` needs no network for files that are already on this machine."
)

_LATER_ADVICE = "Run the same command again in a few minutes: what is already in the folder is kept."
_REFUSED_ADVICE = "Correct the query or, if it is at fault, the key in NCBI_API_KEY, and run the command again."

T = TypeVar("T")


class Clock(Protocol):
    """What paces the requests; a test brings its own."""

    def now(self) -> float:
        """Seconds since any fixed moment."""

    def sleep(self, seconds: float) -> None:
        """Return after this many seconds."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        """Seconds that no change of the wall clock affects."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after this many seconds."""
        time.sleep(seconds)


SYSTEM_CLOCK = SystemClock()


class TransientError(Exception):
    """What was found instead of an answer may pass: it is worth asking again, after `wait_s` seconds at least."""

    def __init__(self, found: str, *, advice: str = _LATER_ADVICE, wait_s: float = 0.0) -> None:
        super().__init__(found)
        self.found, self.advice, self.wait_s = found, advice, wait_s


class RefusedError(Exception):
    """What was found instead of an answer will be found again: asking again is of no use."""

    def __init__(self, found: str, *, advice: str = _REFUSED_ADVICE) -> None:
        super().__init__(found)
        self.found, self.advice = found, advice


class Eutils:
    """A connection to the E-utilities, used as a context manager.

    `patience_s` bounds the first answer in all: looking up the name, connecting, reading and retrying.
    """

    def __init__(
        self, base_url: str, *, email: str | None, api_key: str | None, patience_s: float, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._base_url = base_url.rstrip("/") + "/"
        self._host = urlsplit(base_url).netloc.rpartition("@")[2] or base_url
        self._api_key = api_key or ""
        self._identity = {"tool": TOOL} | ({"email": email} if email else {}) | ({"api_key": api_key} if api_key else {})
        self._patience_s = patience_s
        self._clock = clock
        self._interval_s = 1 / (_REQUESTS_PER_SECOND_WITH_KEY if api_key else _REQUESTS_PER_SECOND)
        self._next_request = clock.now()
        self._answered = False
        self._session = requests.Session()
        self._session.headers["User-Agent"] = TOOL

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def ask(self, utility: str, parameters: dict[str, str], read: Callable[[bytes], T], expected: str) -> T:
        """What `read` makes of the answer of a utility (`esearch.fcgi`).

        What may pass is asked again until the attempts or the time run out; `read` raises TransientError for an answer
        that is not whole. Raises FetchError, which names what was `expected` and what was found.
        """
        seconds = _LATER_ANSWER_S if self._answered else self._patience_s
        deadline = self._clock.now() + seconds
        attempt = 1
        while True:
            try:
                answer = read(self._post(utility, parameters, deadline))
            except RefusedError as problem:
                raise self._error(expected, problem.found, problem.advice) from problem.__cause__
            except TransientError as problem:
                wait = max(problem.wait_s, _BACKOFF_S * 2 ** (attempt - 1))
                if attempt == _ATTEMPTS or self._clock.now() + wait >= deadline:
                    found = f"{problem.found} (attempt {attempt} of {_ATTEMPTS}, {seconds:g} s allowed in all)"
                    raise self._error(expected, found, problem.advice) from problem.__cause__
                self._clock.sleep(wait)
                attempt += 1
            else:
                self._answered = True
                return answer

    def _post(self, utility: str, parameters: dict[str, str], deadline: float) -> bytes:
        """The body of one answer of status 200 in which NCBI states no error."""
        self._keep_pace()
        remaining = max(deadline - self._clock.now(), 0.001)
        try:
            response = _within(remaining, partial(self._send, utility, parameters, remaining))
        except (requests.Timeout, TimeoutError) as error:
            raise self._unanswered(error, remaining) from error
        except requests.RequestException as error:
            raise self._disconnected(error) from error
        return _checked(response)

    def _send(self, utility: str, parameters: dict[str, str], remaining: float) -> requests.Response:
        """A redirect is not followed: it would carry the key to a machine that nobody named."""
        return self._session.post(
            self._base_url + utility,
            data=self._identity | parameters,
            timeout=(min(_CONNECT_S, remaining), min(_READ_S, remaining)),
            allow_redirects=False,
        )

    def _keep_pace(self) -> None:
        """Wait until NCBI's limit on requests per second allows another."""
        wait = self._next_request - self._clock.now()
        if wait > 0:
            self._clock.sleep(wait)
        self._next_request = self._clock.now() + self._interval_s

    def _unanswered(self, error: Exception, remaining: float) -> TransientError | RefusedError:
        """No answer came in time."""
        if isinstance(error, requests.ConnectTimeout) and not self._answered:
            return RefusedError(f"no connection within {min(_CONNECT_S, remaining):.3g} s", advice=_OFFLINE_ADVICE)
        return TransientError(f"no answer within {min(_READ_S, remaining):.3g} s", advice=_OFFLINE_ADVICE)

    def _disconnected(self, error: requests.RequestException) -> TransientError | RefusedError:
        """A connection that broke is tried again; one that was never made only once NCBI has answered before."""
        cause = _innermost(error)
        words = (isinstance(cause, OSError) and cause.strerror) or str(cause)
        if isinstance(error, requests.exceptions.ChunkedEncodingError) or isinstance(cause, _BROKEN):
            return TransientError(f"a connection that broke ({words})")
        if self._answered:
            return TransientError(f"no connection ({words})", advice=_OFFLINE_ADVICE)
        return RefusedError(f"no connection ({words})", advice=_OFFLINE_ADVICE)

    def _error(self, expected: str, found: str, advice: str) -> FetchError:
        """What the caller learns. It is chained past the problem, in whose text NCBI may have quoted the key."""
        return FetchError(self._without_key(f"Expected {expected} from {self._host}, found {found}. {advice}"))

    def _without_key(self, text: str) -> str:
        """NCBI and proxies quote what they were sent: the key never leaves in a sentence, plain or encoded."""
        for secret in {self._api_key, quote(self._api_key, safe=""), quote_plus(self._api_key)} - {""}:
            text = text.replace(secret, "***")
        return text


def _within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns, or TimeoutError after this many seconds.

    A thread, because the timeouts of a socket bound neither the look-up of a name nor an answer that trickles in.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised again where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result(timeout=seconds)


def _checked(response: requests.Response) -> bytes:
    """The body of an answer that carries neither an error status nor a stated error."""
    stated = stated_error(response.content)
    status = f"HTTP status {response.status_code}"
    found = f"{status} and the error {stated!r}" if stated else status
    if response.status_code == requests.codes.too_many_requests or response.status_code >= requests.codes.server_error:
        wait_s = _retry_after(response)
        raise TransientError(f"{found}, asking to wait {wait_s:g} s" if wait_s else found, wait_s=wait_s)
    if "rate limit" in stated.lower():
        raise TransientError(found)
    if response.is_redirect:
        raise RefusedError(f"{status}, a redirect to another address", advice=_OFFLINE_ADVICE)
    if stated or response.status_code != requests.codes.ok:
        raise RefusedError(found)
    return response.content


def json_of(body: bytes) -> Any:  # noqa: ANN401 - JSON holds anything; who asks for it converts it
    """The JSON of an answer, raw line breaks allowed: NCBI leaves them inside the strings of its errors."""
    return json.loads(body, strict=False)


def stated_error(body: bytes) -> str:
    """The error that an answer states (`ERROR` or `error`, in XML or JSON); "" where it states none."""
    if body.lstrip()[:1] == b"{":
        try:
            answer = json_of(body)
        except ValueError:
            return ""
        result = answer.get("esearchresult")
        stated = (result.get("ERROR") if isinstance(result, dict) else None) or answer.get("error")
        return " ".join(str(stated).split()) if stated else ""
    found = re.search(rb"<ERROR\b[^>]*>([^<]*)", body)
    return " ".join(found.group(1).decode(errors="replace").split()) or "ERROR" if found else ""


def _retry_after(response: requests.Response) -> float:
    """The seconds that an answer asks to wait (RFC 9110: a number of seconds or a date); 0.0 where it names none."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return 0.0


def _innermost(error: BaseException) -> BaseException:
    """The first cause: the operating system's own words stand three layers below what requests raises."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error

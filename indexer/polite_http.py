"""Asking a server politely: paced, asked again after growing pauses where that may help, and bounded in time."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar

import requests

TOOL = "pubmed-semantic-search"
CONNECT_S = 10.0
READ_S = 60.0
OFFLINE_ADVICE = (
    "Check the network and the proxy settings, then run the same command again; "
    "`pubmed-index build` needs no network for files that are already on this machine."
)
LATER_ADVICE = "Run the same command again in a few minutes: what is already in the folder is kept."

_BROKEN = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)

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
    """What was found instead of an answer may pass: it is worth asking again, after `wait_s` seconds at least.

    `went_on` says that the work got a good part further before it broke: the attempts are then counted anew.
    """

    def __init__(self, found: str, *, advice: str = LATER_ADVICE, wait_s: float = 0.0, went_on: bool = False) -> None:
        super().__init__(found)
        self.found, self.advice, self.wait_s, self.went_on = found, advice, wait_s, went_on


class RefusedError(Exception):
    """What was found instead of an answer will be found again: asking again is of no use."""

    def __init__(self, found: str, *, advice: str) -> None:
        super().__init__(found)
        self.found, self.advice = found, advice


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on asking: `attempts` that got no further, within `seconds` in all."""

    seconds: float
    attempts: int = 5
    backoff_s: float = 0.5  # doubled after each attempt


def persist(work: Callable[[float], T], patience: Patience, clock: Clock) -> T:
    """What `work` returns, which is told the moment by which it must; begun again as often as `patience` allows.

    Raises RefusedError as `work` does, and the last TransientError where the patience ends.
    """
    deadline, attempt = clock.now() + patience.seconds, 1
    while True:
        try:
            return work(deadline)
        except TransientError as problem:
            if problem.went_on:
                deadline, attempt = clock.now() + patience.seconds, 1
            wait = max(problem.wait_s, patience.backoff_s * 2 ** (attempt - 1))
            if attempt == patience.attempts or clock.now() + wait >= deadline:
                found = f"{problem.found} (attempt {attempt} of {patience.attempts}, {patience.seconds:g} s allowed in all)"
                raise TransientError(found, advice=problem.advice) from problem.__cause__
            clock.sleep(wait)
            attempt += 1


class Pace:
    """At most so many requests a second, whatever number of threads asks."""

    def __init__(self, requests_per_second: float, clock: Clock) -> None:
        self._interval_s = 1 / requests_per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._next = clock.now()

    def keep(self) -> None:
        """Wait until another request is allowed."""
        with self._lock:
            now = self._clock.now()
            begin = max(now, self._next)
            self._next = begin + self._interval_s
        if begin > now:
            self._clock.sleep(begin - now)

    def hold(self, seconds: float) -> None:
        """Allow no request for this many seconds: the server has asked for it."""
        with self._lock:
            self._next = max(self._next, self._clock.now() + seconds)


def within(seconds: float, work: Callable[[], T]) -> T:
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


def unanswered(error: Exception, remaining: float, *, answered: bool) -> TransientError | RefusedError:
    """No answer came within the `remaining` seconds; `answered` says whether the server has answered before."""
    if isinstance(error, requests.ConnectTimeout) and not answered:
        return RefusedError(f"no connection within {min(CONNECT_S, remaining):.3g} s", advice=OFFLINE_ADVICE)
    return TransientError(f"no answer within {min(READ_S, remaining):.3g} s", advice=OFFLINE_ADVICE)


def disconnected(error: Exception, *, answered: bool) -> TransientError | RefusedError:
    """A connection that broke is tried again; one that was never made only where the server has answered before."""
    if isinstance(error, requests.exceptions.ChunkedEncodingError) or isinstance(_innermost(error), _BROKEN):
        return broken(error)
    kind = TransientError if answered else RefusedError
    return kind(f"no connection ({_words(error)})", advice=OFFLINE_ADVICE)


def broken(error: Exception) -> TransientError:
    """A body did not come to its end."""
    return TransientError(f"a connection that broke ({_words(error)})")


def busy(response: requests.Response) -> bool:
    """Whether an answer says that a later one may be another."""
    later = (requests.codes.request_timeout, requests.codes.too_many_requests)
    return response.status_code in later or response.status_code >= requests.codes.server_error


def asked_to_wait(response: requests.Response, found: str) -> TransientError:
    """The problem of a busy server, with the time that it names."""
    wait_s = _retry_after(response)
    return TransientError(f"{found}, asking to wait {wait_s:g} s" if wait_s else found, wait_s=wait_s)


def _retry_after(response: requests.Response) -> float:
    """The seconds that an answer asks to wait (RFC 9110: a number of seconds or a date); 0.0 where it names none."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _words(error: Exception) -> str:
    """What an error says, in the operating system's words where it has some."""
    cause = _innermost(error)
    return (isinstance(cause, OSError) and cause.strerror) or str(cause)


def _innermost(error: BaseException) -> BaseException:
    """The first cause: the operating system's own words stand three layers below what requests raises."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error

"""The line to NCBI's E-utilities: paced, retried, bounded in time, and checked before an answer is believed."""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Self, TypeVar
from urllib.parse import quote, quote_plus, urlsplit

import requests

from indexer.polite_http import (
    CONNECT_S,
    OFFLINE_ADVICE,
    READ_S,
    SYSTEM_CLOCK,
    TOOL,
    Clock,
    Pace,
    Patience,
    RefusedError,
    TransientError,
    asked_to_wait,
    busy,
    disconnected,
    persist,
    unanswered,
    within,
)
from search.errors import FetchError

EUTILS = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/"

_REQUESTS_PER_SECOND = 3
_REQUESTS_PER_SECOND_WITH_KEY = 10
_LATER_ANSWER_S = 180.0  # for an answer after the first, its retries included

_REFUSED_ADVICE = "Correct the query or, if it is at fault, the key in NCBI_API_KEY, and run the command again."

T = TypeVar("T")


class Eutils:
    """A connection to the E-utilities, used as a context manager.

    `patience_s` bounds the first answer in all: looking up the name, connecting, reading and retrying.
    """

    def __init__(
        self, base_url: str, *, email: str | None, api_key: str | None, patience_s: float, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._base_url = base_url.rstrip("/") + "/"
        self._host = urlsplit(base_url).netloc.rpartition("@")[2] or base_url
        self._api_key = (api_key or "").strip()  # a key out of a file ends with a line break
        self._identity = {"tool": TOOL} | ({"email": email} if email else {})
        self._patience_s = patience_s
        self._clock = clock
        self._pace = Pace(_REQUESTS_PER_SECOND_WITH_KEY if self._api_key else _REQUESTS_PER_SECOND, clock)
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
        patience = Patience(_LATER_ANSWER_S if self._answered else self._patience_s)
        try:
            answer = persist(lambda deadline: read(self._post(utility, parameters, deadline)), patience, self._clock)
        except (RefusedError, TransientError) as problem:
            raise self._error(expected, problem.found, problem.advice) from problem.__cause__
        self._answered = True
        return answer

    def _post(self, utility: str, parameters: dict[str, str], deadline: float) -> bytes:
        """The body of one answer of status 200 in which NCBI states no error."""
        self._pace.keep()
        remaining = max(deadline - self._clock.now(), 0.001)
        try:
            response = within(remaining, partial(self._send, utility, parameters, remaining))
        except (requests.Timeout, TimeoutError) as error:
            raise unanswered(error, remaining, answered=self._answered) from error
        except requests.RequestException as error:
            raise disconnected(error, answered=self._answered) from error
        return self._checked(response)

    def _send(self, utility: str, parameters: dict[str, str], remaining: float) -> requests.Response:
        """A redirect is not followed: it would carry the key to a machine that nobody named."""
        key = {"api_key": self._api_key} if self._api_key else {}
        return self._session.post(
            self._base_url + utility,
            data=self._identity | key | parameters,
            timeout=(min(CONNECT_S, remaining), min(READ_S, remaining)),
            allow_redirects=False,
        )

    def _checked(self, response: requests.Response) -> bytes:
        """The body of an answer that carries neither an error status nor a stated error.

        NCBI quotes what it was sent: the key is taken out before the words become an exception's.
        """
        stated = self._without_key(stated_error(response.content))
        status = f"HTTP status {response.status_code}"
        found = f"{status} and the error {stated!r}" if stated else status
        if busy(response):
            raise asked_to_wait(response, found)
        if "rate limit" in stated.lower():
            raise TransientError(found)
        if response.is_redirect:
            raise RefusedError(f"{status}, a redirect to another address", advice=OFFLINE_ADVICE)
        if stated or response.status_code != requests.codes.ok:
            raise RefusedError(found, advice=_REFUSED_ADVICE)
        return response.content

    def _error(self, expected: str, found: str, advice: str) -> FetchError:
        """What the caller learns, without the key, which a proxy's words may quote as well."""
        return FetchError(self._without_key(f"Expected {expected} from {self._host}, found {found}. {advice}"))

    def _without_key(self, text: str) -> str:
        """NCBI and proxies quote what they were sent: the key never leaves in a sentence, plain or encoded."""
        for secret in {self._api_key, quote(self._api_key, safe=""), quote_plus(self._api_key)} - {""}:
            text = text.replace(secret, "***")
        return text


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

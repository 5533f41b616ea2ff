"""A contender in a process of its own, whose peak memory is its own and whose threads are nobody else's."""

import contextlib
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Self

from indexer.encode_contender import Contender, Facts, Round, Tell
from search.article import Article
from search.errors import EncoderError, PubMedSearchError

_SECONDS_TO_LEAVE = 3.0


class ContenderProcess:
    """Runs one contender."""

    def __init__(self, contender: Contender) -> None:
        # Not forked: libraries with threads of their own do not survive that.
        context = multiprocessing.get_context("spawn")
        self.contender = contender
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, contender), daemon=True)
        with _deaf_to_interrupts():
            self._process.start()
        theirs.close()

    @classmethod
    @contextlib.contextmanager
    def running(cls, contender: Contender) -> Iterator[Self]:
        """A process that is ended when it is not needed any more."""
        process = cls(contender)
        try:
            yield process
            process.leave()
        finally:
            process.stop()

    def facts(self, articles: Sequence[Article]) -> Facts | None:
        """Wait until the contender is loaded, and give it what it is to encode. Raises EncoderError."""
        self._receive()
        self._pipe.send(list(articles))
        answer = self._receive()
        return answer if isinstance(answer, Facts) else None

    def round(self, tell: Tell) -> Round:
        """Encode all articles once, telling how many more are done. Raises EncoderError where that fails."""
        self._pipe.send(True)  # one more round is wanted
        while not isinstance(answer := self._receive(), Round):
            if isinstance(answer, int):
                tell(answer)
        return answer

    def leave(self) -> None:
        """Let the process leave by itself, which it does when nobody is at the other end."""
        self._pipe.close()
        self._process.join(_SECONDS_TO_LEAVE)

    def stop(self) -> None:
        """Stop the process, whatever it is doing: it holds nothing that must be kept."""
        self._process.terminate()
        self._process.join(_SECONDS_TO_LEAVE)
        self._process.kill()  # of use where it hears no signal, within a library
        self._process.join()
        self._pipe.close()

    def _receive(self) -> object:
        try:
            answer = self._pipe.recv()
        except (EOFError, ConnectionError) as error:
            raise EncoderError(
                f"The process that encoded with {self.contender.name} ended before it was done: memory may be short. "
                "Close other programs, or give a smaller --encoder or --count."
            ) from error
        if isinstance(answer, PubMedSearchError):
            raise answer
        return answer


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """What is started in here inherits that it ignores a terminal's Ctrl-C: the command hears it, and stops what it started."""
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, heard)


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Be stopped without a word, but in order: killed outright, a process leaves semaphores behind, and Python says so."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _serve(pipe: Connection, contender: Contender) -> None:
    """The process: load, say so, take the articles, then encode them as often as is asked."""
    with contextlib.suppress(EOFError, ConnectionError), _stoppable():
        try:
            loaded = contender.load()
            pipe.send(None)
            articles = pipe.recv()
            pipe.send(loaded.facts(articles))
            while pipe.recv():
                pipe.send(loaded.round(articles, pipe.send))
        except PubMedSearchError as error:
            pipe.send(error)

"""Work on several things at a time, in threads that a Ctrl-C ends."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

_TICK_S = 0.2
_JOIN_S = 5.0  # for all threads together; one that hangs in the look-up of a name ends with the process

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Done(Generic[R]):
    result: R


def side_by_side(
    work: Callable[[T], R],
    items: Sequence[T],
    threads: int,
    *,
    on_result: Callable[[R], None],
    on_tick: Callable[[], None],
    halt: Callable[[], None],
) -> None:
    """Call `work` for every item, in order, in so many threads; the other three are called in the caller's thread.

    `on_tick` is called a few times a second. What is raised in a thread or by a callback, Ctrl-C included, ends
    all of it: `halt` is called, which is to make running work end soon, and the threads are waited for.
    """
    waiting: SimpleQueue[T] = SimpleQueue()
    for item in items:
        waiting.put(item)
    results: SimpleQueue[_Done[R] | BaseException] = SimpleQueue()
    halted = threading.Event()
    run = _worker(work, waiting, results, halted)
    # Threads of our own: an executor's are waited for at the end of the process, however long they hang.
    workers = [threading.Thread(target=run, daemon=True) for _ in range(min(threads, len(items)))]
    try:
        for worker in workers:
            worker.start()
        _collect(results, len(items), on_result, on_tick)
    except BaseException:
        halted.set()
        halt()
        for worker in workers:
            if worker.ident is not None:
                worker.join(_JOIN_S / len(workers))
        raise
    for worker in workers:
        worker.join()


def _worker(
    work: Callable[[T], R],
    waiting: "SimpleQueue[T]",
    results: "SimpleQueue[_Done[R] | BaseException]",
    halted: threading.Event,
) -> Callable[[], None]:
    """What each thread runs."""

    def run() -> None:
        while not halted.is_set():
            try:
                item = waiting.get_nowait()
            except Empty:
                return
            try:
                results.put(_Done(work(item)))
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                results.put(error)
                return

    return run


def _collect(
    results: "SimpleQueue[_Done[R] | BaseException]",
    remaining: int,
    on_result: Callable[[R], None],
    on_tick: Callable[[], None],
) -> None:
    """Pass so many results on, and raise what a thread raised."""
    while remaining:
        try:
            done = results.get(timeout=_TICK_S)
        except Empty:
            on_tick()
            continue
        if isinstance(done, BaseException):
            raise done
        remaining -= 1
        on_result(done.result)
        on_tick()

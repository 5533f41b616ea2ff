import threading
from dataclasses import dataclass

import pytest

from search.errors import BrokenIndex, NoIndex
from ui.current_searcher import CurrentSearcher


@dataclass
class Generation:
    """As much of a searcher as the handle looks at."""

    number: int
    current: bool = True

    def is_current(self) -> bool:
        return self.current


class Folder:
    """Opens one generation after another; raises the errors it is given first."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.opened: list[Generation] = []

    def open(self) -> Generation:
        if self.errors:
            raise self.errors.pop(0)
        self.opened.append(Generation(len(self.opened) + 1))
        return self.opened[-1]


def test_the_index_is_opened_once() -> None:
    folder = Folder()
    handle = CurrentSearcher(folder.open)  # type: ignore[arg-type]
    assert handle() is handle()
    assert len(folder.opened) == 1


def test_a_newer_generation_takes_over_and_the_old_one_stays_usable() -> None:
    folder = Folder()
    handle = CurrentSearcher(folder.open)  # type: ignore[arg-type]
    old = handle()
    folder.opened[0].current = False
    assert handle() is folder.opened[1]
    assert handle() is not old


def test_an_index_that_appears_later_is_found() -> None:
    folder = Folder(NoIndex("nothing here"), BrokenIndex("cut short"))
    handle = CurrentSearcher(folder.open)  # type: ignore[arg-type]
    for error in (NoIndex, BrokenIndex):
        with pytest.raises(error):
            handle()
    assert handle() is folder.opened[0]


def test_many_visitors_open_it_once() -> None:
    folder = Folder()
    handle = CurrentSearcher(folder.open)  # type: ignore[arg-type]
    visitors = [threading.Thread(target=handle) for _ in range(20)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert len(folder.opened) == 1

"""A page drawn over a searcher without an index, and one that is served."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from searcher_double import SearcherDouble, made_up_article
from streamlit.testing.v1 import AppTest

from search.article import Article

ROOT = Path(__file__).parents[2]


@pytest.fixture
def double() -> SearcherDouble:
    return SearcherDouble()


@pytest.fixture
def retracted() -> Article:
    return replace(made_up_article(7), publication_types=("Journal Article", "Retracted Publication"))


def page_script(get_searcher, folder="an index"):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """What AppTest runs: the source of this function, as a script."""
    from ui.page import show

    show(get_searcher, folder)


class PageUnderTest:
    """The page as AppTest sees it, with readers for what it shows."""

    def __init__(self, get_searcher: Callable[[], SearcherDouble], parameters: dict[str, str]) -> None:
        arguments = {"get_searcher": get_searcher}
        self.app = AppTest.from_function(page_script, kwargs=arguments, default_timeout=20)
        for name, value in parameters.items():
            self.app.query_params[name] = value
        self.app.run()

    @property
    def html(self) -> str:
        """All markup that the page emits by itself, in order."""
        return "\n".join(element.proto.body for element in self.app.get("html") if "<style>" not in element.proto.body)

    @property
    def parameters(self) -> dict[str, str]:
        """The URL's parameters."""
        given = self.app.query_params.items()
        return {name: value if isinstance(value, str) else value[0] for name, value in given}

    @property
    def buttons(self) -> list[str]:
        return [button.label for button in self.app.button]

    @property
    def hits(self) -> int:
        return self.html.count("<article>")

    def press(self, label: str, position: int = 0) -> "PageUnderTest":
        [button for button in self.app.button if button.label == label][position].click().run()
        return self


@pytest.fixture
def open_page(double: SearcherDouble) -> Callable[..., PageUnderTest]:
    def opened(get_searcher: Callable[[], SearcherDouble] = lambda: double, **parameters: str) -> PageUnderTest:
        return PageUnderTest(get_searcher, parameters)

    return opened


@contextmanager
def served(*arguments: str, seconds: float = 60) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run ``pubmed-ui`` until the block ends; gives the address that it printed, and the process."""
    command = [sys.executable, "-m", "ui.launch", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(seconds, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("The page is at http://"), f"{line!r} {process.communicate()[1]}"
        yield line.split()[-1], process
    finally:
        watchdog.cancel()
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(name="served", scope="session")
def served_fixture() -> Callable[..., object]:
    return served

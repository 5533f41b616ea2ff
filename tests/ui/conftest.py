"""A page drawn over a searcher without an index, one that is served, and a browser that looks at it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browsing import FLAGS
from playwright.sync_api import Browser, Page, expect, sync_playwright
from searcher_double import SearcherDouble, made_up_article
from served_page import served
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from search.article import Article
from search.saved_searches import SavedSearches


@pytest.fixture
def double() -> SearcherDouble:
    return SearcherDouble()


@pytest.fixture
def retracted() -> Article:
    return replace(made_up_article(7), publication_types=("Journal Article", "Retracted Publication"))


def page_script(get_searcher, saved=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """What AppTest runs: the source of this function, as a script."""
    from ui.page import show

    show(get_searcher, "an index", saved)


class PageUnderTest:
    """The page as AppTest sees it, with readers for what it shows."""

    def __init__(
        self, get_searcher: Callable[[], SearcherDouble], saved: SavedSearches | None, parameters: dict[str, str]
    ) -> None:
        arguments = {"get_searcher": get_searcher, "saved": saved}
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
        return [label_of(button) for button in self.app.button]

    @property
    def disabled(self) -> set[str]:
        """The labels of the buttons that cannot be pressed."""
        return {label_of(button) for button in self.app.button if button.disabled}

    @property
    def hits(self) -> int:
        return self.html.count("<article>")

    def press(self, label: str, position: int = 0) -> "PageUnderTest":
        [button for button in self.app.button if label_of(button) == label][position].click().run()
        return self


def label_of(button: Button) -> str:
    """A label without what has no width."""
    return button.label.replace("\u2060", "")


@pytest.fixture
def open_page(double: SearcherDouble) -> Callable[..., PageUnderTest]:
    def opened(
        get_searcher: Callable[[], SearcherDouble] = lambda: double, saved: SavedSearches | None = None, **parameters: str
    ) -> PageUnderTest:
        return PageUnderTest(get_searcher, saved, parameters)

    return opened


@pytest.fixture(name="served", scope="session")
def served_fixture() -> Callable[..., object]:
    return served


@pytest.fixture(scope="module")
def url(built_index: Path) -> Iterator[str]:
    """The page over the index of the shipped sample."""
    with served("--index", str(built_index)) as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs a browser: apt-get install chromium (Debian package `chromium`)")
    with sync_playwright() as playwright:
        # The first question loads the encoder.
        expect.set_options(timeout=60_000)
        launched = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture
def open_tab(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens tabs, of a width or in a colour scheme; whatever they show, they may ask no machine but this one for anything."""
    tabs: list[Page] = []
    hosts: set[str | None] = set()

    def opened(**options: Any) -> Page:
        tab = browser.new_page(**options)
        tab.set_default_timeout(60_000)
        tab.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        tabs.append(tab)
        return tab

    yield opened
    for tab in tabs:
        tab.close()
    assert hosts <= {"127.0.0.1", None}  # data: and blob: have none


@pytest.fixture
def page(open_tab: Callable[..., Page]) -> Page:
    return open_tab()

"""A page drawn over a searcher without an index, and one that is served."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from searcher_double import SearcherDouble, made_up_article
from served_page import served
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from search.article import Article


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
        return [label_of(button) for button in self.app.button]

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
    def opened(get_searcher: Callable[[], SearcherDouble] = lambda: double, **parameters: str) -> PageUnderTest:
        return PageUnderTest(get_searcher, parameters)

    return opened


@pytest.fixture(name="served", scope="session")
def served_fixture() -> Callable[..., object]:
    return served

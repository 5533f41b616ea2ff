"""A searcher without an index, and a page drawn over it."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from search.article import AbstractSection, Article, Author, Flag
from search.filters import Filters
from search.results import IndexSummary, Mode, SearchResult, SearchResults, Understanding, Why

ROOT = Path(__file__).parents[2]
SUMMARY = IndexSummary(articles=29457, last_file="pubmed26n1334.xml.gz", updated="2026-01-03", encoder="embedded")
AS_TYPED = Understanding("")


def made_up_article(pmid: int) -> Article:
    """One of a row of articles, a year apart."""
    return Article(
        pmid=pmid,
        title=f"Statins and muscle pain, part {pmid}.",
        sections=(
            AbstractSection("Muscle pain was rare.", "RESULTS", "RESULTS"),
            AbstractSection("It is safe.", "CONCLUSIONS"),
        ),
        authors=(Author("Smith", "Jane", "J"),),
        journal="The Lancet",
        year=1990 + pmid % 40,
        publication_types=("Journal Article", "Randomized Controlled Trial"),
    )


@dataclass
class SearcherDouble:
    """Answers with its articles in their order, keeps what it was asked, and fails where it is told to."""

    articles: list[Article] = field(default_factory=lambda: [made_up_article(pmid) for pmid in range(1, 61)])
    error: Exception | None = None
    corpus_note: str = "The abstracts of the sample are summaries."
    current: bool = True
    asked: list[tuple[object, int, Filters]] = field(default_factory=list)
    summary: IndexSummary = SUMMARY
    understood: Understanding = AS_TYPED

    def search(self, query: str, k: int = 10, filters: Filters | None = None, mode: Mode | str = Mode.HYBRID) -> SearchResults:
        if self.error is not None:
            raise self.error
        return self._answer(query, self.articles, k, filters or Filters(), Mode(mode))

    def similar(
        self, pmids: Sequence[int], unlike: Sequence[int] = (), k: int = 10, filters: Filters | None = None
    ) -> SearchResults:
        others = [article for article in self.articles if article.pmid not in pmids]
        return self._answer(tuple(pmids), others, k, filters or Filters(), Mode.DENSE)

    def article(self, pmid: int) -> Article | None:
        return next((article for article in self.articles if article.pmid == pmid), None)

    def is_current(self) -> bool:
        return self.current

    def _answer(self, asked: object, articles: list[Article], k: int, filters: Filters, mode: Mode) -> SearchResults:
        self.asked.append((asked, k, filters))
        first, last = filters.year_from or 0, filters.year_to or 9999
        in_range = [article for article in articles if first <= (article.year or 0) <= last]
        kept = [article for article in in_range if filters.include_retracted or Flag.RETRACTED not in article.flags]
        hits = tuple(
            SearchResult(rank, article.pmid, 1 / rank, article, self._why(rank, mode))
            for rank, article in enumerate(kept[:k], start=1)
        )
        hidden = len(in_range) - len(kept)
        return SearchResults(str(asked), mode, filters, 23.2, hidden, self.summary, hits, self.understood)

    def _why(self, rank: int, mode: Mode) -> Why:
        """By both legs, by meaning alone and by words alone in turn; by meaning where nothing else was asked."""
        by_meaning, by_words = Why(rank, 1 / rank), Why(lexical_rank=rank, lexical_score=3.5)
        both = Why(rank, 1 / rank, rank, 3.5)
        return by_meaning if mode is Mode.DENSE else (both, by_meaning, by_words)[(rank - 1) % 3]


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

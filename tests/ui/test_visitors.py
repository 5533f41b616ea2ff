"""Many visitors at once, each in a session of its own, over one index and one encoder."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
from served_page import Shown, Visitor, served

from search import Searcher
from ui.address import PAGE_SIZE

QUESTIONS = ["statins", "pain of newborns", "bones", "sleep", "depression", "migraine", "the gut", "cancer of the breast"]
# The index of the sample and its encoder take more; a session's own part is its page.
MOST_FOR_A_SESSION = 8e6


def test_visitors_get_their_own_answers_from_one_index(built_index: Path) -> None:
    with Searcher.open(built_index) as searcher:
        expected = {question: [hit.article.title for hit in searcher.search(question, PAGE_SIZE)] for question in QUESTIONS}
    with served("--index", str(built_index)) as (url, process):
        shown, growth = asyncio.run(visit(url, psutil.Process(process.pid)))
    assert [one.heading for one in shown] == [f"Results for “{question}”" for question in QUESTIONS * 2]
    assert [one.titles for one in shown] == [expected[question] for question in QUESTIONS * 2]
    assert growth < len(QUESTIONS) * MOST_FOR_A_SESSION


async def visit(url: str, server: psutil.Process) -> tuple[list[Shown], int]:
    """What each visitor saw, two questions each, all at once, and the bytes that the server grew by for all but the first."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Visitor.arriving(url))
        for question in QUESTIONS:
            await first.ask(question)
        before = server.memory_info().rss
        others = [await stack.enter_async_context(Visitor.arriving(url)) for _ in QUESTIONS[1:]]
        visitors = [first, *others]
        shown: list[Shown] = []
        for _ in range(2):
            shown += await asyncio.gather(*map(Visitor.ask, visitors, QUESTIONS))
        return shown, server.memory_info().rss - before

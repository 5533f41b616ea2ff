"""How fast the page is, and what twenty visitors cost it: INDEX QUESTIONS.

First in a browser, one visitor: from Enter to the first hit of the answer on the screen, for 30 questions. Then without one, in
the page's own protocol: 20 sessions each ask a question every 10 seconds, 200 in all, with the memory of the server before and
after. Every answer must be the one that its own question has. QUESTIONS is a `queries.jsonl` with a `text` in each row.
"""

import asyncio
import itertools
import json
import random
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import psutil
from browsing import FLAGS, settled
from playwright.sync_api import Page, sync_playwright
from served_page import Shown, Visitor, served

from search import Searcher
from ui.address import PAGE_SIZE

IN_BROWSER = 30
VISITORS, EACH_SECONDS, ROUNDS = 20, 10.0, 10
SHORTEST = 8  # shorter ones are names of things

# Resolves with the milliseconds from Enter until a first hit of the wanted title is in the page, and a frame with it was drawn.
_FIRST_HIT = """([heading, title]) => new Promise(resolve => {
  let pressed = null;
  addEventListener('keydown', event => { if (event.key === 'Enter' && pressed === null) pressed = performance.now(); }, true);
  const look = () => {
    const link = document.querySelector('article h3 [dir=auto]');
    const said = document.querySelector('.answer h2');
    if (pressed !== null && said && said.textContent.includes(heading) && link && link.textContent === title)
      return requestAnimationFrame(() => resolve(performance.now() - pressed));
    requestAnimationFrame(look);
  };
  look();
})"""


def main() -> None:
    index, (in_browser, by_visitors, first) = sys.argv[1], draw_questions(Path(sys.argv[2]))
    with Searcher.open(index) as searcher:
        titles = {
            question: [hit.article.title for hit in searcher.search(question, PAGE_SIZE)]
            for question in (*in_browser, *by_visitors, *first)
        }
    with served("--index", index) as (url, process):
        say("Enter to the first hit, in the browser", browse(url, in_browser, titles))
        asyncio.run(visit(url, first, by_visitors, titles, psutil.Process(process.pid)))


def draw_questions(path: Path) -> tuple[list[str], list[str], list[str]]:
    """Questions for the browser, for the visitors, and for each visitor to begin with: drawn by chance, always the same."""
    rows = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    long = sorted({text for text in rows if len(text) >= SHORTEST})
    drawn = iter(random.Random(0).sample(long, IN_BROWSER + VISITORS * ROUNDS + VISITORS))
    in_browser, by_visitors, first = (
        list(itertools.islice(drawn, count)) for count in (IN_BROWSER, VISITORS * ROUNDS, VISITORS)
    )
    return in_browser, by_visitors, first


def browse(url: str, questions: Sequence[str], titles: dict[str, list[str]]) -> list[float]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(f"{url}/?q=warm")
        page.locator("article").first.wait_for()
        seconds = [ask(page, question, titles[question][0]) for question in questions]
        browser.close()
        return seconds


def ask(page: Page, question: str, title: str) -> float:
    """Type as a person does, then press Enter; gives the seconds until the first hit is seen."""
    settled(page)
    page.get_by_label("Your question").fill(question)
    page.evaluate(f"window.firstHit = ({_FIRST_HIT})({json.dumps([question, title])}); null")
    page.keyboard.press("Enter")
    return float(page.evaluate("window.firstHit")) / 1000


async def visit(
    url: str, first: Sequence[str], questions: Sequence[str], titles: dict[str, list[str]], server: psutil.Process
) -> None:
    async with AsyncExitStack() as stack:
        visitors = [await stack.enter_async_context(Visitor.arriving(url)) for _ in range(VISITORS)]
        for visitor, question in zip(visitors, first, strict=True):
            check(await visitor.ask(question), question, titles)
        before = server.memory_info().rss
        plans = ((visitor, questions[place::VISITORS], place) for place, visitor in enumerate(visitors))
        shown = await asyncio.gather(*(keep_asking(*plan, titles) for plan in plans))
        after = server.memory_info().rss
    answers = list(itertools.chain.from_iterable(shown))
    what = f"{VISITORS} sessions, {len(answers)} questions, one each every {EACH_SECONDS:.0f} s"
    say(f"{what}: to the first hit", [one.first_hit_after or 0 for one in answers])
    say("the same, to the whole page", [one.whole_after for one in answers])
    change = after / before - 1
    sys.stdout.write(f"memory of the server: {before / 1e6:,.0f} MB before, {after / 1e6:,.0f} MB after, {change:+.1%}\n")


async def keep_asking(visitor: Visitor, questions: Sequence[str], place: int, titles: dict[str, list[str]]) -> list[Shown]:
    """Ask a question every ten seconds; visitors begin one after the other."""
    shown = []
    begin = time.perf_counter() + place * EACH_SECONDS / VISITORS
    for turn, question in enumerate(questions):
        await asyncio.sleep(max(0.0, begin + turn * EACH_SECONDS - time.perf_counter()))
        shown.append(await visitor.ask(question))
        check(shown[-1], question, titles)
    return shown


def check(shown: Shown, question: str, titles: dict[str, list[str]]) -> None:
    """An answer must be that of its own question, whoever else asks at the same time."""
    if question not in shown.heading or shown.titles != titles[question]:
        raise SystemExit(f"{question!r} was answered with {shown.heading!r}: {shown.titles} instead of {titles[question]}")


def say(what: str, seconds: Sequence[float]) -> None:
    median, late = np.percentile(seconds, [50, 95])
    sys.stdout.write(f"{what}: median {median:.2f} s, 95th percentile {late:.2f} s, longest {max(seconds):.2f} s\n")


main()

"""The page in Chromium: how it is started, and what tests do there over and over."""

import re

from playwright.sync_api import Locator, Page, expect

QUESTION = "Do statins cause muscle pain?"
# Without a sandbox, which containers lack, and asking nobody for anything.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def hits(page: Page, count: int = 20) -> Locator:
    """The linked titles of the hits, once all of them are drawn."""
    links = page.locator("article h3 a")
    expect(links).to_have_count(count)
    return links


def titles(page: Page, count: int = 20) -> list[str]:
    """The titles of the hits."""
    return hits(page, count).all_inner_texts()


def settled(page: Page) -> None:
    """Wait until the page is drawn to its end."""
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_attached()


def ask(page: Page, url: str, question: str = QUESTION) -> list[str]:
    page.goto(url)
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    return titles(page)


def pmids(page: Page, count: int = 20) -> list[int]:
    """The PMIDs of the hits."""
    addresses = (link.get_attribute("href") or "" for link in hits(page, count).all())
    return [int(found[1]) for address in addresses if (found := re.search(r"(\d+)/$", address))]

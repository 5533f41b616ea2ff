"""The page in Debian's Chromium, served by ``pubmed-ui`` from a real index."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs a browser: apt-get install chromium (Debian package `chromium`)"
)

QUESTION = "Do statins cause muscle pain?"
HOSTILE = (
    "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script> **b** $x^2$ :red[r] [l](javascript:window.hacked=1)"
)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
Served = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # The first question loads the encoder.
        expect.set_options(timeout=60_000)
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def url(built_index: Path, served: Served) -> Iterator[str]:
    """The page over the index of the shipped sample."""
    with served("--index", str(built_index), seconds=600) as (address, _):
        yield address


@pytest.fixture(scope="session")
def hostile_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of records whose every text is an attempt to be run or formatted."""
    folder = tmp_path_factory.mktemp("hostile")
    records = [{"pmid": pmid, "title": f"{HOSTILE} {pmid}", "abstract": HOSTILE, "journal": HOSTILE} for pmid in (1, 2, 3)]
    source = folder / "records.jsonl"
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    command = [sys.executable, "-m", "indexer.cli", "build", str(source), "--index", str(folder / "index")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder / "index"


def titles(page: Page, count: int = 10) -> list[str]:
    """The titles of the hits, once all of them are drawn."""
    links = page.locator("article h3 a")
    expect(links).to_have_count(count)
    return links.all_inner_texts()


def test_a_search_can_be_typed_shared_and_stepped_back(page: Page, url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    page.get_by_label("Your question").fill(QUESTION)
    page.keyboard.press("Enter")
    first = titles(page)
    assert "q=Do+statins+cause+muscle+pain" in page.url
    page.reload()
    expect(page.locator("article h3 a")).to_have_text(first)
    page.get_by_role("button", name="Similar articles").first.click()
    expect(page.get_by_role("heading", name="Similar to")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Results for")).to_be_visible()
    expect(page.locator("article h3 a")).to_have_text(first)
    # The page works without a network: nothing but this server is asked for anything.
    assert [other for other in asked if not other.startswith((url, "data:", "blob:"))] == []


def test_records_cannot_run_or_format_anything(served: Served, page: Page, hostile_index: Path) -> None:
    with served("--index", str(hostile_index)) as (url, _):
        page.goto(url)
        page.get_by_label("Your question").fill(HOSTILE)
        page.keyboard.press("Enter")
        assert sorted(titles(page, 3)) == [f"{HOSTILE} {pmid}" for pmid in (1, 2, 3)]
        page.get_by_text("Abstract", exact=True).first.click()
        expect(page.locator(".details").first).to_contain_text(HOSTILE)
        expect(page.get_by_role("heading", name="Results for")).to_contain_text(HOSTILE)
        assert page.evaluate("window.hacked") is None
        assert page.locator("article script, article img, .details img, a[href^='javascript:']").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1400, "light"), (1400, "dark")])
def test_it_fits_narrow_and_wide_windows(browser: Browser, url: str, width: int, scheme: Any) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(f"{url}/?q=statins")
    titles(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.querySelector('article').clientWidth") < 850
    assert page.locator("h1").count() == 1
    assert contrast(page, "article h3 a") > 4.5
    assert contrast(page, ".byline") > 4.5
    page.close()


def contrast(page: Page, selector: str) -> float:
    """The contrast between an element's text and the page, from 1 to 21, as WCAG 2.2 defines it."""
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.querySelector({name!r})).{part}")
        for name, part in ((selector, "color"), (".stApp", "backgroundColor"))
    )
    lighter, darker = sorted((luminance(ink), luminance(paper)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    """The relative luminance of a CSS colour such as ``rgb(26, 79, 143)``."""
    shares = [int(channel) / 255 for channel in re.findall(r"\d+", color)[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_no_index_is_a_state_of_the_page(served: Served, page: Page, tmp_path: Path) -> None:
    with served("--index", str(tmp_path)) as (url, _):
        page.goto(url)
        expect(page.get_by_role("heading", name="There is no index yet")).to_be_visible()
        expect(page.get_by_text("pubmed-index build").first).to_be_visible()

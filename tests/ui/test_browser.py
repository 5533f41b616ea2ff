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
from axe_playwright_python.sync_playwright import Axe
from browsing import FLAGS
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


def titles(page: Page, count: int = 20) -> list[str]:
    """The titles of the hits, once all of them are drawn."""
    links = page.locator("article h3 a")
    expect(links).to_have_count(count)
    return links.all_inner_texts()


def settled(page: Page) -> None:
    """Wait until the page is drawn to its end."""
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_attached()


def ask(page: Page, url: str, question: str = QUESTION) -> list[str]:
    page.goto(url)
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")
    return titles(page)


def test_a_search_can_be_typed_shared_and_stepped_back(page: Page, url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    first = ask(page, url)
    assert "q=Do+statins+cause+muscle+pain" in page.url
    page.reload()
    expect(page.locator("article h3 a")).to_have_text(first)
    page.get_by_role("button", name="More like this").first.click()
    expect(page.get_by_role("heading", name="Similar to")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Results for")).to_be_visible()
    expect(page.locator("article h3 a")).to_have_text(first)
    page.get_by_role("button", name="Map").click()
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_have_count(2)
    settled(page)
    # The page works without a network: nothing but this server is asked for anything.
    assert [other for other in asked if not other.startswith((url, "data:", "blob:"))] == []


def test_years_are_dragged_over(page: Page, url: str) -> None:
    before = ask(page, url)
    settled(page)
    box = page.locator("[data-testid=stVegaLiteChart]").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.95, box["y"] + box["height"] * 0.4, steps=8)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"from=\d{4}&to=\d{4}"))
    first, last = map(int, re.findall(r"(?:from|to)=(\d{4})", page.url))
    chip = page.get_by_role("button", name=f"Years {first} to {last}")
    expect(chip).to_be_visible()
    settled(page)
    bylines = page.locator(".byline").all_inner_texts()
    years = [int(found[0]) for line in bylines if (found := re.search(r"\d{4}$", line))]
    assert years
    assert all(first <= year <= last for year in years)
    chip.click()
    expect(page.locator("article h3 a")).to_have_text(before)


def test_why_a_hit_is_there_and_all_of_its_text(page: Page, url: str) -> None:
    ask(page, url)
    card = page.locator("article").first
    expect(card.locator("mark").first).to_be_visible()
    expect(card.locator("dl")).to_be_hidden()
    card.get_by_text("Why this hit").click()
    expect(card.locator("dl")).to_contain_text("By meaning")
    card.get_by_text("Abstract", exact=True).click()
    expect(card.locator(".details")).to_contain_text("Citation")


def test_picked_articles_become_a_file_and_a_question(page: Page, url: str) -> None:
    ask(page, url)
    for picked in (1, 2):
        page.get_by_role("button", name="Add to basket").first.click()
        expect(page.get_by_role("button", name="✓ In the basket")).to_have_count(picked)
    page.get_by_role("button", name="Basket (2)").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 2 articles").click()
    text = Path(download.value.path()).read_text()
    assert (text.count("TY  - JOUR"), text.count("ER  -")) == (2, 2)
    assert download.value.suggested_filename == "pubmed-basket.ris"
    page.get_by_role("button", name="Find more like these").click()
    expect(page.get_by_role("heading", name="Similar to 2 articles")).to_be_visible()


def test_a_search_is_saved_and_found_again(page: Page, url: str) -> None:
    ask(page, url)
    page.get_by_role("button", name="Save search").click()
    page.get_by_label("Name").fill("Muscles *and* :red[pain]")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved as Muscles")).to_be_visible()
    page.goto(url)
    page.get_by_role("button", name="red[").click()
    titles(page)
    expect(page.get_by_text("0 new since somebody last looked")).to_be_visible()


def test_the_keyboard_is_enough(page: Page, url: str) -> None:
    page.goto(url)
    box = page.get_by_label("Your question")
    expect(box).to_be_visible()
    settled(page)
    for _ in range(12):
        page.keyboard.press("Tab")
        if box.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.type("statins")
    page.keyboard.press("Enter")
    titles(page)
    settled(page)
    summary = page.locator("article summary").first
    for _ in range(60):
        page.keyboard.press("Tab")
        if summary.evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("article dl").first).to_be_visible()


# Streamlit's own parts, not this page's: each rule is left out for the elements that it names alone.
CHROME = {"svg-img-alt": 'role="graphics-symbol"'}  # the marks within a chart: the chart as a whole has its text


def violations(page: Page) -> list[str]:
    """What axe-core finds that is serious or critical, with the elements where it is."""
    found = Axe().run(page).response["violations"]
    grave = [one for one in found if one["impact"] in {"serious", "critical"}]
    return [f"{one['id']}: {node['html'][:200]}" for one in grave for node in one["nodes"] if not is_chrome(one, node)]


def is_chrome(violation: dict[str, Any], node: dict[str, Any]) -> bool:
    return violation["id"] in CHROME and CHROME[violation["id"]] in node["html"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["", "?q=statins", "?q=statins&map=1&retracted=1", "?q=statins&open={pmid}"])
def test_nothing_keeps_anybody_out(browser: Browser, url: str, state: str, scheme: Any) -> None:
    page = browser.new_page(color_scheme=scheme)
    page.goto(f"{url}/?q=statins")
    titles(page)
    pmid = re.search(r"(\d+)/$", page.locator("article h3 a").first.get_attribute("href") or "")
    assert pmid
    page.goto(f"{url}/{state.format(pmid=pmid[1])}")
    if "open" in state:
        expect(page.get_by_role("dialog")).to_contain_text("Cite")
    expect(page.locator("footer")).to_be_attached()
    settled(page)
    for _ in range(10):  # what is being drawn anew is pale for a moment
        if not violations(page):
            break
        page.wait_for_timeout(1000)
    assert violations(page) == []
    page.close()


def test_records_cannot_run_or_format_anything(served: Served, page: Page, hostile_index: Path) -> None:
    with served("--index", str(hostile_index)) as (url, _):
        page.goto(url)
        page.get_by_label("Your question").fill(HOSTILE)
        page.keyboard.press("Enter")
        assert sorted(titles(page, 3)) == [f"{HOSTILE} {pmid}" for pmid in (1, 2, 3)]
        page.get_by_text("Abstract", exact=True).first.click()
        expect(page.locator(".details").first).to_contain_text(HOSTILE)
        expect(page.get_by_role("heading", name="Results for")).to_contain_text(HOSTILE)
        page.get_by_text("Journal", exact=True).click()
        journal = page.locator("[data-testid=stSidebar] label").filter(has_text="img src").first
        assert HOSTILE[:40] in journal.inner_text().replace("\u2060", "")
        page.get_by_role("button", name="Add to basket").first.click()
        page.get_by_role("button", name="Basket (1)").click()
        expect(page.get_by_role("button", name=re.compile("img src"))).to_be_visible()
        assert page.evaluate("window.hacked") is None
        assert page.locator("article script, article img, .details img, a[href^='javascript:'], label strong").count() == 0


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

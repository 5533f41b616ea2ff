"""The page in Debian's Chromium, served by ``pubmed-ui`` from a real index."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from browsing import QUESTION, ask, pmids, settled, titles
from playwright.sync_api import Page, expect

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script> **b** $x^2$ :red[r] [l](javascript:window.hacked=1)"
)
Served = Callable[..., Any]


@pytest.fixture(scope="session")
def hostile_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of records whose every text is an attempt to be run or formatted."""
    records = [{"pmid": pmid, "title": f"{HOSTILE} {pmid}", "abstract": HOSTILE, "journal": HOSTILE} for pmid in (1, 2, 3)]
    return build(tmp_path_factory.mktemp("hostile"), records)


def build(folder: Path, records: Sequence[Mapping[str, object]]) -> Path:
    source = folder / "records.jsonl"
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    command("build", str(source), "--index", str(folder / "index"))
    return folder / "index"


def command(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "indexer.cli", *arguments], cwd=ROOT, check=True, capture_output=True)


def test_a_search_can_be_typed_and_stepped_back(page: Page, url: str) -> None:
    first = ask(page, url)
    assert "q=Do+statins+cause+muscle+pain" in page.url
    expect(page.get_by_role("heading", name=f"Results for “{QUESTION}”")).to_be_visible()
    page.get_by_role("button", name="Next →").click()
    expect(page.locator(".rank").first).to_have_text("21.")
    page.go_back()
    expect(page.locator("article h3 a")).to_have_text(first)


def test_more_like_this(page: Page, url: str) -> None:
    ask(page, url)
    example = pmids(page)[0]
    page.get_by_role("button", name="More like this").first.click()
    expect(page.get_by_role("heading", name="Similar to")).to_be_visible()
    expect(page).to_have_url(re.compile(f"like={example}"))
    settled(page)
    assert example not in pmids(page)
    page.get_by_role("button", name="← Back to the results").click()
    expect(page.get_by_role("heading", name="Results for")).to_be_visible()
    assert pmids(page)[0] == example
    page.get_by_role("button", name="Cite").first.click()
    page.get_by_role("dialog").get_by_role("button", name="More like this").click()
    expect(page.get_by_role("heading", name="Similar to")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


# Where the first hit begins, and what stands above and beside it, in every frame until it is asked for.
WATCH = """() => {
  window.places = new Set();
  const look = () => {
    const tops = ['.answer', '.st-key-toolbar', 'article', '.st-key-has_abstract'].map(name => {
      const part = document.querySelector(name);
      return part ? Math.round(part.getBoundingClientRect().top) : null;
    });
    window.places.add(tops.join(' '));
    requestAnimationFrame(look);
  };
  look();
}"""


@contextmanager
def busy_machine() -> Iterator[None]:
    """Processes that want more cores than there are: an answer takes so long that the page says that it searches."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@pytest.mark.parametrize("machine", [nullcontext, busy_machine], ids=["idle", "busy"])
def test_another_answer_does_not_make_the_page_jump(
    page: Page, url: str, machine: Callable[[], AbstractContextManager[None]]
) -> None:
    page.goto(f"{url}/?q=pain")
    before = titles(page)
    settled(page)
    page.wait_for_timeout(1500)  # charts are drawn a moment later
    page.evaluate(WATCH)
    with machine():
        page.get_by_label("Your question").fill("sleep")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Results for “sleep”")).to_be_visible()
        expect(page.locator("article h3 a").first).not_to_have_text(before[0])
        settled(page)
        page.wait_for_timeout(1500)
    assert len(page.evaluate("[...window.places]")) == 1


def test_every_page_begins_at_its_top(page: Page, url: str) -> None:
    ask(page, url)
    for first in ("21.", "41.", "61."):
        page.get_by_role("button", name="Next →").click()
        expect(page.locator(".rank").first).to_have_text(first)
        settled(page)
        assert page.locator("[data-testid=stMain]").evaluate("part => part.scrollTop") == 0


def test_a_point_of_the_map_opens_its_article(page: Page, url: str) -> None:
    page.goto(f"{url}/?q=pain&map=1")
    points = page.locator("[data-testid=stMain] [data-testid=stVegaLiteChart] [aria-roledescription=circle]")
    for _ in range(2):  # and after it was closed, the same point once more
        settled(page)
        points.last.click()  # the one that no other lies over; Playwright waits until the chart is there to stay
        expect(page).to_have_url(re.compile("open="))
        expect(page.get_by_role("dialog")).to_contain_text("Cite")
        page.keyboard.press("Escape")
        expect(page).not_to_have_url(re.compile("open="))
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_url_has_all_that_is_on_the_page(open_tab: Callable[..., Page], url: str) -> None:
    address = f"{url}/?q=pain&mode=dense&from=1985&to=2015&abstract=1&page=2&unlike=10768547&map=1"
    states = []
    for _ in range(2):  # a link that somebody sends, and the same page loaded again
        page = open_tab()
        page.goto(address)
        expect(page.locator(".rank").first).to_have_text("21.")
        expect(page.get_by_role("radio", name="Meaning", exact=True)).to_be_checked()
        expect(page.get_by_label("Only with an abstract")).to_be_checked()
        expect(page.get_by_role("button", name="Years 1985 to 2015")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^Not like “"))).to_be_visible()
        expect(page.locator("[data-testid=stVegaLiteChart]")).to_have_count(2)
        settled(page)
        states.append(pmids(page))
        page.reload()
        expect(page.locator(".rank").first).to_have_text("21.")
        settled(page)
        states.append(pmids(page))
        assert page.url == address
    assert states == [states[0]] * 4


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
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Not like this").first.click()
        expect(page.get_by_role("button", name=re.compile("^Not like “<.?img src"))).to_be_visible()
        page.get_by_role("button", name="Cite").first.click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("h3")).to_contain_text(HOSTILE)
        expect(dialog.locator("code").first).to_contain_text(HOSTILE)
        assert page.evaluate("window.hacked") is None
        shown = "article script, article img, .details img, a[href^='javascript:'], label strong, dialog img"
        assert page.locator(shown).count() == 0


def test_an_update_is_there_without_a_restart(served: Served, page: Page, tmp_path: Path) -> None:
    index = build(tmp_path, [{"pmid": 1, "title": "Statins and muscles", "abstract": "Muscle pain is rare."}])
    with served("--index", str(index)) as (url, _):
        page.goto(url)
        page.get_by_label("Your question").fill("muscle pain")
        page.keyboard.press("Enter")
        titles(page, 1)
        page.get_by_role("button", name="Save search").click()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved as muscle pain")).to_be_visible()
        page.keyboard.press("Escape")
        later = tmp_path / "later.jsonl"
        later.write_text(json.dumps({"pmid": 2, "title": "Fibrates and muscles", "abstract": "Muscle pain occurs."}))
        command("update", str(later), "--index", str(index))
        page.get_by_role("button", name="Search", exact=True).click()
        assert sorted(titles(page, 2)) == ["Fibrates and muscles", "Statins and muscles"]
        expect(page.locator("footer")).to_contain_text("2 articles")
        expect(page.get_by_text("1 new since somebody last looked")).to_be_visible()
        new = page.locator("article").filter(has=page.locator(".badge.new"))
        expect(new.locator("h3")).to_contain_text("Fibrates and muscles")


def test_the_picture_of_the_readme(open_tab: Callable[..., Page], url: str, tmp_path: Path) -> None:
    """``PICTURE=data/page.png pytest tests/ui/test_browser.py -k picture`` makes it anew."""
    page = open_tab(viewport={"width": 1280, "height": 860})
    page.goto(f"{url}/?q=does+skin-to-skin+contact+ease+a+newborn%27s+pain")
    titles(page)
    page.get_by_text("Why this hit").first.click()
    expect(page.locator("article dl").first).to_be_visible()
    settled(page)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
    expect(page.get_by_label(re.compile("^Randomized Controlled Trial"))).to_be_visible()
    picture = Path(os.environ.get("PICTURE", tmp_path / "page.png"))
    page.screenshot(path=picture)
    assert picture.stat().st_size > 50_000


def test_no_index_is_a_state_of_the_page(served: Served, page: Page, tmp_path: Path) -> None:
    with served("--index", str(tmp_path)) as (url, _):
        page.goto(url)
        expect(page.get_by_role("heading", name="There is no index yet")).to_be_visible()
        expect(page.get_by_text("pubmed-index build").first).to_be_visible()

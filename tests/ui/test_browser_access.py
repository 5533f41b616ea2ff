"""For everyone: the page by keyboard, to a screen reader, on a phone, in light and dark."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import pmids, settled, titles
from playwright.sync_api import Page, expect

OpenTab = Callable[..., Page]


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
    page.get_by_role("slider").first.focus()
    chosen = [choose_next_year(page) for _ in range(3)]  # the focus stays where it is
    assert chosen == [chosen[0], chosen[0] + 1, chosen[0] + 2]
    cite = page.get_by_role("button", name="Cite").first
    cite.focus()
    page.keyboard.press("Enter")
    copy = page.get_by_role("dialog").get_by_role("button", name="Copy to clipboard").first
    expect(copy).to_be_visible()  # without a mouse over it
    copy.focus()
    expect(copy).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"from=\d{4}$"))


def choose_next_year(page: Page) -> int:
    before = page.url
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(before)
    settled(page)
    found = re.search(r"from=(\d{4})$", page.url)
    assert found
    return int(found[1])


def test_a_screen_reader_is_told_of_every_answer(page: Page, url: str) -> None:
    page.goto(url)
    said = page.locator("#said")
    expect(said).to_be_attached()
    said.evaluate("part => { window.listened = part }")  # only what was there before is listened to
    for question in ("statins", "pain"):
        page.get_by_label("Your question").fill(question)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=f"Results for “{question}”")).to_be_visible()
        expect(said).to_have_text(page.locator(".answer > p").first.inner_text())
        assert page.evaluate("window.listened.isConnected && window.listened.role === 'status'")


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
def test_nothing_keeps_anybody_out(open_tab: OpenTab, url: str, state: str, scheme: str) -> None:
    page = open_tab(color_scheme=scheme)
    page.goto(f"{url}/?q=statins")
    page.goto(f"{url}/{state.format(pmid=pmids(page)[0])}")
    if "open" in state:
        expect(page.get_by_role("dialog")).to_contain_text("Cite")
    expect(page.locator("footer")).to_be_attached()
    assert_accessible(page)


def assert_accessible(page: Page) -> None:
    settled(page)
    for _ in range(10):  # what is being drawn anew is pale for a moment
        if not violations(page):
            break
        page.wait_for_timeout(1000)
    assert violations(page) == []


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1400, "light"), (1400, "dark")])
def test_it_fits_narrow_and_wide_windows(open_tab: OpenTab, url: str, width: int, scheme: str) -> None:
    page = open_tab(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(f"{url}/?q=statins")
    titles(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.querySelector('article').clientWidth") < 850
    assert page.locator("h1").count() == 1
    assert contrast(page, "article h3 a") > 4.5
    assert contrast(page, ".byline") > 4.5


def test_a_phone_narrows_reads_and_goes_on(open_tab: OpenTab, url: str) -> None:
    page = open_tab(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto(f"{url}/?q=pain")
    before = pmids(page)
    side = page.locator("[data-testid=stSidebar]")
    expect(side).not_to_be_in_viewport()
    page.locator("[data-testid=stExpandSidebarButton]").tap()
    expect(side).to_be_in_viewport()
    assert_accessible(page)
    side.get_by_text("Newest first").tap()
    expect(page).to_have_url(re.compile("sort=date"))
    page.locator("[data-testid=stSidebarCollapseButton] button").tap()
    expect(side).not_to_be_in_viewport()
    settled(page)
    assert pmids(page) != before
    page.get_by_text("Abstract", exact=True).first.tap()
    expect(page.locator(".details").first).to_be_visible()
    page.get_by_role("button", name="Next →").tap()
    expect(page).to_have_url(re.compile("page=2"))
    expect(page.locator(".rank").first).to_have_text("21.")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


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

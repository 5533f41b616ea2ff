"""Feeds, parsed back and held against RFC 4287."""

import re
import uuid
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.article import FIRST_LOCAL_ID, AbstractSection, Article, Author, Correction
from search.atom_format import Feed, to_atom
from search.filters import Filters
from search.results import IndexSummary, Mode, SearchResult, SearchResults, Why

ATOM = "{http://www.w3.org/2005/Atom}"
INDEX = IndexSummary(articles=3, last_file="pubmed26n0001.xml.gz", updated="2026-01-02", encoder="toy")
FEED = Feed("muscle pain", Path("/index"), "saved muscle pain")
ARTICLE = Article(
    pmid=32000001,
    title="Statins & muscle <pain>.",
    sections=(AbstractSection("Pain is common.", "BACKGROUND"), AbstractSection("It passed.")),
    authors=(Author("Smith", "John A", "JA", "Jr"), Author(), Author(collective_name="PARADIGM-XY Investigators")),
    journal="Journal of Made-up Medicine",
    year=2014,
    publication_date="2014 Mar-Apr",
    electronic_date="2014-02-07",
    revised="2021-05-04",
    publication_types=("Journal Article", "Review", "Review"),
)


def feed_of(*articles: Article, index: IndexSummary = INDEX, feed: Feed = FEED) -> ET.Element:
    hits = tuple(SearchResult(rank, one.pmid, 1 / rank, one, Why()) for rank, one in enumerate(articles, start=1))
    results = SearchResults("pain", Mode.DENSE, Filters(), 1.0, 0, index, hits)
    root = ET.fromstring(to_atom(results, feed).encode())  # noqa: S314  (what we wrote ourselves)
    check_rfc_4287(root)
    return root


def texts(element: ET.Element, path: str) -> list[str]:
    return [found.text or "" for found in element.findall("/".join(ATOM + part for part in path.split("/")))]


def only(element: ET.Element, path: str) -> str:
    (text,) = texts(element, path)
    return text


def check_rfc_4287(root: ET.Element) -> None:
    """What sections 4.1.1 and 4.1.2 demand of a feed and of its entries, and section 3.3 of dates."""
    assert root.tag == f"{ATOM}feed"
    entries = root.findall(f"{ATOM}entry")
    for element in (root, *entries):
        assert element.find(f"{ATOM}title") is not None
        assert re.fullmatch(r"(urn:uuid:[0-9a-f-]{36})|https://\S+", only(element, "id"))
        assert datetime.fromisoformat(only(element, "updated")).tzinfo is not None
        for date in (*texts(element, "updated"), *texts(element, "published")):
            assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T00:00:00Z", date)
        assert "" not in texts(element, "author/name")
        for single in ("title", "id", "updated", "published", "summary", "content", "subtitle", "generator"):
            assert len(texts(element, single)) <= 1
    assert len(texts(root, "author/name")) == 1  # so that entries need none
    for entry in entries:
        links = [link.attrib for link in entry.findall(f"{ATOM}link")]
        assert [link["rel"] for link in links] == ["alternate"] or texts(entry, "content") != []
        assert all(category.get("term") for category in entry.findall(f"{ATOM}category"))
    ids = texts(root, "entry/id")
    assert len(set(ids)) == len(ids)


def test_a_whole_feed() -> None:
    root = feed_of(ARTICLE)
    assert only(root, "title") == "muscle pain"
    assert only(root, "subtitle") == "PubMed as of 2026-01-02 (last file pubmed26n0001.xml.gz); there may be newer records"
    assert only(root, "updated") == "2026-01-02T00:00:00Z"
    assert only(root, "author/name") == "pubmed-semantic-search"
    (entry,) = root.findall(f"{ATOM}entry")
    assert [(child.tag.removeprefix(ATOM), child.attrib, (child.text or "")) for child in entry.iter()][1:] == [
        ("title", {}, "Statins & muscle <pain>."),
        ("id", {}, "https://pubmed.ncbi.nlm.nih.gov/32000001/"),
        ("updated", {}, "2021-05-04T00:00:00Z"),
        ("published", {}, "2014-02-07T00:00:00Z"),
        ("author", {}, ""),
        ("name", {}, "Smith JA Jr"),
        ("author", {}, ""),
        ("name", {}, "PARADIGM-XY Investigators"),
        ("category", {"term": "Journal Article"}, ""),
        ("category", {"term": "Review"}, ""),
        ("link", {"rel": "alternate", "type": "text/html", "href": "https://pubmed.ncbi.nlm.nih.gov/32000001/"}, ""),
        ("summary", {"type": "text"}, "BACKGROUND: Pain is common.\nIt passed."),
    ]


def test_a_feed_of_nothing_is_a_feed() -> None:
    assert feed_of().findall(f"{ATOM}entry") == []


def test_entries_stand_in_the_order_of_the_hits() -> None:
    others = [replace(ARTICLE, pmid=pmid) for pmid in (7, 9, 8)]
    assert texts(feed_of(*others), "entry/id") == [f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/" for pmid in (7, 9, 8)]


def test_the_same_search_of_the_same_index_is_the_same_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = Feed("a", Path("index"), "search")
    assert Feed("b", tmp_path / "index", "search").identity == here.identity
    assert Feed("a", tmp_path / "index", "another").identity != here.identity
    assert Feed("a", tmp_path / "other", "search").identity != here.identity
    before, after = (feed_of(ARTICLE, index=replace(INDEX, updated=date)) for date in ("2026-01-02", "2026-02-03"))
    assert only(before, "id") == only(after, "id") == FEED.identity.urn
    assert uuid.UUID(only(before, "id")).version == 5


def test_an_article_with_a_local_id_has_content_instead_of_a_link() -> None:
    local = replace(ARTICLE, pmid=FIRST_LOCAL_ID + 3)
    (entry,) = feed_of(local).findall(f"{ATOM}entry")
    assert only(entry, "id").startswith("urn:uuid:")
    assert (entry.find(f"{ATOM}link"), texts(entry, "summary")) == (None, [])
    assert only(entry, "content") == "BACKGROUND: Pain is common.\nIt passed."
    # The same number means another article in another index.
    assert texts(feed_of(local, feed=replace(FEED, search="x")), "entry/id") == [only(entry, "id")]
    assert texts(feed_of(local, feed=replace(FEED, index=Path("/other"))), "entry/id") != [only(entry, "id")]


@pytest.mark.parametrize("pmid", [1, FIRST_LOCAL_ID])
def test_an_article_of_which_little_is_known(pmid: int) -> None:
    (entry,) = feed_of(Article(pmid=pmid, title="")).findall(f"{ATOM}entry")
    assert only(entry, "title") == f"Article {pmid}"
    assert only(entry, "updated") == "2026-01-02T00:00:00Z"
    assert (texts(entry, "published"), texts(entry, "summary")) == ([], [])
    (unknown,) = feed_of(Article(pmid=pmid, title=""), index=replace(INDEX, updated="")).findall(f"{ATOM}entry")
    assert only(unknown, "updated") == "1970-01-01T00:00:00Z"


def test_a_retraction_stands_before_the_abstract() -> None:
    retracted = replace(ARTICLE, corrections=(Correction("RetractionIn", 32000003, "J Med. 2021;13:9"),))
    summary = only(feed_of(retracted), "entry/summary")
    assert summary.startswith("Retracted Publication (J Med. 2021;13:9. PMID 32000003).\nBACKGROUND: Pain")


@pytest.mark.parametrize(
    ("fields", "published"),
    [
        ({"electronic_date": "2014-02"}, "2014-02-01"),
        ({"electronic_date": "2014-02-31", "publication_date": "2015"}, "2015-01-01"),
        ({"publication_date": "2014 Mar 7"}, "2014-03-07"),
        ({"publication_date": "2014 Mar-Apr"}, "2014-03-01"),
        ({"publication_date": "1998 Dec-1999 Jan"}, "1998-12-01"),
        ({"publication_date": "2000 Spring"}, "2000-01-01"),
        ({"publication_date": "2000 Win 3"}, "2000-01-01"),
        ({"publication_date": "2011 Jan 1-15"}, "2011-01-01"),
        ({"year": 1975}, "1975-01-01"),
        ({"publication_date": "Spring 2000"}, None),
        ({"publication_date": "0000"}, None),
        ({}, None),
    ],
)
def test_when_an_article_came_out(fields: dict[str, str], published: str | None) -> None:
    root = feed_of(Article(pmid=1, title="T", **fields))  # type: ignore[arg-type]
    assert texts(root, "entry/published") == ([] if published is None else [f"{published}T00:00:00Z"])
    assert only(root, "entry/updated") == f"{published or '2026-01-02'}T00:00:00Z"


def test_what_xml_cannot_hold_is_left_out() -> None:
    hostile = "a\x00b\x1b[31m\x0b\ufffe\ud800c ]]> </title> \U0001f50e &amp; <!-- "
    article = replace(ARTICLE, title=hostile, sections=(AbstractSection(hostile),), authors=(Author(hostile),))
    root = feed_of(replace(article, publication_types=(hostile, "\x01")), feed=replace(FEED, title=hostile))
    line = "a b [31m c ]]> </title> \U0001f50e &amp; <!--"
    assert [only(root, path) for path in ("title", "entry/title", "entry/author/name")] == [line] * 3
    assert [one.get("term") for one in root.iter(f"{ATOM}category")] == [line]
    assert " ".join(only(root, "entry/summary").split()) == line


ANY_TEXT = st.text(max_size=20)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    title=ANY_TEXT, abstract=ANY_TEXT, name=ANY_TEXT, kind=ANY_TEXT, date=ANY_TEXT | st.from_regex(r"[0-9]{4}(-[0-9]{2}){0,2}")
)
def test_any_text_makes_a_feed(title: str, abstract: str, name: str, kind: str, date: str) -> None:
    article = Article(
        pmid=1,
        title=title,
        sections=(AbstractSection(abstract),),
        authors=(Author(name),),
        publication_types=(kind,),
        publication_date=date,
        electronic_date=date,
        revised=date,
    )
    root = feed_of(article, replace(article, pmid=FIRST_LOCAL_ID), index=replace(INDEX, updated=date, last_file=title))
    assert len(root.findall(f"{ATOM}entry")) == 2

"""Writes an Atom 1.0 feed (RFC 4287), which a feed reader polls.

A reader knows an entry again by its id and shows those that it has not seen. So an article's id is its address on PubMed,
whatever the search; an article that is not PubMed's has an id within its index.
"""

import os
import re
import uuid
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from search.article import Article
from search.citation import MONTHS, as_of, one_line, warnings
from search.command import plain
from search.results import SearchResults

_ATOM = "http://www.w3.org/2005/Atom"
_NAMESPACE = uuid.UUID("7c2f0f3e-5d0b-4a56-9a39-0d5c1b1f6c8e")
_PROGRAM = "pubmed-semantic-search"
_UNKNOWN = "1970-01-01T00:00:00Z"  # an entry must say when it was updated

_ISO = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")
_PRINTED = re.compile(r"([0-9]{4})(?: ([A-Z][a-z]{2})\b(?: ([0-9]{1,2})\b)?)?")
# XML has no place for these, however they are written.
_NO_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed is called, and what makes it the same feed as last time: the folder of its index, and its search."""

    title: str
    index: Path
    search: str

    @property
    def identity(self) -> uuid.UUID:
        """The same for the same search of the same index, wherever and whenever."""
        return uuid.uuid5(self.index_identity, self.search.encode("utf-8", "backslashreplace").decode())

    @property
    def index_identity(self) -> uuid.UUID:
        """The same for the same folder."""
        return uuid.uuid5(_NAMESPACE, os.fsencode(self.index.resolve()).decode("utf-8", "backslashreplace"))


def to_atom(results: SearchResults, feed: Feed) -> str:
    """The hits as a feed, in their order, to be saved as UTF-8. It was updated when NLM last changed a record of the index."""
    updated = _instant(results.index.updated) or _UNKNOWN
    root = Element("feed", {"xmlns": _ATOM, "xml:lang": "en"})
    _add(root, "title", _line(feed.title))
    _add(root, "subtitle", _line(as_of(results.index)))
    _add(root, "id", feed.identity.urn)
    _add(root, "updated", updated)
    _add(SubElement(root, "author"), "name", _PROGRAM)
    _add(root, "generator", _PROGRAM)
    for hit in results:
        root.append(_entry(hit.article, feed, updated))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _entry(article: Article, feed: Feed, otherwise: str) -> Element:
    """An article; it was updated `otherwise` where nothing is known of when."""
    entry = Element("entry")
    published = _published(article)
    _add(entry, "title", _line(article.title or article.vernacular_title) or f"Article {article.pmid}")
    _add(entry, "id", article.url or uuid.uuid5(feed.index_identity, str(article.pmid)).urn)
    _add(entry, "updated", _instant(article.revised) or published or otherwise)
    if published:
        _add(entry, "published", published)
    for name in filter(None, (_line(author.name) for author in article.authors)):
        _add(SubElement(entry, "author"), "name", name)
    for term in dict.fromkeys(filter(None, map(_line, article.publication_types))):
        SubElement(entry, "category", {"term": term})
    text = "\n".join([*(f"{warning}." for warning in warnings(article)), _legal(article.abstract)]).strip()
    if article.url:
        SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": article.url})
    # An entry without a link must have content.
    if text or not article.url:
        _add(entry, "summary" if article.url else "content", text, type="text")
    return entry


def _published(article: Article) -> str:
    """When it came out, as far as that is known; "" for not at all."""
    if electronic := _instant(article.electronic_date):
        return electronic
    printed = _PRINTED.match(article.publication_date or f"{article.year or 0:04d}")
    if printed is None:
        return ""
    year, month, day = printed.groups()
    return _instant_of(int(year), MONTHS.index(month) + 1 if month in MONTHS else 1, int(day or 1) if month in MONTHS else 1)


def _instant(iso: str) -> str:
    """The first moment of a date in ISO 8601, of which month and day may be missing, as RFC 3339; "" for no date."""
    found = _ISO.fullmatch(iso)
    return _instant_of(*(int(part or 1) for part in found.groups())) if found else ""


def _instant_of(year: int, month: int, day: int) -> str:
    try:
        return f"{date(year, month, day).isoformat()}T00:00:00Z"
    except ValueError:
        return ""


def _line(text: str) -> str:
    return one_line(_legal(text))


def _legal(text: str) -> str:
    """The text without what XML cannot hold."""
    return _NO_XML.sub(" ", plain(text))


def _add(parent: Element, tag: str, text: str, **attributes: str) -> None:
    SubElement(parent, tag, attributes).text = text

"""Streams PubMed XML: baseline and update files, answers of E-utilities, single records.

The parser loads no DTD, opens no connection and expands no entity; a file that so much as declares one is refused
before anything in it is read. Memory stays with the records at hand, whatever the file's size.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Literal

from lxml import etree

from indexer.notation import pmid_of, squeeze
from indexer.parsed_file import Deleted, Place, Record
from indexer.pubmed_record import article_from_book, article_from_citation
from search.errors import SourceError

RECORDS_BY_ROOT = {
    "PubmedArticleSet": ("PubmedArticle", "PubmedBookArticle"),
    "PubmedBookArticleSet": ("PubmedBookArticle",),
    "PubmedArticle": ("PubmedArticle",),
    "PubmedBookArticle": ("PubmedBookArticle",),
    "MedlineCitationSet": ("MedlineCitation",),
    "MedlineCitation": ("MedlineCitation",),
    "BookDocumentSet": ("BookDocument",),
    "BookDocument": ("BookDocument",),
}
_BOOKS = ("PubmedBookArticle", "BookDocument")
_BARE = ("MedlineCitation", "BookDocument")  # without the wrapper that holds PubmedData beside them
_DELETIONS = ("DeleteCitation", "DeleteDocument")
_FAILURE = "ERROR"  # how E-utilities answer a request that they could not meet, with HTTP status 200
_FAILURE_TEXT = re.compile(rb"<ERROR>([^<]*)")
_SPACE_BEFORE_ROOT = re.compile(rb"(?:\xef\xbb\xbf)?\s+(?=<)")
_CHUNK_BYTES = 1 << 15
_OPENING_BYTES = 1 << 20
# Between the ends of two records; those with 15,000 collaborators have a third of it. As a tree a record is 30 times as long.
_LONGEST_RECORD_BYTES = 1 << 24
_SECOND_DOCUMENT_CODES = (etree.ErrorTypes.ERR_DOCUMENT_END, etree.ErrorTypes.ERR_RESERVED_XML_NAME)

PullParser = etree.XMLPullParser[etree._Element]  # noqa: SLF001 - lxml's name for the type of an element


@dataclass(frozen=True, slots=True)
class _Document:
    """A file whose root element has been seen; the blank lines before it were taken off, and count in line numbers."""

    path: Path
    stream: BinaryIO
    head: bytes
    root: str
    blank_lines: int


def read_pubmed_xml(stream: BinaryIO, path: Path) -> Iterator[Record]:
    """Read every record and deletion, in the file's order.

    Parameters
    ----------
    stream
        The file's bytes, decompressed.
    path
        The file's name in messages.

    Raises
    ------
    SourceError
        The file is not XML, is cut short, declares entities, is XML of another vocabulary, or reports an error of
        E-utilities. The records before the fault have been given by then.

    """
    document = _open(stream, path)
    ordinal = 0
    for element in _elements(document):
        line = document.blank_lines + (element.sourceline or 0)
        if element.tag == _FAILURE:
            raise _answered_with_error(path, "".join(element.itertext()))
        if element.tag in _DELETIONS:
            yield from _deletions(element, path, line)
        else:
            ordinal += 1
            yield _record(element, Place(path, f"record {ordinal}, line {line}"))
        _free(element)


def _parser(events: tuple[Literal["start", "end"], ...], tags: tuple[str, ...] | None) -> PullParser:
    """Build a parser that reaches for nothing outside the bytes it is fed."""
    return etree.XMLPullParser(
        events=events,
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _open(stream: BinaryIO, path: Path) -> _Document:
    """Read as far as the root element with a parser of its own, so that a file that declares entities gives nothing."""
    head = stream.read(_CHUNK_BYTES)
    space = _SPACE_BEFORE_ROOT.match(head)  # XML allows none before its declaration, yet scripts write it
    head, blank_lines = (head[space.end() :], space.group().count(b"\n")) if space else (head, 0)
    parser = _parser(("start",), None)
    unread = head
    while unread and len(head) <= _OPENING_BYTES:
        fault = _fed(parser, unread)
        for _, root in parser.read_events():
            _refuse_entities(root, path)
            _refuse_other_vocabularies(root, head, path, blank_lines)
            return _Document(path, stream, head, str(root.tag), blank_lines)
        if fault:
            raise _not_xml(path, blank_lines + (fault.lineno or 0), _said(fault))
        unread = stream.read(_CHUNK_BYTES)
        head += unread
    raise _not_xml(path, blank_lines + 1, f"no element in the first {len(head):,} bytes")


def _fed(parser: PullParser, data: bytes) -> etree.XMLSyntaxError | None:
    """Feed the parser and give its error back: the events before the error are still to be read."""
    try:
        parser.feed(data)
    except etree.XMLSyntaxError as error:
        return error
    return None


def _elements(document: _Document) -> Iterator[etree._Element]:
    """The records, deletions and failures, each complete."""
    parser = _parser(("end",), (*RECORDS_BY_ROOT[document.root], *_DELETIONS, _FAILURE))
    pending = 0
    for chunk in chain((document.head,), iter(partial(document.stream.read, _CHUNK_BYTES), b"")):
        fault = _fed(parser, chunk)
        pending += len(chunk)
        for _, element in parser.read_events():
            yield element
            pending = 0
        if pending > _LONGEST_RECORD_BYTES:
            raise _endless(document.path)
        if fault:
            raise _broken(document, fault) from fault
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        raise _cut_short(document, error) from error


def _free(element: etree._Element) -> None:
    """Drop what has been read; the element itself stays, empty, because the parser may still write behind it."""
    element.clear(keep_tail=True)
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _record(element: etree._Element, place: Place) -> Record:
    """The article of one record element, or why there is none."""
    is_book = element.tag in _BOOKS
    parts = {part.tag: part for part in ((element,) if element.tag in _BARE else element)}
    core = parts.get("BookDocument" if is_book else "MedlineCitation")
    data = parts.get("PubmedBookData" if is_book else "PubmedData")
    written = next((child.text for child in core if child.tag == "PMID"), None) if core is not None else None
    pmid = pmid_of(written)
    if core is None or pmid is None:
        return place.without_pmid(written)
    return place.record(article_from_book(pmid, core, data) if is_book else article_from_citation(pmid, core, data))


def _deletions(element: etree._Element, path: Path, line: int) -> Iterator[Record]:
    """The PMIDs of one deletion element."""
    for ordinal, child in enumerate(element.iterchildren("PMID"), start=1):
        pmid = pmid_of(child.text)
        yield Deleted(pmid) if pmid else Place(path, f"deletion {ordinal}, line {line}").without_pmid(child.text)


def _refuse_entities(root: etree._Element, path: Path) -> None:
    """Refuse a file that declares an entity: PubMed's files declare none, and entities read other files or fill memory."""
    subset = root.getroottree().docinfo.internalDTD
    names = [str(entity.name) for entity in subset.iterentities()] if subset is not None else []
    if names:
        raise SourceError(
            f"{path}: PubMed XML declares no entities, but this file declares {len(names)} ({', '.join(names[:3])}); "
            "nothing was read from it. Download it again from NLM, or remove the declarations."
        )


def _refuse_other_vocabularies(root: etree._Element, head: bytes, path: Path, blank_lines: int) -> None:
    """Refuse XML that is not PubMed's, with the reason that E-utilities give in theirs."""
    if root.tag in RECORDS_BY_ROOT:
        return
    failure = _FAILURE_TEXT.search(head)
    if failure:
        raise _answered_with_error(path, failure.group(1).decode("utf-8", "replace"))
    raise SourceError(
        f"{path}, line {blank_lines + (root.sourceline or 1)}: expected PubMed XML (PubmedArticleSet, PubmedBookArticleSet), "
        f"found the root element {root.tag!s:.80}. Download the records with rettype=xml, or leave this file out."
    )


def _answered_with_error(path: Path, said: str) -> SourceError:
    """The error of a file in which E-utilities saved a failure instead of records."""
    return SourceError(
        f"{path}: expected records, found an error that NCBI answered with: {squeeze(said)[:300]!r}. Fetch this file again."
    )


def _not_xml(path: Path, line: int, said: str) -> SourceError:
    """The error of a file that does not even begin as XML."""
    return SourceError(f"{path}, line {line}: expected PubMed XML, but this is not XML ({said}). Download the file again.")


def _endless(path: Path) -> SourceError:
    """The error of a file in which no record ends."""
    return SourceError(
        f"{path}: expected the end of a record, found none in {_LONGEST_RECORD_BYTES >> 20} MB, and no record is as long. "
        "Download the file again."
    )


def _broken(document: _Document, error: etree.XMLSyntaxError) -> SourceError:
    """The error of a file that stops being XML somewhere."""
    where = f"{document.path}, line {document.blank_lines + (error.lineno or 0)}"
    if error.code in _SECOND_DOCUMENT_CODES:
        return SourceError(
            f"{where}: expected the end of the file after </{document.root}>, found more: several XML documents "
            "stand in this file. Save each of them as a file of its own."
        )
    return SourceError(f"{where}: the XML is not well-formed ({_said(error)}). Download the file again.")


def _cut_short(document: _Document, error: etree.XMLSyntaxError) -> SourceError:
    """The error of a file whose end is missing."""
    return SourceError(
        f"{document.path}, line {document.blank_lines + (error.lineno or 0)}: the file ends before </{document.root}> "
        f"({_said(error)}), so it was cut short. Download the file again."
    )


def _said(error: etree.XMLSyntaxError) -> str:
    """What libxml2 said, without the position that it repeats at the end."""
    return re.sub(r", line \d+, column \d+$", "", squeeze(error.msg or "no reason given"))

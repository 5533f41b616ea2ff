"""Streams JSONL: one record a line, ``{"pmid": 12345678, "title": "...", "abstract": "...", ...}``.

A line that cannot be taken is reported and the rest is read: these files come from people's own scripts.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from indexer.decoding import text_lines
from indexer.notation import author_named, leading_year, mesh_heading_of, pmid_of, squeeze
from indexer.parsed_file import UNNUMBERED, Place, Record, SkipKind
from search.article import AbstractSection, Article


class _Line(msgspec.Struct, frozen=True):
    """The keys that are read, and their types; any may be null, other keys are ignored."""

    pmid: int | str | None = None
    title: str | None = None
    abstract: str | None = None
    year: int | str | None = None
    journal: str | None = None
    authors: tuple[str, ...] | None = None
    doi: str | None = None
    pmcid: str | None = None
    mesh: tuple[str, ...] | None = None
    publication_types: tuple[str, ...] | None = None
    keywords: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None


def read_jsonl(stream: BinaryIO, path: Path) -> Iterator[Record]:
    """Read every line that holds a record, in the file's order; blank lines count as lines and are passed over.

    Raises
    ------
    SourceError
        A line is longer than any record.

    """
    decoder = msgspec.json.Decoder(_Line)
    for number, line in enumerate(text_lines(stream, path), start=1):
        if line.strip():
            yield _record(decoder, line, Place(path, f"line {number}"))


def _record(decoder: msgspec.json.Decoder[_Line], line: str, place: Place) -> Record:
    """The article on one line, or why there is none."""
    try:
        decoded = decoder.decode(line)
    except msgspec.ValidationError as error:
        return place.skip(SkipKind.WRONG_TYPE, f"The record has a value of the wrong type: {error}.")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return place.skip(SkipKind.NOT_JSON, f"The line is not a JSON object: {error}.")
    written = None if decoded.pmid is None else str(decoded.pmid)
    pmid = pmid_of(written)
    if pmid is None and (written or "").strip():
        return place.without_pmid(written)
    return place.record(_article(pmid or UNNUMBERED, decoded))


def _article(pmid: int, line: _Line) -> Article:
    """The article that a line describes."""
    abstract = squeeze(line.abstract or "")
    date = "" if line.year is None else squeeze(str(line.year))
    return Article(
        pmid=pmid,
        title=squeeze(line.title or ""),
        sections=(AbstractSection(abstract),) if abstract else (),
        authors=tuple(author_named(name) for name in _texts(line.authors)),
        journal=squeeze(line.journal or ""),
        year=leading_year(date),
        publication_date=date,
        languages=_texts(line.languages),
        publication_types=_texts(line.publication_types),
        mesh=tuple(mesh_heading_of(heading) for heading in _texts(line.mesh)),
        keywords=_texts(line.keywords),
        doi=squeeze(line.doi or ""),
        pmcid=squeeze(line.pmcid or ""),
    )


def _texts(values: tuple[str, ...] | None) -> tuple[str, ...]:
    """The texts, white space squeezed, empty ones dropped."""
    return tuple(text for value in values or () if (text := squeeze(value)))

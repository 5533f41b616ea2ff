"""NLM's tree of MeSH: which headings are narrower than a heading. Publication types are in it too."""

import gzip
import re
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Self

from search.condition import TermField
from search.errors import SourceError
from search.filter_terms import normalised

_GZIP = b"\x1f\x8b"
_LINE = re.compile(r"(?P<heading>.+);(?P<number>[A-Z][0-9]+(?:\.[0-9]+)*)")
_ROOT = b"<DescriptorRecordSet"
_OPENING_BYTES = 1 << 16
_WHERE = "Download mtrees20xx.bin or desc20xx.xml from nlm.nih.gov/databases/download/mesh.html."


@dataclass(frozen=True, slots=True)
class MeshTree:
    """The headings of MeSH with their places: `order` are all tree numbers, sorted, `names` the heading of each."""

    order: tuple[str, ...]
    names: tuple[str, ...]
    places: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, headings: Iterable[tuple[str, str]]) -> Self:
        """Make a tree of (heading, tree number) pairs, in any order."""
        name_of = {number: heading for heading, number in headings}
        order = tuple(sorted(name_of))
        places: dict[str, list[str]] = {}
        for number in order:
            places.setdefault(_key(name_of[number]), []).append(number)
        return cls(order, tuple(name_of[number] for number in order), {key: tuple(at) for key, at in places.items()})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read NLM's tree file (mtrees20xx.bin) or its descriptors (desc20xx.xml), gzipped or not.

        Raises SourceError where the file cannot be read, is neither of the two, is cut short or has no headings.
        """
        try:
            tree = cls.of(_headings(path))
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"{path}: expected a file of MeSH, but it cannot be read ({error}). {_WHERE}") from error
        except UnicodeDecodeError as error:
            raise SourceError(f"{path}: expected a file of MeSH in UTF-8, found {error.reason}. {_WHERE}") from error
        if not tree.order:
            raise SourceError(f"{path}: expected the headings of MeSH with their tree numbers, found none. {_WHERE}")
        return tree

    def narrower(self, heading: str) -> tuple[str, ...]:
        """All headings below any place of a heading, sorted, without itself; () where there are none or it is unknown."""
        own = _key(heading)
        found: set[str] = set()
        for number in self.places.get(own, ()):
            begin = bisect_left(self.order, number + ".")
            end = bisect_left(self.order, number + "/")  # the character behind the dot
            found.update(self.names[begin:end])
        return tuple(sorted(name for name in found if _key(name) != own))


def _key(heading: str) -> str:
    """The form in which filters look a heading up."""
    return normalised(TermField.MESH, heading)


def _headings(path: Path) -> Iterator[tuple[str, str]]:
    """Every heading with each of its tree numbers."""
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        with BufferedReader(gzip.GzipFile(fileobj=file), _OPENING_BYTES) if packed else file as stream:
            opening = stream.peek(_OPENING_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
            yield from _in_descriptors(stream, path, opening) if opening.startswith(b"<") else _in_lines(stream, path)


def _in_lines(stream: BinaryIO, path: Path) -> Iterator[tuple[str, str]]:
    """The lines of the tree file: ``Body Regions;A01``."""
    with TextIOWrapper(stream, encoding="utf-8-sig") as text:
        for number, line in enumerate(text, start=1):
            match = _LINE.fullmatch(line.strip())
            if match:
                yield match["heading"], match["number"]
            elif line.strip():
                found = line.strip()[:80]
                raise SourceError(
                    f"{path}, line {number}: expected a line such as 'Body Regions;A01', found {found!r}. {_WHERE}"
                )


def _in_descriptors(stream: BinaryIO, path: Path, opening: bytes) -> Iterator[tuple[str, str]]:
    """The records of the descriptor file; of each only its own name and tree numbers, not those that it refers to."""
    from lxml import etree

    if _ROOT not in opening:
        raise SourceError(f"{path}: expected the descriptors of MeSH (DescriptorRecordSet), found other XML. {_WHERE}")
    records = etree.iterparse(
        stream,
        events=("end",),
        tag="DescriptorRecord",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        for _, record in records:
            heading = record.findtext("DescriptorName/String") or ""
            yield from ((heading.strip(), (place.text or "").strip()) for place in record.iterfind("TreeNumberList/TreeNumber"))
            record.clear()
            parent = record.getparent()
            while parent is not None and record.getprevious() is not None:
                del parent[0]
    except etree.XMLSyntaxError as error:
        raise SourceError(f"{path}, line {error.lineno}: the XML is cut short or broken ({error.msg}). {_WHERE}") from error

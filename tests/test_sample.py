"""The records that ship: real articles with abstracts of our own, held to what PubMed says of them."""

import gzip
import html
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lxml import etree

from indexer.notation import squeeze
from indexer.parsed_file import ParsedFile
from indexer.reading import read_file
from indexer.sources import find_sources
from search.article import Article, Flag, MeshHeading
from search.shipped import sample_folder

COPIED_WORDS = 9
WARNINGS = Flag.RETRACTED | Flag.EXPRESSION_OF_CONCERN | Flag.RETRACTION_NOTICE | Flag.ERRATUM
FILES = sorted(sample_folder().iterdir())


@dataclass(frozen=True, slots=True)
class RealRecord:
    """One copy of a record that we ship, as a public file has it; JSONL has no more than these."""

    file: str
    title: str
    year: int | None
    journal: str
    abstract: str
    article: Article | None = None


class JsonRecord(msgspec.Struct):
    pmid: int | None
    title: str | None
    abstract: str | None
    year: int | None
    journal: str | None


@pytest.fixture(scope="module")
def parsed() -> list[ParsedFile]:
    return [read_file(source) for source in find_sources([sample_folder()]).files]


@pytest.fixture(scope="module")
def sample(parsed: list[ParsedFile]) -> dict[int, Article]:
    return {article.pmid: article for one in parsed for article in one.articles}


@pytest.fixture(scope="module")
def real(shared_data: Path, sample: dict[int, Article]) -> dict[int, list[RealRecord]]:
    """Every real record of the sample's PMIDs: PubMed XML, NBIB and JSONL."""
    found = defaultdict(list)
    for source in find_sources([shared_data / "pubmed_xml"]).files:
        for article in read_file(source).articles:
            if article.pmid in sample:
                found[article.pmid].append(
                    RealRecord(source.path.name, article.title, article.year, article.journal, article.abstract, article)
                )
    for record in json_records(shared_data / "train" / "articles.jsonl.gz"):
        if record.pmid in sample:
            title = html.unescape(re.sub(r"</?[a-z]+[^<>]*>", "", record.title or ""))
            abstract, journal = record.abstract or "", record.journal or ""
            found[record.pmid].append(RealRecord("articles.jsonl.gz", title, record.year, journal, abstract))
    return found


def json_records(path: Path) -> Iterator[JsonRecord]:
    decoder = msgspec.json.Decoder(JsonRecord)
    with gzip.open(path) as stream:
        yield from map(decoder.decode, stream)


def test_two_files_of_75_records_and_no_more() -> None:
    assert [file.name for file in FILES] == ["sample-1.xml.gz", "sample-2.xml.gz"]
    assert sum(file.stat().st_size for file in FILES) < 200_000


def test_every_record_is_read(parsed: list[ParsedFile], sample: dict[int, Article]) -> None:
    assert [len(one.articles) for one in parsed] == [75, 75]
    assert [(one.skipped, one.deleted_pmids) for one in parsed] == [((), ()), ((), ())]
    assert len(sample) == 150


def test_every_record_has_what_an_answer_shows(sample: dict[int, Article]) -> None:
    for article in sample.values():
        assert article.title, article.pmid
        assert len(article.abstract.split()) >= 40, article.pmid
        assert article.year, article.pmid
        assert article.journal, article.pmid


def test_the_records_differ_as_pubmed_does(sample: dict[int, Article]) -> None:
    articles = sample.values()
    assert len({article.journal for article in articles}) >= 100
    assert len({article.year for article in articles}) >= 20
    assert sum(len(article.sections) > 1 for article in articles) >= 50  # structured abstracts
    assert sum(bool(article.mesh) for article in articles) >= 50
    assert sum(Flag.RETRACTED in article.flags for article in articles) >= 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_files_are_packed_reproducibly(file: Path) -> None:
    magic, flags, modified = file.read_bytes()[:2], file.read_bytes()[3], file.read_bytes()[4:8]
    assert (magic, flags, modified) == (b"\x1f\x8b", 0, bytes(4))  # no file name and no time, RFC 1952


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_files_are_what_nlm_defines(file: Path, shared_data: Path) -> None:
    definition = etree.DTD(str(shared_data / "pubmed_xml" / "dtd" / "pubmed_250101.dtd"))
    with gzip.open(file) as stream:
        document = etree.parse(stream, etree.XMLParser(load_dtd=False, no_network=True, resolve_entities=False))
    assert document.docinfo.system_url == "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd"
    assert definition.validate(document), definition.error_log


def test_every_record_is_an_article_of_pubmed(sample: dict[int, Article], real: Mapping[int, list[RealRecord]]) -> None:
    assert set(sample) - set(real) == set()


def test_title_year_and_journal_are_the_real_ones(sample: dict[int, Article], real: Mapping[int, list[RealRecord]]) -> None:
    for pmid, records in real.items():
        ours = sample[pmid]
        for theirs in records:
            found = (squeeze(ours.title), ours.year, ours.journal)
            assert found == (squeeze(theirs.title), theirs.year, theirs.journal), (pmid, theirs.file)


def test_authors_mesh_and_warnings_are_the_real_ones(sample: dict[int, Article], real: Mapping[int, list[RealRecord]]) -> None:
    full = [(sample[pmid], one.article) for pmid, records in real.items() for one in records if one.article is not None]
    assert len({ours.pmid for ours, _ in full}) >= 80
    for ours, theirs in full:
        assert ours.authors == theirs.authors, ours.pmid
        assert [as_printed(one) for one in ours.mesh] == [as_printed(one) for one in theirs.mesh], ours.pmid
        assert ours.publication_types == theirs.publication_types, ours.pmid
        assert ours.flags & WARNINGS == theirs.flags & WARNINGS, ours.pmid


def as_printed(heading: MeshHeading) -> tuple[Any, ...]:
    """A heading without its identifier, which NBIB does not have."""
    return heading.descriptor, heading.major, heading.qualifiers


def test_identifiers_of_mesh_are_the_real_ones(sample: dict[int, Article], real: Mapping[int, list[RealRecord]]) -> None:
    articles = [one.article for records in real.values() for one in records if one.article is not None]
    identifiers = {heading.descriptor: heading.ui for article in articles for heading in article.mesh if heading.ui}
    assert identifiers
    for article in sample.values():
        for heading in article.mesh:
            if heading.ui and heading.descriptor in identifiers:
                assert heading.ui == identifiers[heading.descriptor], (article.pmid, heading.descriptor)


def test_no_abstract_repeats_the_publishers_words(sample: dict[int, Article], real: Mapping[int, list[RealRecord]]) -> None:
    compared = 0
    for pmid, records in real.items():
        own = runs(" ".join(section.text for section in sample[pmid].sections))
        for theirs in records:
            compared += bool(theirs.abstract)
            assert own & runs(theirs.abstract) == set(), (pmid, theirs.file)
    assert compared >= len(sample)


def runs(text: str, length: int = COPIED_WORDS) -> set[tuple[str, ...]]:
    """Every run of words, lower-cased, without punctuation."""
    words: Sequence[str] = re.sub(r"[^\w\s]", "", text.lower()).split()
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def test_runs_are_found_whatever_the_punctuation() -> None:
    assert runs("Pain (P = 0.03) in: newborns!", 3) & runs("the pain, p=0.03 in newborns", 3) == set()
    assert runs("Pain (P 003) in: newborns!", 3) & runs("the pain, p 0.03 in newborns", 3) != set()

"""Articles that are not in PubMed: no output links to PubMed or calls their number a PMID."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.local_ids import LocalIds
from indexer.nbib import read_nbib
from indexer.parsed_file import Numberless, Record
from indexer.ris import read_ris
from search.article import FIRST_LOCAL_ID, LARGEST_ID, LARGEST_PMID, AbstractSection, Article, Author
from search.cli_table import print_answer
from search.condition import Term, TermField
from search.errors import QueryError
from search.export import Format, export
from search.filters import Filters
from search.pubmed_syntax import lookup, understand
from search.results import IndexSummary, Mode, SearchResult, SearchResults, Why

LOCAL = Article(
    pmid=FIRST_LOCAL_ID + 23_456_788,
    title="A report.",
    sections=(AbstractSection("Its abstract."),),
    authors=(Author("Smith", "John A", "JA"),),
    year=2014,
    publication_date="2014",
    doi="10.5555/report",
)
PUBMED = replace(LOCAL, pmid=32000001)
INDEX = IndexSummary(articles=2, last_file="own.csv", updated="2026-01-02", encoder="toy")


def results_of(*articles: Article) -> SearchResults:
    whys = [Why(dense_rank=rank) for rank in range(1, len(articles) + 1)]
    hits = tuple(SearchResult(why.dense_rank, one.pmid, 0.5, one, why) for one, why in zip(articles, whys, strict=True))
    return SearchResults("pain", Mode.DENSE, Filters(), 1.0, 0, INDEX, hits)


def article_in(record: Record) -> Article:
    assert isinstance(record, Article | Numberless)
    return record.article if isinstance(record, Numberless) else record


@pytest.mark.parametrize(("pmid", "is_local"), [(1, False), (LARGEST_PMID, False), (FIRST_LOCAL_ID, True), (LARGEST_ID, True)])
def test_which_numbers_are_local(pmid: int, is_local: bool) -> None:
    article = Article(pmid, "Title.")
    assert article.is_local is is_local
    assert article.url == ("" if is_local else f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/")


@pytest.mark.parametrize("export_format", [Format.RIS, Format.NBIB, Format.CSV, Format.PMIDS])
def test_no_export_says_anything_of_pubmed(export_format: Format) -> None:
    text = export(results_of(LOCAL), export_format).partition("\n")[2] if export_format is Format.CSV else ""
    text = text or export(results_of(LOCAL), export_format)
    assert "pubmed" not in text.lower()
    assert "PMID" not in text
    assert str(LOCAL.pmid) not in text


def test_bibtex_has_the_number_in_its_key_alone() -> None:
    text = export(results_of(LOCAL), Format.BIBTEX)
    assert "@article{smith2014_123456789," in text
    assert text.count("123456789") == 1
    assert "pmid = " not in text
    assert "url = " not in text


def test_a_list_of_pmids_is_without_it() -> None:
    assert export(results_of(LOCAL, PUBMED), Format.PMIDS) == "32000001\n"


def test_csv_has_no_pmid_beside_those_that_have_one() -> None:
    rows = list(csv.DictReader(io.StringIO(export(results_of(LOCAL, PUBMED), Format.CSV), newline="")))
    assert [(row["rank"], row["pmid"], row["url"]) for row in rows] == [
        ("1", "", ""),
        ("2", "32000001", "https://pubmed.ncbi.nlm.nih.gov/32000001/"),
    ]


@pytest.mark.parametrize(("export_format", "reader"), [(Format.RIS, read_ris), (Format.NBIB, read_nbib)])
@pytest.mark.parametrize("order", [(LOCAL, PUBMED), (PUBMED, LOCAL), (PUBMED, LOCAL, replace(LOCAL, pmid=LARGEST_ID))])
def test_exports_come_back_with_the_same_number(export_format: Format, reader: type, order: tuple[Article, ...]) -> None:
    content = export(results_of(*order), export_format).encode()
    back = [article_in(record) for record in reader(io.BytesIO(content), Path("export"))]
    assert [one.pmid for one in back] == [0 if one.is_local else one.pmid for one in order]
    assert [(one.title, one.abstract, one.doi) for one in back] == [(one.title, one.abstract, one.doi) for one in order]
    first, again = (LocalIds(lambda ids: {}).numbered([one])[0].pmid for one in (replace(LOCAL, pmid=0), back[0]))
    assert first == again


def test_the_table_says_which_number_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer(results_of(LOCAL, PUBMED))
    shown = capsys.readouterr().out
    assert "123456789" in shown
    assert shown.count("local id") == 1
    assert "32000001" in shown


@pytest.mark.parametrize("text", ["123456789", " 123456789 ", "100000001", str(LARGEST_ID)])
def test_a_local_id_is_looked_up(text: str) -> None:
    assert lookup(text) == Term(TermField.PMID, text.strip())
    assert understand(f"{text.strip()}[pmid]").condition == Term(TermField.PMID, text.strip())


@pytest.mark.parametrize("text", ["223456789", "170000000", "1234567890"])
def test_other_long_numbers_are_words(text: str) -> None:
    assert lookup(text) is None
    with pytest.raises(QueryError, match="expected one PMID, a number of 1 to 8 digits, or a local id"):
        understand(f"{text}[pmid]")

"""CSV as PubMed, reference managers, databases and we ourselves export it, each with headers of its own."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.csv_source import LONGEST_CELL, read_csv
from indexer.parsed_file import Numberless, Record, SkipKind, Skipped
from search.article import AbstractSection, Article, Author, Correction, Flag, MeshHeading
from search.errors import SourceError
from search.export import Format, export
from search.results import SearchResult, Why

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "csv"
PATH = Path("export.csv")


def read(content: bytes) -> list[Record]:
    return list(read_csv(io.BytesIO(content), PATH))


def fixture(name: str) -> list[Record]:
    return read((FIXTURES / name).read_bytes())


def article_of(**cells: str) -> Article:
    """The article of a row with these cells, besides its PMID and title."""
    page = io.StringIO()
    csv.writer(page).writerows([["pmid", "title", *cells], ["36000100", "Title.", *cells.values()]])
    (record,) = read(page.getvalue().encode())
    assert isinstance(record, Article)
    return record


def test_pubmed_cites_in_one_column() -> None:
    assert fixture("pubmed.csv") == [
        Article(
            pmid=36000001,
            title='Statins, muscle pain and "myalgia" in TGF-β1 deficient adults.',
            authors=(
                Author("Smith", initials="JA"),
                Author("van der Berg", initials="A"),
                Author(collective_name="PARADIGM-XY Investigators"),
            ),
            journal="J Made Up Med",
            volume="12",
            issue="4 Suppl 1",
            pages="371-5",
            year=2014,
            publication_date="2014 Mar-Apr",
            doi="10.5555/its-own",
            pmcid="PMC7000001",
        ),
        Article(36000002, "A book.", authors=(Author("Editor", initials="E"),), year=2005, publication_date="2005"),
    ]


def test_zotero_keeps_the_pmid_in_its_extra_field() -> None:
    assert fixture("zotero.csv") == [
        Article(
            pmid=36000011,
            title="A title from Zotero",
            sections=(AbstractSection("An abstract from Zotero, on two lines."),),
            authors=(Author("Smith", "John A.", "JA"), Author("van der Berg", "Anna", "A")),
            journal="Journal of Made-up Medicine",
            journal_abbreviation="J Made Up Med",
            issn="1234-567X",
            volume="12",
            issue="4",
            pages="371-375",
            year=2014,
            publication_date="2014 Mar 7",
            languages=("eng",),
            keywords=("myalgia", "statins", "Humans"),
            doi="10.5555/zotero",
            pmcid="PMC7000011",
        ),
        Article(
            pmid=36000012,
            title="A chapter from Zotero",
            journal="A Whole Book",
            pages="1-9",
            year=2005,
            publication_date="2005",
            is_book=True,
        ),
    ]


def test_rayyan_names_the_pmid_in_its_link_alone() -> None:
    assert fixture("rayyan.csv") == [
        Article(
            pmid=36000021,
            title="A title from Rayyan",
            sections=(AbstractSection("An abstract from Rayyan."),),
            authors=(Author("Smith", "J.", "J"), Author("van der Berg", "A.", "A")),
            journal="Journal of Made-up Medicine",
            issn="1234-5679",
            volume="12",
            issue="4",
            pages="371-375",
            year=2014,
            publication_date="2014 Mar 7",
            languages=("eng",),
            keywords=("myalgia", "statins"),
            doi="10.5555/rayyan",
            pmcid="PMC7000021",
        )
    ]


def test_scopus_says_that_an_article_is_retracted_and_which_column_is_the_journal() -> None:
    (record,) = fixture("scopus.csv")
    assert record == Article(
        pmid=36000031,
        title="A title from Scopus",
        sections=(AbstractSection("An abstract from Scopus."),),
        authors=(Author("Smith", initials="JA"), Author("Yang", initials="JP")),
        journal="Nature Communications",
        journal_abbreviation="Nat. Commun.",
        issn="2041-1723",
        volume="14",
        issue="1",
        pages="371-375",
        year=2023,
        publication_date="2023",
        languages=("eng",),
        publication_types=("Retracted", "Retracted Publication"),
        keywords=("myalgia", "statins"),
        doi="10.5555/scopus",
    )
    assert record.flags == Flag.RETRACTED


def test_an_accession_number_is_a_pmid_where_its_database_is_medline() -> None:
    medline, embase = fixture("endnote.tsv")
    assert isinstance(medline, Article)
    assert (medline.pmid, medline.publication_date, medline.doi) == (36000041, "2014 Mar 7", "10.5555/endnote")
    assert medline.authors == (Author("Smith", "J. A.", "JA"), Author(collective_name="World Health Organization"))
    assert isinstance(embase, Numberless)


def test_an_accession_number_of_no_database_is_no_pmid() -> None:
    (record,) = read(b"title,accession number\nTitle.,36000100\n")
    assert isinstance(record, Numberless)


def test_web_of_science_has_two_letters_for_a_name() -> None:
    assert fixture("web_of_science.tsv") == [
        Article(
            pmid=36000061,
            title="A title from Web of Science",
            sections=(AbstractSection("An abstract from Web of Science."),),
            authors=(Author("Smith", "JA", "JA"), Author("Doe", "B", "B")),
            journal="JOURNAL OF MADE-UP MEDICINE",
            issn="1234-5679",
            volume="12",
            issue="4",
            pages="371-375",
            year=2014,
            publication_date="2014",
            publication_types=("Article",),
            doi="10.5555/wos",
        )
    ]


def test_semicolons_the_line_that_names_them_and_other_spellings() -> None:
    assert fixture("semicolons.csv") == [
        Article(
            36000051,
            "A title; with a semicolon",
            (AbstractSection("An abstract, with a comma."),),
            journal="Journal of Made-up Medicine",
            year=2014,
            publication_date="2014",
        )
    ]


def test_the_header_may_stand_below_other_lines() -> None:
    assert fixture("preamble.csv") == [Article(36000071, "A title below the preamble", (AbstractSection("An abstract."),))]


def test_how_programs_write_a_pmid_and_that_there_is_none() -> None:
    records = fixture("pmids.csv")
    assert [record.pmid for record in records[:4] if isinstance(record, Article)] == [36000081, 36000082, 36000083, 36000084]
    assert all(isinstance(record, Numberless) for record in records[4:7])
    assert [(one.position, one.kind, one.reason[-12:]) for one in records[7:] if isinstance(one, Skipped)] == [
        ("record 8, line 9", SkipKind.INVALID_PMID, "PMC7000081'."[-12:]),
        ("record 9, line 10", SkipKind.INVALID_PMID, " '3600008X'."),
        ("record 10, line 11", SkipKind.INVALID_PMID, "'136000081'."),
    ]


def test_two_pmids_of_one_row_are_not_guessed_at() -> None:
    (record,) = read(b"title,extra,url\nTitle.,PMID: 36000100,https://pubmed.ncbi.nlm.nih.gov/36000101/\n")
    assert isinstance(record, Skipped)
    assert "names the PMIDs 36000100 and 36000101" in record.reason


def test_what_is_not_taken_says_where_and_why() -> None:
    assert fixture("not_taken.csv") == [
        Skipped(
            PATH,
            "record 1, line 2",
            "The row has 4 cells and the header 3: a cell with ',' in it stands without quotation marks.",
            SkipKind.MALFORMED,
        ),
        Skipped(PATH, "record 2, line 4", "PMID 36000092 has neither a title nor an abstract.", SkipKind.NO_TEXT),
        Article(36000093, "Shorter than the header"),
        Skipped(
            PATH,
            "record 4, line 7",
            "A quotation mark in the row that begins in line 7 is not closed, so nothing was read as far as line 8.",
            SkipKind.MALFORMED,
        ),
    ]


def test_a_table_of_something_else_is_refused_and_its_names_are_shown() -> None:
    with pytest.raises(SourceError) as error:
        fixture("other_table.csv")
    assert str(error.value) == (
        "export.csv, line 1: expected a header with a column 'title' (and any of pmid, abstract, authors, journal, year, doi), "
        "found 'country', 'year', 'cases'. Name the column of the titles 'title', or leave this file out."
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_encoding_with_every_line_end_and_delimiter(encoding: str, line_end: str, delimiter: str) -> None:
    rows = [["Title", "Abstract", "PubMed ID"], ["Café, 5 €; 6", f'"One"{line_end}two', "36000100"], ["Next.", "", "36000101"]]
    page = io.StringIO()
    csv.writer(page, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    assert read(page.getvalue().encode(encoding)) == [
        Article(36000100, "Café, 5 €; 6", (AbstractSection('"One" two'),)),
        Article(36000101, "Next."),
    ]


def test_lines_are_counted_with_those_within_cells() -> None:
    records = read(b'pmid,title\n36000100,"One\ntwo\nthree"\n\nx,Four\n')
    assert [one.position for one in records if isinstance(one, Skipped)] == ["record 2, line 6"]


@pytest.mark.parametrize(
    ("authors", "names"),
    [
        ("Smith JA, Doe B.", ["Smith JA", "Doe B"]),
        ("Smith JA.", ["Smith JA"]),
        ("Smith JA, Doe B, et al.", ["Smith JA", "Doe B"]),
        ("Smith, John A.", ["Smith JA"]),
        ("van der Berg, Anna", ["van der Berg A"]),
        ("Garcia Lopez, Ana", ["Garcia Lopez A"]),
        ("Smith, J.A., Doe, B.", ["Smith JA", "Doe B"]),
        ("Smith, John, Doe, Bea", ["Smith J", "Doe B"]),
        ("Smith, J. and Doe, B.", ["Smith J", "Doe B"]),
        ("Smith J.A.; Doe B.", ["Smith JA", "Doe B"]),
        ("Smith, John (571); Doe, Bea (572)", ["Smith J", "Doe B"]),
        ("Smith, John\nDoe, Bea\n", ["Smith J", "Doe B"]),
        ("World Health Organization", ["World Health Organization"]),
        ("Ministry of Health and Welfare", ["Ministry of Health and Welfare"]),
        ("Madonna", ["Madonna"]),
        ("", []),
    ],
)
def test_names(authors: str, names: list[str]) -> None:
    article = article_of(authors=authors)
    assert [author.name for author in article.authors] == names
    assert article.authors_complete is not authors.endswith("et al.")


@pytest.mark.parametrize(
    ("cells", "date", "year"),
    [
        ({"year": "2014"}, "2014", 2014),
        ({"year": "2014.0", "month": "3.0"}, "2014 Mar", 2014),
        ({"year": "2014", "month": "March", "day": "7"}, "2014 Mar 7", 2014),
        ({"date": "2014-03-07"}, "2014 Mar 7", 2014),
        ({"date": "2014-03-07T10:00:00Z"}, "2014 Mar 7", 2014),
        ({"date": "2014-2015"}, "2014-2015", 2014),
        ({"year": "2014", "date": "2013-12-24"}, "2014", 2014),
        ({"year": "2014", "date": "Mar 7"}, "2014 Mar 7", 2014),
        ({"year": "in press"}, "in press", None),
        ({"date": "9" * 5000}, "", None),
    ],
)
def test_dates(cells: dict[str, str], date: str, year: int | None) -> None:
    article = article_of(**cells)
    assert (article.publication_date, article.year) == (date, year)


def test_the_first_name_that_is_known_best_counts() -> None:
    assert article_of(source="Scopus", **{"Source title": "Lancet"}).journal == "Lancet"
    assert article_of(source="Lancet").journal == "Lancet"


def test_our_own_export_comes_back() -> None:
    article = Article(
        pmid=36000100,
        title="-omics, +strand and = signs",
        sections=(AbstractSection("@home."),),
        authors=(Author("Smith", initials="JA"), Author("Doe", initials="B")),
        journal="Lancet",
        year=2014,
        publication_date="2014",
        volume="12",
        issue="4",
        pages="371-5",
        doi="10.5555/its-own",
        pmcid="PMC7000001",
        publication_types=("Review",),
        mesh=(MeshHeading("Communication"), MeshHeading("Receptors, Dopamine")),
        corrections=(Correction("RetractionIn", 1), Correction("ErratumIn")),
    )
    text = export([SearchResult(1, article.pmid, 0.5, article, Why())], Format.CSV)
    (record,) = read(text.encode())
    assert isinstance(record, Article)
    assert record.flags == article.flags
    assert record == Article(
        **{name: getattr(article, name) for name in article.__slots__}
        | {"publication_types": ("Review", "Retracted Publication"), "corrections": (Correction("ErratumIn"),)}
    )


def test_a_local_article_comes_back_without_a_pmid() -> None:
    article = Article(100_000_001, "A report.", (AbstractSection("Its abstract."),))
    text = export([SearchResult(1, article.pmid, 0.5, article, Why())], Format.CSV)
    (record,) = read(text.encode())
    assert isinstance(record, Numberless)
    assert record.article == Article(0, "A report.", (AbstractSection("Its abstract."),))


def test_a_cell_that_is_never_closed_costs_its_row_and_is_said() -> None:
    content = b'pmid,title\n36000100,"' + (b"a" * 99 + b"\n") * (LONGEST_CELL // 90) + b"36000101,Next.\n"
    first, *_, last = read(content)
    assert isinstance(first, Skipped)
    assert "A quotation mark in the row that begins in line 2 is not closed" in first.reason
    assert last == Article(36000101, "Next.")


def test_a_row_without_end_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(SourceError, match=r"export\.csv, line 2: the record that begins here is longer than 32 million"):
        read(b"pmid,title\n" + b'"\n",' * 400_000)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"pmid,title\n"])
def test_nothing_gives_nothing(content: bytes) -> None:
    assert read(content) == []


CELLS = st.text(st.sampled_from("aβ1,;\t\"' \n-.()/:"), max_size=12)


@given(st.lists(st.lists(CELLS, max_size=5), max_size=8))
def test_no_rows_break_the_reader(rows: list[list[str]]) -> None:
    page = io.StringIO()
    csv.writer(page).writerows([["pmid", "title", "authors", "date", "extra"], *rows])
    assert all(isinstance(record, Article | Skipped | Numberless) for record in read(page.getvalue().encode()))


@given(st.text(max_size=30), st.text(max_size=30))
def test_text_comes_back(title: str, abstract: str) -> None:
    page = io.StringIO()
    csv.writer(page).writerows([["pmid", "title", "abstract"], ["36000100", f"T{title}", abstract]])
    (record,) = read(page.getvalue().encode("utf-8", "replace"))
    assert isinstance(record, Article)
    expected = (" ".join(text.encode("utf-8", "replace").decode().split()) for text in (f"T{title}", abstract))
    assert (record.title, record.abstract) == tuple(expected)

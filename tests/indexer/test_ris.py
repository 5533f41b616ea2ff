"""RIS as reference managers and databases write it, each in its own way."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.parsed_file import Numberless, Record, SkipKind, Skipped, SourceFile, SourceFormat
from indexer.reading import read_file
from indexer.ris import read_ris
from search.article import AbstractSection, Article, Author, Correction, Flag
from search.errors import SourceError

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "ris" / "managers.ris"
PATH = Path("export.ris")


def read(content: bytes) -> list[Record]:
    return list(read_ris(io.BytesIO(content), PATH))


def record_of(*lines: str) -> Record:
    (record,) = read("\n".join(["TY  - JOUR", "TI  - Title.", *lines, "ER  - "]).encode())
    return record


def article_of(*lines: str) -> Article:
    record = record_of("AN  - 33000009", *lines)
    assert isinstance(record, Article)
    return record


def fixture_articles(name: str) -> list[Article]:
    records = read((FIXTURE.parent / name).read_bytes())
    return [record for record in records if isinstance(record, Article)]


def article_at(index: int) -> Article:
    record = read(FIXTURE.read_bytes())[index]
    assert isinstance(record, Article)
    return record


def test_a_full_record_from_zotero() -> None:
    article = article_at(0)
    assert article == Article(
        pmid=33000001,
        title="Statins and muscle pain in TGF-β1 deficient adults.",
        sections=(
            AbstractSection(
                "Muscle pain is common. CT - scans were ER - positive in 3 of 9. We followed 120 adults.",
            ),
        ),
        authors=(
            Author("Smith", "John A.", "JA", "Jr"),
            Author("van der Berg", "Anna", "A"),
            Author(collective_name="PARADIGM-XY Investigators"),
        ),
        journal="Journal of Made-up Medicine",
        journal_abbreviation="J Made Up Med",
        issn="1234-567X",
        volume="12",
        issue="4 Suppl 1",
        pages="371-375",
        year=2014,
        publication_date="2014 Mar 7",
        languages=("eng",),
        publication_types=("Retracted Publication",),
        keywords=("statins", "Muscular Diseases"),
        doi="10.5555/its-own",
    )
    assert article.flags == Flag.RETRACTED


def test_endnote_writes_lists_as_lines_and_cites_other_articles_pmids_in_its_notes() -> None:
    assert article_at(1) == Article(
        pmid=33000002,
        title="A title from EndNote.",
        sections=(AbstractSection("An abstract from EndNote."),),
        authors=(Author("Smith", "J. A.", "JA"), Author(collective_name="World Health Organization")),
        journal="Lancet",
        issn="1234-5679",
        pages="e371-5",
        year=2014,
        publication_date="2014 Mar 7",
        languages=("eng", "fre"),
        keywords=("Adult", "Aged", "Humans/*physiology"),
        doi="10.5555/endnote",
        pmcid="PMC7000002",
    )


def test_embase_has_the_pmid_in_a_column_of_its_own_and_other_numbers_beside() -> None:
    assert article_at(2) == Article(
        pmid=33000003,
        title="A title from Embase",
        sections=(AbstractSection("An abstract from Embase."),),
        authors=(Author("Yang", "J.-P.", "JP"),),
        journal="Nature Communications",
        journal_abbreviation="Nat. Commun.",
        year=2023,
        publication_date="2023 Jun",
    )


def test_scopus_has_the_pmid_where_others_have_the_pmcid() -> None:
    scopus = article_at(3)
    assert (scopus.pmid, scopus.title, scopus.issn, scopus.pmcid) == (33000004, "A title from Scopus", "2041-1723", "")


def test_cochrane_pads_its_values_and_writes_text_between_records() -> None:
    cochrane = article_at(4)
    assert (cochrane.pmid, cochrane.title, cochrane.journal) == (33000005, "A title from Cochrane", "Trials")
    assert (cochrane.pages, cochrane.authors) == ("1279-1297", (Author("Bywater", initials="T"),))
    assert not cochrane.authors_complete


def test_ebsco_repeats_the_tag_of_the_abstract_for_the_copyright() -> None:
    ebsco = article_at(5)
    assert (ebsco.pmid, ebsco.doi, ebsco.abstract) == (33000006, "10.5555/ebsco", "An abstract from EBSCO.")
    assert ebsco.copyright == "Copyright of PLoS ONE is the property of Public Library of Science."


def test_a_chapter_takes_the_books_title_and_editors_and_a_new_record_ends_the_last_one() -> None:
    assert article_at(6) == Article(
        pmid=33000007,
        title="A chapter without the end of the record before it",
        authors=(Author("Editor", "Eve", "E"),),
        journal="A Whole Book",
        year=2005,
        publication_date="2005",
        pmcid="PMC7000007",
        is_book=True,
    )


def test_one_space_before_the_hyphen_and_no_end_of_the_last_record() -> None:
    assert article_at(7) == Article(
        pmid=33000008,
        title="A book with one space before the hyphen",
        journal="A book with one space before the hyphen",
        publication_types=("Retraction of Publication",),
        corrections=(Correction("ErratumIn"),),
        is_book=True,
    )
    assert len(read(FIXTURE.read_bytes())) == 8


@pytest.mark.parametrize(
    "lines",
    [
        ["AN  - 33000010"],
        ["AN  - PMID: 33000010", "DB  - Web of Science"],
        ["AN  - MEDLINE:33000010", "DB  - Web of Science"],
        ["AN  - 33000010", "DB  - Ovid MEDLINE(R) and In-Process"],
        ["AN  - 33000010", "DP  - Nlm"],
        ["PMID- 33000010"],
        ["PMID - 33000010"],
        ["ID  - pmid33000010"],
        ["N1  - PMID: 33000010"],
        ["N1  - Read this.", "PubMed ID: 33000010", "And that."],
        ["M1  - PMID 33000010; PMCID PMC7000001"],
        ["C1  - PMCID: PMC7000001 PMID: 33000010"],
        ["AN  - PMC7000001", "U1  - 33000010[pmid]"],
        ["C7  - PubMed 33000010"],
        ["UR  - https://www.ncbi.nlm.nih.gov/pubmed/33000010?dopt=Abstract"],
        ["L2  - https://doi.org/10.5555/x https://pubmed.ncbi.nlm.nih.gov/33000010"],
        ["AN  - 33000010", "UR  - https://pubmed.ncbi.nlm.nih.gov/33000010/", "N1  - PMID: 33000010"],
        ["AN  - 2012345678", "DB  - Embase", "UR  - https://pubmed.ncbi.nlm.nih.gov/33000010/"],
    ],
)
def test_where_the_pmid_is_named(lines: list[str]) -> None:
    record = record_of(*lines)
    assert isinstance(record, Article)
    assert record.pmid == 33000010


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["AN  - 70012345", "DB  - Embase"],
        ["AN  - 70012345", "DB  - Embase", "DB  - Medline"],
        ["AN  - 33000010", "DP  - EBSCOhost"],
        ["AN  - WOS:000297045800003"],
        ["AN  - rayyan-42924189"],
        ["ID  - 33000010"],
        ["U1  - 33000010"],
        ["C2  - 33000010"],
        ["N1  - We searched PubMed 2014 and Embase."],
        ["N1  - PubMed 2014"],
        ["N1  - Lancet. 2000 Dec 9;356(9246):2008. PMID: 11130543"],
        ["N1  - PMID: 1113054399"],
        ["AB  - PMID: 33000010"],
        ["UR  - https://pubmed.ncbi.nlm.nih.gov/?term=33000010"],
        ["UR  - https://www.ncbi.nlm.nih.gov/pmc/articles/PMC7000001"],
    ],
)
def test_what_is_no_pmid(lines: list[str]) -> None:
    record = record_of(*lines)
    assert isinstance(record, Numberless)
    assert record.taken(local_ids=True) == record.article
    assert record.taken(local_ids=False) == Skipped(
        PATH,
        "record 1, line 1",
        "The record has no PMID, and without one it cannot be found again.",
        SkipKind.NO_PMID,
    )


def test_a_record_that_names_two_pmids_is_not_guessed_at() -> None:
    assert record_of("AN  - 33000010", "UR  - https://pubmed.ncbi.nlm.nih.gov/33000011/") == Skipped(
        PATH,
        "record 1, line 1",
        "The record names the PMIDs 33000010 and 33000011, and which is its own cannot be told.",
        SkipKind.INVALID_PMID,
    )


def test_a_pmid_that_is_no_number_is_shown() -> None:
    record = record_of("PMID- 3300001X")
    assert isinstance(record, Skipped)
    assert (record.kind, "'3300001X'" in record.reason) == (SkipKind.INVALID_PMID, True)


def test_a_record_without_text_is_left_out() -> None:
    (record,) = read(b"TY  - JOUR\nAN  - 33000010\nER  - \n")
    assert isinstance(record, Skipped)
    assert record.kind is SkipKind.NO_TEXT


@pytest.mark.parametrize(
    ("lines", "date", "year"),
    [
        (["PY  - 2014"], "2014", 2014),
        (["PY  - 2014", "DA  - 2014/03/07/"], "2014 Mar 7", 2014),
        (["PY  - 2014", "DA  - 2014/00/00/"], "2014", 2014),
        (["PY  - 2014", "DA  - 2013/12/24/"], "2014", 2014),
        (["Y1  - 2014///Mar-Apr"], "2014 Mar-Apr", 2014),
        (["DA  - 1998///Dec-1999 Jan"], "1998 Dec-1999 Jan", 1998),
        (["PY  - 2014/3//"], "2014 Mar", 2014),
        (["DA  - 03/07/2014"], "03/07/2014", 2014),
        (["PY  - 2014", "DA  - March 7"], "2014 March 7", 2014),
        (["PY  - in press"], "in press", None),
        ([], "", None),
    ],
)
def test_dates(lines: list[str], date: str, year: int | None) -> None:
    article = article_of(*lines)
    assert (article.publication_date, article.year) == (date, year)


@pytest.mark.parametrize(
    ("name", "author"),
    [
        ("Smith, J A", Author("Smith", "J A", "JA")),
        ("Smith, JA", Author("Smith", "JA", "JA")),
        ("Smith, Jean-Paul, 3rd", Author("Smith", "Jean-Paul", "JP", "3rd")),
        ("Smith JA", Author("Smith", initials="JA")),
        ("de la Cruz J A", Author("de la Cruz", initials="JA")),
        ("Aristotle", Author("Aristotle")),
        ("UNESCO,", Author(collective_name="UNESCO")),
    ],
)
def test_names(name: str, author: Author) -> None:
    assert article_of(f"AU  - {name}").authors == (author,)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark(before: bytes, line_end: bytes) -> None:
    lines = [b"TY  - JOUR", b"AN  - 33000010", b"TI  - One", b"two.", b"ER  - "]
    assert read(before + line_end.join(lines)) == [Article(33000010, "One two.")]


def test_windows_text_is_read_line_by_line() -> None:
    lines = [b"TY  - JOUR", b"AN  - 33000010", "TI  - Café, 5 € β".encode(), "AB  - Café, 5 €".encode("cp1252")]
    assert read(b"\r\n".join(lines)) == [Article(33000010, "Café, 5 € β", (AbstractSection("Café, 5 €"),))]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_nothing_gives_nothing(content: bytes) -> None:
    assert read(content) == []


@pytest.mark.parametrize("content", [b"<html></html>", b"PMID- 33000010", b"AU  - Smith, J"])
def test_a_file_of_another_format_is_refused(content: bytes) -> None:
    with pytest.raises(SourceError, match=r"export\.ris, line 2: expected RIS, .* found '"):
        read(b"\n" + content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_every_encoding_with_every_line_end(encoding: str, line_end: str) -> None:
    lines = ["TY  - JOUR", "AN  - 33000010", "TI  - Café, 5 € ", "for two.", "AB  - One.", "", "Two.", "ER  - "]
    assert read(line_end.join(lines).encode(encoding)) == [
        Article(33000010, "Café, 5 € for two.", (AbstractSection("One. Two."),)),
    ]


def test_tags_in_small_letters_are_tags_where_the_record_begins_with_one() -> None:
    assert fixture_articles("small_letters.ris") == [
        Article(
            33000021,
            "Tags in small letters",
            (AbstractSection("The communi- ty - based study."),),
            authors=(Author("Smith", "John A.", "JA"),),
        ),
        Article(33000022, "Tags in capitals", (AbstractSection("Small letters begin a line: ct - scans."),)),
    ]


def test_blank_lines_within_records_and_no_end_of_the_last_one() -> None:
    assert fixture_articles("blank_lines.ris") == [
        Article(33000031, "Blank lines everywhere", (AbstractSection("The first paragraph. The second one."),)),
        Article(33000032, "No end"),
    ]


def test_mendeley_has_tags_of_its_own() -> None:
    assert fixture_articles("mendeley.ris") == [
        Article(
            pmid=33000041,
            title="A title from Mendeley",
            sections=(AbstractSection("An abstract from Mendeley."),),
            authors=(Author("Smith", "John A", "JA"),),
            journal="Journal of Made-up Medicine",
            volume="12",
            issue="4",
            pages="371-375",
            year=2014,
            publication_date="2014 Mar 7",
            doi="10.5555/mendeley",
        )
    ]


def test_web_of_science_has_the_pmid_among_its_own_numbers() -> None:
    (article,) = fixture_articles("web_of_science.ris")
    assert (article.pmid, article.title, article.issn) == (33000051, "A title from Web of Science", "1234-5679")
    assert (article.keywords, article.languages) == (("MYALGIA", "STATINS"), ("eng",))


def test_labelled_numbers_take_no_longer_than_their_length() -> None:
    record = record_of("N1  - " + "abcdef1 " * 20_000 + "?")  # dividing the letters in every way would take for ever
    assert isinstance(record, Numberless)


def test_a_month_of_many_digits_is_no_month() -> None:
    assert article_of("DA  - 2014/0012345/").publication_date == "2014"


def test_many_notes_on_copying_take_no_longer_than_their_length() -> None:
    article = article_of(*(f"AB  - Copyright {number}" for number in range(20_000)))
    assert (article.abstract, article.copyright[-15:]) == ("Copyright 0", "Copyright 19999")


def test_a_record_without_end_is_refused_before_it_fills_the_memory() -> None:
    lines = b"TY  - JOUR\n" + b"KW  - a\n" * 400_000
    with pytest.raises(SourceError, match=r"export\.ris, line 1: the record that begins here is longer than 32 million"):
        read(lines)


def test_a_file_is_read_as_ris() -> None:
    parsed = read_file(SourceFile(FIXTURE, SourceFormat.RIS))
    assert [one.pmid for one in parsed.articles] == list(range(33000001, 33000009))
    assert parsed.skipped == ()


LINES = [
    b"TY  - JOUR",
    b"TY - BOOK",
    b"AN  - 1",
    b"TI  - A",
    b"b",
    b"AU  - ,",
    b"DA  - ///",
    b"SP  - -",
    b"ER  - ",
    b"",
    b"\xff",
    b"KW  - ;",
]


@given(st.lists(st.sampled_from(LINES) | st.binary(max_size=20)))
def test_no_order_of_lines_breaks_the_reader(lines: list[bytes]) -> None:
    try:
        records = read(b"\n".join(lines))
    except SourceError:
        return
    assert all(isinstance(record, Article | Skipped | Numberless) for record in records)

"""NBIB: the tagged text that PubMed exports, to the same articles as its XML."""

import io
import re
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.nbib import read_nbib
from indexer.parsed_file import Numberless, Record, SkipKind, Skipped
from search.article import (
    AbstractSection,
    Article,
    Author,
    Correction,
    Flag,
    MeshHeading,
    MeshQualifier,
    OtherAbstract,
)
from search.errors import SourceError

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "nbib" / "export.nbib"
PATH = Path("export.nbib")


def read(content: bytes) -> list[Record]:
    return list(read_nbib(io.BytesIO(content), PATH))


def article_at(index: int) -> Article:
    record = read(FIXTURE.read_bytes())[index]
    assert isinstance(record, Article)
    return record


def test_a_full_record() -> None:
    article = article_at(0)
    assert article == Article(
        pmid=32000001,
        title="Statins and muscle pain in TGF-β1 deficient adults.",
        sections=(
            AbstractSection(
                "BACKGROUND: Muscle pain is common. METHODS: We followed 120 adults for 6 months. CONCLUSIONS: It passed."
            ),
        ),
        vernacular_title="Statines et douleurs musculaires.",
        other_abstracts=(
            OtherAbstract((AbstractSection("Les douleurs musculaires."),), language="fre", kind="Publisher"),
            OtherAbstract((AbstractSection("A summary for everybody."),), language="eng"),
        ),
        copyright="Copyright (c) 2014 The Authors.",
        authors=(
            Author("Smith", "John A", "JA", "Jr"),
            Author("van der Berg", "Anna", "A"),
            Author("Ødegård Ch"),
            Author(collective_name="PARADIGM-XY Investigators"),
        ),
        journal="Journal of Made-up Medicine",
        journal_abbreviation="J Made Up Med",
        issn="1234-5679",
        volume="12",
        issue="4 Suppl 1",
        pages="371-5",
        year=2014,
        publication_date="2014 Mar-Apr",
        electronic_date="2014-02-07",
        languages=("eng", "fre"),
        publication_types=("Journal Article", "Retracted Publication"),
        mesh=(
            MeshHeading("Communication", major=True),
            MeshHeading("Heart Failure", (MeshQualifier("drug therapy", major=True), MeshQualifier("mortality"))),
            MeshHeading("Humans"),
        ),
        keywords=("myalgia", "statins"),
        doi="10.5555/its-own",
        pmcid="PMC7000003",
        corrections=(
            Correction("RetractionIn", 32000003, "J Made Up Med. 2021 Jan;13(1):9"),
            Correction("ErratumIn", None, "J Made Up Med 2015;13(3):11"),
            Correction("ExpressionOfConcernIn", 32000004, "J Made Up Med. 2016;14(2):10. doi: 10.5555/concern"),
        ),
    )
    assert article.flags == Flag.RETRACTED | Flag.EXPRESSION_OF_CONCERN | Flag.ERRATUM


def test_a_book_takes_the_books_title_and_editors() -> None:
    assert article_at(1) == Article(
        pmid=32000002,
        title="A Whole Book",
        authors=(Author("Editor", "Eve", "E"),),
        journal="A Whole Book",
        year=2005,
        publication_date="2005",
        publication_types=("Book",),
        is_book=True,
    )


def test_a_second_pmid_begins_a_record_without_a_blank_line() -> None:
    notice = article_at(2)
    assert (notice.pmid, notice.title) == (32000003, "Retraction: Statins and muscle pain.")
    assert notice.corrections == (Correction("RetractionOf", 32000001, "J Made Up Med. 2014 Mar;12(4):371-5"),)
    assert notice.flags == Flag.RETRACTION_NOTICE | Flag.TITLE_ONLY


def test_et_al_is_no_author_but_says_that_some_are_missing() -> None:
    assert article_at(2).authors == (Author("Smith", initials="JA"),)
    assert not article_at(2).authors_complete
    assert article_at(0).authors_complete


def test_what_is_not_taken_says_where_and_why() -> None:
    records = read(FIXTURE.read_bytes())[3:]
    assert [record.taken(local_ids=False) if isinstance(record, Numberless) else record for record in records] == [
        Skipped(
            PATH,
            "record 4, line 65",
            "The record has no PMID, and without one it cannot be found again.",
            SkipKind.NO_PMID,
        ),
        Skipped(
            PATH,
            "record 5, line 67",
            "A PMID is a whole number of 1 to 8 digits; the record says '3200000X'.",
            SkipKind.INVALID_PMID,
        ),
        Skipped(
            PATH,
            "record 6, line 70",
            "Line 72 is neither a tagged line nor an indented one: 'a line that belongs nowhere.'.",
            SkipKind.MALFORMED,
        ),
        Skipped(PATH, "record 7, line 74", "PMID 32000007 has neither a title nor an abstract.", SkipKind.NO_TEXT),
    ]


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n\r\n", b"\xef\xbb\xbf\n"])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_byte_order_mark_blank_lines_and_line_ends(before: bytes, line_end: bytes) -> None:
    content = before + line_end.join([b"PMID- 32000008", b"TI  - One", b"      two.", b"AB  - Three."])
    assert read(content) == [Article(32000008, "One two.", (AbstractSection("Three."),))]


def test_an_abstract_goes_on_after_a_blank_line_where_the_next_is_indented() -> None:
    content = b"PMID- 32000008\nTI  - One.\nAB  - Two.\n\n      Three.\nVI  - 4\n"
    assert read(content) == [Article(32000008, "One.", (AbstractSection("Two. Three."),), volume="4")]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_nothing_gives_nothing(content: bytes) -> None:
    assert read(content) == []


@pytest.mark.parametrize("content", [b"<html></html>", b"      indented", b"PMID 32000008", b"TY - JOUR"])
def test_a_file_of_another_format_is_refused(content: bytes) -> None:
    with pytest.raises(SourceError, match=r"export\.nbib, line 2: expected NBIB"):
        read(b"\n" + content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_every_encoding_with_every_line_end(encoding: str, line_end: str) -> None:
    first = ["PMID- 32000008", "TI  - Café,", "      5 €.", "AB  - One", "", "      two.", ""]
    lines = [*first, "PMID- 32000009", "TI  - Next.", ""]
    assert read(line_end.join(lines).encode(encoding)) == [
        Article(32000008, "Café, 5 €.", (AbstractSection("One two."),)),
        Article(32000009, "Next."),
    ]


def test_a_line_in_another_encoding_is_read_as_what_windows_programs_write() -> None:
    content = "PMID- 32000008\nTI  - Café β.\n".encode() + "AB  - Café 5 €.\n".encode("cp1252")
    assert read(content) == [Article(32000008, "Café β.", (AbstractSection("Café 5 €."),))]


def test_blank_lines_within_records_end_none() -> None:
    assert read((FIXTURE.parent / "blank_lines.nbib").read_bytes()) == [
        Article(
            32000021,
            "Blank lines after and within the fields.",
            (AbstractSection("The abstract belongs to it."),),
            authors=(Author("Smith", "John A", "JA"),),
        ),
        Article(32000022, "The next one."),
        Article(32000023, "Its owner comes first."),
    ]


def test_records_without_a_pmid_end_with_a_blank_line() -> None:
    records = read((FIXTURE.parent / "numberless.nbib").read_bytes())
    assert [record.article if isinstance(record, Numberless) else record for record in records] == [
        Article(0, "The first without a PMID.", (AbstractSection("Its abstract."),)),
        Article(0, "The second without a PMID."),
        Article(32000031, "One with a PMID."),
        Article(0, "The third without a PMID."),
    ]


def test_tags_in_small_letters_are_tags_where_the_file_begins_with_one() -> None:
    assert read((FIXTURE.parent / "small_letters.nbib").read_bytes()) == [
        Article(32000041, "Tags in small letters of a file.", (AbstractSection("An abstract."),))
    ]


def test_a_record_without_end_is_refused_before_it_fills_the_memory() -> None:
    lines = b"PMID- 32000008\n" + b"OT  - a\n" * 400_000
    with pytest.raises(SourceError, match=r"export\.nbib, line 1: the record that begins here is longer than 32 million"):
        read(lines)


@given(st.lists(st.text("aβ-/:.,", min_size=1, max_size=12), min_size=1, max_size=40), st.integers(min_value=20, max_value=100))
def test_text_comes_back_however_it_is_wrapped(words: list[str], width: int) -> None:
    text = " ".join(words)
    wrapped = "\n      ".join(textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False))
    assert read(f"PMID- 32000008\nTI  - T.\nAB  - {wrapped}\n".encode()) == [Article(32000008, "T.", (AbstractSection(text),))]


@given(st.lists(st.sampled_from([b"PMID- 1", b"TI  - A", b"      b", b"AU  - ", b"FAU - ,", b"MH  - /", b"", b"\xff", b"?"])))
def test_no_order_of_lines_breaks_the_reader(lines: list[bytes]) -> None:
    try:
        records = read(b"\n".join(lines))
    except SourceError:
        return
    assert all(isinstance(record, Article | Skipped | Numberless) for record in records)


def test_real_files_against_a_plain_reading(shared_data: Path) -> None:
    files = sorted((shared_data / "pubmed_xml").rglob("*.txt"))
    taken = 0
    for path in files:
        with path.open("rb") as stream:
            records = list(read_nbib(stream, path))
        articles = [record for record in records if isinstance(record, Article)]
        assert [(one.pmid, one.title, one.abstract) for one in articles] == plain_reading(path)
        assert len(articles) == len(records)
        taken += len(articles)
    assert (len(files), taken) == (5, 1013)


def plain_reading(path: Path) -> list[tuple[int, str, str]]:
    """PMID, title and abstract of each record, by unfolding the lines and searching for the tags."""
    unfolded = re.sub(r"\s*\n {6}", " ", path.read_text(encoding="utf-8"))
    records = re.split(r"^PMID- ", unfolded, flags=re.MULTILINE)[1:]
    return [(int(record.split()[0]), tagged("TI", record), tagged("AB", record)) for record in records]


def tagged(tag: str, record: str) -> str:
    found = re.search(rf"^{tag}  - (.*)$", record, flags=re.MULTILINE)
    return " ".join(found.group(1).split()) if found else ""

"""PubMed XML: what is kept of a record, what is refused, and what a plain slow reading of the same files says."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from indexer.parsed_file import Deleted, Record, SkipKind, Skipped
from indexer.pubmed_xml import read_pubmed_xml
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

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "pubmed_xml"
PATH = Path("records.xml")


def read(content: bytes) -> list[Record]:
    return list(read_pubmed_xml(io.BytesIO(content), PATH))


def read_fixture(name: str) -> list[Record]:
    return read((FIXTURES / name).read_bytes())


def articles_of(name: str) -> list[Article]:
    records = read_fixture(name)
    assert all(isinstance(record, Article) for record in records)
    return [record for record in records if isinstance(record, Article)]


def article_set(*articles: str) -> bytes:
    return f"<PubmedArticleSet>{''.join(articles)}</PubmedArticleSet>".encode()


def with_title(title: str, pmid: int = 31000001) -> str:
    core = f"<PMID>{pmid}</PMID><Article><ArticleTitle>{title}</ArticleTitle></Article>"
    return f"<PubmedArticle><MedlineCitation>{core}</MedlineCitation></PubmedArticle>"


class TestText:
    def test_all_inner_text_of_titles_is_kept_and_inline_tags_neither_join_nor_part_words(self) -> None:
        (article,) = articles_of("inline_markup.xml")
        assert article.title == ("Helicobacter pylori uptake of Ca2+ and H2O2 at 5 µg/ml: TGF-β1 (TGFB1) revisited.")

    def test_abstract_keeps_what_follows_tags_math_comments_and_cdata(self) -> None:
        (article,) = articles_of("inline_markup.xml")
        assert article.sections == (
            AbstractSection("Aim. Mice (n = 12) drank water < 4 °C."),
            AbstractSection("The rate k 1 = 0.3 rosely; p < 0.01.", label="RESULTS"),
        )

    def test_parts_keep_label_and_category_and_empty_parts_are_dropped(self) -> None:
        (article,) = articles_of("abstract_parts.xml")
        assert article.sections == (
            AbstractSection("Falls are common.", "BACKGROUND", "BACKGROUND"),
            AbstractSection("We followed 120 adults.", "PATIENTS AND METHODS", "METHODS"),
            AbstractSection("Vitamin D helped.", "", "CONCLUSIONS"),
        )

    def test_copyright_and_other_abstracts_stand_apart(self) -> None:
        (article,) = articles_of("abstract_parts.xml")
        assert article.copyright == "© 2018 The Authors."
        assert article.other_abstracts == (
            OtherAbstract((AbstractSection("Stürze sind häufig.", "HINTERGRUND"),), language="ger", kind="Publisher"),
            OtherAbstract(
                (AbstractSection("Older people fall less with vitamin D."),), language="eng", kind="plain-language-summary"
            ),
        )

    def test_translated_title_keeps_its_brackets_and_the_original_beside_it(self) -> None:
        (article,) = articles_of("abstract_parts.xml")
        assert article.title == "[Vitamin D and falls in older adults]."
        assert article.vernacular_title == "Vitamin D und Stürze im höheren Lebensalter."

    def test_original_title_stands_in_for_a_missing_one(self) -> None:
        article = "<PMID>31000005</PMID><Article><ArticleTitle/><VernacularTitle>Stürze.</VernacularTitle></Article>"
        (record,) = read(article_set(f"<PubmedArticle><MedlineCitation>{article}</MedlineCitation></PubmedArticle>"))
        assert isinstance(record, Article)
        assert (record.title, record.vernacular_title) == ("Stürze.", "Stürze.")

    def test_a_comment_parts_nothing(self) -> None:
        (record,) = read(article_set(with_title("Sta<!-- or: Sa -->tins.").replace("31000001", "310<!-- new -->00006")))
        assert record == Article(31000006, "Statins.")

    @given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8), min_size=1, max_size=8))
    def test_any_text_comes_back_whole_however_it_is_marked_up(self, pieces: list[str]) -> None:
        title = etree.Element("ArticleTitle")
        for number, piece in enumerate(pieces):
            inline = etree.SubElement(title, ("i", "sup", "b")[number % 3])
            inline.text = inline.tail = piece
        written = etree.tostring(title, encoding="unicode").removeprefix("<ArticleTitle>").removesuffix("</ArticleTitle>")
        (record,) = read(article_set(with_title(f"T{written}")))
        assert isinstance(record, Article)
        assert record.title == " ".join("".join(["T", *(piece * 2 for piece in pieces)]).split())


class TestExactPaths:
    def test_ids_and_titles_of_references_and_comments_are_not_the_articles(self) -> None:
        article = articles_of("exact_paths.xml")[0]
        assert (article.pmid, article.version) == (31000003, 3)
        assert (article.doi, article.pmcid) == ("10.5555/its-own", "PMC7000003")
        assert (article.title, article.journal) == ("Statins and muscle pain.", "Journal of Made-up Medicine")

    def test_journal_issue_and_pages(self) -> None:
        article = articles_of("exact_paths.xml")[0]
        assert (article.journal_abbreviation, article.issn) == ("J Made Up Med", "1234-5679")
        assert (article.volume, article.issue, article.pages) == ("12", "4 Suppl 1", "371-5")
        assert article.publication_model == "Electronic-eCollection"

    def test_doi_of_the_location_where_the_record_has_no_other_and_it_is_valid(self) -> None:
        article = articles_of("exact_paths.xml")[1]
        assert (article.doi, article.pmcid) == ("10.5555/location", "")

    def test_second_choices_for_journal_issn_and_pages(self) -> None:
        article = articles_of("exact_paths.xml")[1]
        assert (article.journal, article.journal_abbreviation) == ("", "J. Made-up Med.")
        assert (article.issn, article.pages) == ("9999-9999", "S12-S19")


def test_dates_are_kept_as_printed_with_their_leading_year() -> None:
    dates = [(one.pmid, one.publication_date, one.year, one.electronic_date) for one in articles_of("dates.xml")]
    assert dates == [
        (31000011, "2014 Mar 7", 2014, "2013-12-05"),
        (31000012, "2001 Spring", 2001, ""),
        (31000013, "1998 Dec-1999 Jan", 1998, ""),
        (31000014, "Fall 2017", 2017, ""),
        (31000015, "Undated", 2016, "2016-02"),
        (31000016, "", None, ""),
    ]


class TestCorrections:
    def test_a_retraction_is_known_from_either_of_its_two_places(self) -> None:
        by_type, by_link, *_ = articles_of("retractions.xml")
        assert by_type.publication_types == ("Journal Article", "Retracted Publication")
        assert by_type.corrections == ()
        assert by_link.corrections == (Correction("RetractionIn", 31000024, "J Made Up Med. 2021;13(1):9"),)
        assert by_type.flags == by_link.flags == Flag.RETRACTED | Flag.TITLE_ONLY

    def test_concern_erratum_and_notice_are_not_retractions(self) -> None:
        *_, doubted, notice = articles_of("retractions.xml")
        assert doubted.corrections == (
            Correction("ExpressionOfConcernIn", 31000025, "J Made Up Med. 2021;13(2):10"),
            Correction("ErratumIn", None, "J Made Up Med 2021;13(3):11"),
        )
        assert doubted.flags == Flag.EXPRESSION_OF_CONCERN | Flag.ERRATUM | Flag.TITLE_ONLY
        assert notice.flags == Flag.RETRACTION_NOTICE | Flag.TITLE_ONLY


def test_subjects() -> None:
    (article,) = articles_of("subjects.xml")
    assert article.mesh == (
        MeshHeading("Humans", ui="D006801"),
        MeshHeading("Heart Failure", (MeshQualifier("drug therapy", major=True), MeshQualifier("mortality")), ui="D006333"),
        MeshHeading("Communication", major=True),
    )
    assert article.keywords == ("NT-proBNP", "sacubitril", "Africa")
    assert article.languages == ("eng", "fre")
    assert article.publication_types == ("Journal Article", "Randomized Controlled Trial")


def test_authors_are_people_and_groups_without_misprints_and_investigators() -> None:
    (article,) = articles_of("authors.xml")
    assert article.authors == (
        Author("Smith", "John A", "JA", "Jr"),
        Author("Ødegård"),
        Author(collective_name="PARADIGM-XY Investigators"),
    )
    assert not article.authors_complete


def test_references_are_pmids_once_each_nested_lists_and_older_citations_included() -> None:
    (article,) = articles_of("references.xml")
    assert article.references == (11000003, 11000001, 11000002, 11000004, 11000009)
    assert article.corrections == ()


class TestBooks:
    def test_a_chapter(self) -> None:
        chapter, _ = articles_of("books.xml")
        assert chapter == Article(
            pmid=31000061,
            title="CACNA1C-Related Disorders",
            sections=(AbstractSection("Long QT in all.", "CLINICAL CHARACTERISTICS"),),
            version=2,
            copyright="Copyright © 1993 the press.",
            authors=(Author("Writer", initials="W"),),
            journal="GeneNotes®",
            year=1993,
            publication_date="1993",
            languages=("eng",),
            publication_types=("Review",),
            keywords=("long QT",),
            doi="10.5555/chapter",
            references=(11000001,),
            is_book=True,
        )

    def test_a_whole_book_takes_its_own_title_and_editors(self) -> None:
        _, book = articles_of("books.xml")
        assert (book.title, book.journal) == ("A Whole Book", "A Whole Book")
        assert (book.authors, book.doi, book.year) == ((Author("Editor", initials="E"),), "10.5555/book", 2005)
        assert book.flags == Flag.BOOK | Flag.TITLE_ONLY


def test_versions_and_deletions_come_in_the_files_order() -> None:
    first, second, *deleted, last = read_fixture("update_with_deletions.xml")
    assert [(one.pmid, one.version) for one in (first, second) if isinstance(one, Article)] == [(31000071, 1), (31000071, 2)]
    assert deleted == [Deleted(31000072), Deleted(31000073)]
    assert last == Skipped(
        PATH,
        "deletion 3, line 15",
        "A PMID is a whole number of 1 to 8 digits; the record says 'none'.",
        SkipKind.INVALID_PMID,
    )


def test_what_is_not_taken_says_where_and_why() -> None:
    no_pmid, zero, no_text, taken, hollow = read_fixture("not_taken.xml")
    no_pmid_reason = "The record has no PMID, and without one it cannot be found again."
    zero_reason = "A PMID is a whole number of 1 to 8 digits; the record says '0'."
    no_text_reason = "PMID 31000083 has neither a title nor an abstract."
    assert no_pmid == Skipped(PATH, "record 1, line 3", no_pmid_reason, SkipKind.NO_PMID)
    assert zero == Skipped(PATH, "record 2, line 12", zero_reason, SkipKind.INVALID_PMID)
    assert no_text == Skipped(PATH, "record 3, line 18", no_text_reason, SkipKind.NO_TEXT)
    assert taken == Article(31000084, "", (AbstractSection("An abstract suffices."),))
    assert hollow == Skipped(PATH, "record 5, line 30", no_pmid_reason, SkipKind.NO_PMID)


def test_lines_are_known_beyond_sixteen_bits() -> None:
    (record,) = read(b"<PubmedArticleSet>" + b"\n" * 100_000 + b"<PubmedArticle/></PubmedArticleSet>")
    assert isinstance(record, Skipped)
    assert record.position == "record 1, line 100001"


class TestShapesOfFiles:
    def test_old_sets_without_a_wrapper(self) -> None:
        old, other = articles_of("medline_citation_set.xml")
        assert (old.pmid, old.version, old.doi, other.pmid) == (31000091, 1, "10.5555/old", 31000092)

    def test_a_record_on_its_own(self) -> None:
        assert [one.pmid for one in articles_of("single_article.xml")] == [31000093]

    @pytest.mark.parametrize("root", ["PubmedArticleSet", "PubmedBookArticleSet", "MedlineCitationSet", "BookDocumentSet"])
    def test_a_set_of_nothing_is_no_fault(self, root: str) -> None:
        assert read(f"<{root}></{root}>".encode()) == []

    @pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n\n", b"\xef\xbb\xbf\r\n "])
    def test_byte_order_mark_and_blank_lines_before_the_declaration(self, before: bytes) -> None:
        content = before + b'<?xml version="1.0"?>\n' + article_set(with_title("Title."), "<PubmedArticle/>")
        article, skipped = read(content)
        assert isinstance(article, Article)
        assert isinstance(skipped, Skipped)
        line = 2 + before.count(b"\n")
        assert skipped.position == f"record 2, line {line}"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
    def test_declared_encodings(self, encoding: str) -> None:
        text = f'<?xml version="1.0" encoding="{encoding}"?>' + article_set(with_title("5 µg à jeun.")).decode()
        (record,) = read(text.encode(encoding))
        assert isinstance(record, Article)
        assert record.title == "5 µg à jeun."


class TestEntities:
    """A declared entity can read other files or fill memory; PubMed's files have none."""

    @pytest.mark.parametrize("name", ["internal_entity.xml", "billion_laughs.xml"])
    def test_a_file_that_declares_entities_is_refused(self, name: str) -> None:
        with pytest.raises(SourceError, match="declares") as refused:
            read_fixture(name)
        assert "SMUGGLED" not in str(refused.value)

    @pytest.mark.parametrize(
        "declaration",
        [
            '<!ENTITY secret SYSTEM "{uri}">',
            '<!ENTITY secret PUBLIC "-//Made up//EN" "{uri}">',
            '<!ENTITY % outside SYSTEM "{uri}"> %outside;',
            '%undeclared; <!ENTITY secret "TOP-SECRET">',
        ],
    )
    @pytest.mark.parametrize("title", ["Reads &secret;.", "Reads nothing."])
    def test_no_declaration_passes_and_no_secret_leaves(self, declaration: str, title: str, tmp_path: Path) -> None:
        secret = tmp_path / "secret.txt"
        secret.write_text("TOP-SECRET")
        subset = declaration.format(uri=secret.as_uri())
        content = f"<!DOCTYPE PubmedArticleSet [{subset}]>".encode() + article_set(with_title(title))
        with pytest.raises(SourceError, match="declares 1") as refused:
            read(content)
        assert "TOP-SECRET" not in str(refused.value)

    def test_entities_that_multiply_in_an_attribute_of_the_root_end_it_there(self) -> None:
        content = (
            (FIXTURES / "billion_laughs.xml").read_bytes().replace(b"<PubmedArticleSet>", b'<PubmedArticleSet a="&laugh8;">')
        )
        with pytest.raises(SourceError, match="line 13: expected PubMed XML, but this is not XML"):
            read(content)

    def test_the_dtd_is_never_loaded(self, tmp_path: Path) -> None:
        dtd = tmp_path / "outside.dtd"
        dtd.write_text('<!ENTITY secret "TOP-SECRET">')
        content = f'<!DOCTYPE PubmedArticleSet SYSTEM "{dtd.as_uri()}">'.encode() + article_set(with_title("Reads &secret;."))
        (record,) = read(content)
        assert isinstance(record, Article)
        assert record.title == "Reads &secret;."


class TestFaults:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("efetch_error.xml", "found an error that NCBI answered with: 'Empty id list - nothing todo'"),
            ("error_between_records.xml", "found an error that NCBI answered with: 'Unable to obtain query #1'"),
            ("esearch_answer.xml", "line 2: expected PubMed XML (PubmedArticleSet, PubmedBookArticleSet), found the root"),
            ("cut_short.xml", "line 13: the file ends before </PubmedArticleSet>"),
            ("two_documents.xml", "line 10: expected the end of the file after </PubmedArticleSet>, found more"),
            ("malformed.xml", "line 6: the XML is not well-formed (StartTag: invalid element name)"),
        ],
    )
    def test_a_file_that_is_not_what_it_should_be(self, name: str, said: str) -> None:
        with pytest.raises(SourceError) as fault:
            read_fixture(name)
        assert str(fault.value).startswith("records.xml")
        assert said in str(fault.value)
        assert str(fault.value).endswith(".")

    @pytest.mark.parametrize(
        "content", [b"", b"\n\n", b"PMID- 31000001", b"\x00\x01", b"<!-- nothing -->", b"<PubmedArticleSet"]
    )
    def test_a_file_that_is_not_xml(self, content: bytes) -> None:
        with pytest.raises(SourceError, match=r"records\.xml, line \d+: expected PubMed XML, but this is not XML"):
            read(content)

    def test_an_opening_without_end_is_not_read_into_memory(self) -> None:
        stream = io.BytesIO(b"<!--" + b" " * (8 << 20))
        with pytest.raises(SourceError, match="no element in the first"):
            list(read_pubmed_xml(stream, PATH))
        assert stream.tell() < 2 << 20

    def test_invalid_utf8_is_refused(self) -> None:
        with pytest.raises(SourceError, match="not well-formed"):
            read(article_set(with_title("Caf?.")).replace(b"?", b"\xe9"))

    def test_wherever_a_file_is_cut_it_is_refused(self) -> None:
        content = (FIXTURES / "single_article.xml").read_bytes().rstrip()
        for end in range(len(content)):
            with pytest.raises(SourceError):
                read(content[:end])
        assert len(read(content)) == 1

    def test_records_before_a_fault_have_been_given(self) -> None:
        records = read_pubmed_xml(io.BytesIO((FIXTURES / "cut_short.xml").read_bytes()), PATH)
        first = next(records)
        assert isinstance(first, Article)
        assert first.pmid == 31000095
        with pytest.raises(SourceError, match="cut short"):
            next(records)


class TestStreaming:
    def test_the_first_record_comes_before_the_file_is_read(self) -> None:
        stream = io.BytesIO(article_set(*(with_title("x" * 1000, pmid) for pmid in range(1, 5000))))
        first = next(read_pubmed_xml(stream, PATH))
        assert isinstance(first, Article)
        assert stream.tell() < 200_000

    @pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's peak memory from /proc")
    def test_memory_does_not_grow_with_the_file(self, tmp_path: Path) -> None:
        record = with_title("word " * 2000).encode()
        peaks = []
        for megabytes in (2, 30):
            path = tmp_path / f"{megabytes}.xml"
            path.write_bytes(b"<PubmedArticleSet>" + record * (megabytes * 1_000_000 // len(record)) + b"</PubmedArticleSet>")
            peaks.append(peak_kilobytes_of_reading(path))
        assert peaks[1] - peaks[0] < 5_000


def peak_kilobytes_of_reading(path: Path) -> int:
    """The peak resident memory of a process of its own that reads the file and keeps nothing."""
    script = (
        "import collections, pathlib, re, sys\n"
        "from indexer.pubmed_xml import read_pubmed_xml\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "with path.open('rb') as stream:\n"
        "    collections.deque(read_pubmed_xml(stream, path), maxlen=0)\n"
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(re.search(r'VmHWM:\\s*(\\d+) kB', status).group(1))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, path], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


def real_files(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "pubmed_xml").rglob("*.xml"))


class TestRealFiles:
    """Against a plain, slow reading of the same files: the whole tree in memory, exact paths, all inner text."""

    def test_every_record_is_taken(self, shared_data: Path) -> None:
        expected = {"PubmedArticle": 0, "PubmedBookArticle": 0, "DeleteCitation": 0}
        articles = books = deletions = 0
        for path in real_files(shared_data):
            for child in etree.parse(path).getroot():
                expected[str(child.tag)] += 1
            with path.open("rb") as stream:
                records = list(read_pubmed_xml(stream, path))
            books += sum(isinstance(one, Article) and one.is_book for one in records)
            articles += sum(isinstance(one, Article) and not one.is_book for one in records)
            deletions += sum(isinstance(one, Deleted) for one in records)
            assert not [one for one in records if isinstance(one, Skipped)]
        assert expected == {"PubmedArticle": 534, "PubmedBookArticle": 1, "DeleteCitation": 1}
        assert (articles, books, deletions) == (534, 1, 2)

    def test_every_word_of_titles_and_abstracts_is_kept(self, shared_data: Path) -> None:
        for path in real_files(shared_data):
            with path.open("rb") as stream:
                articles = [one for one in read_pubmed_xml(stream, path) if isinstance(one, Article)]
            slow = [*slow_reading(path)]
            assert [(one.pmid, one.title.split()) for one in articles] == [(pmid, title) for pmid, title, _ in slow]
            assert [[one.text.split() for one in article.sections] for article in articles] == [parts for _, _, parts in slow]


def slow_reading(path: Path) -> Iterator[tuple[int, list[str], list[list[str]]]]:
    """PMID, words of the title and words of each abstract part that has any."""
    for record in etree.parse(path).getroot():
        if record.tag == "DeleteCitation":
            continue
        is_book = record.tag == "PubmedBookArticle"
        core = "BookDocument" if is_book else "MedlineCitation"
        article = core if is_book else f"{core}/Article"
        words = ["".join(part.itertext()).split() for part in record.findall(f"{article}/Abstract/AbstractText")]
        (title,) = record.findall(f"{article}/ArticleTitle")
        yield int(record.findtext(f"{core}/PMID", "")), "".join(title.itertext()).split(), [part for part in words if part]

"""Exports, read back by our own readers and by other people's libraries."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import bibtexparser
import nbib
import pytest
import rispy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.nbib import _REF_TYPES, read_nbib
from indexer.parsed_file import Record
from indexer.reading import read_file
from indexer.ris import read_ris
from indexer.sources import find_sources
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
from search.bibtex_format import key_of
from search.citation import first_and_last_page
from search.csv_format import COLUMNS, QUESTION_COLUMNS
from search.export import Format, export, export_answers
from search.filters import Filters
from search.nbib_format import _TAGS_OF_CORRECTIONS
from search.questions import Question
from search.results import IndexSummary, Mode, SearchResult, SearchResults, Why

PATH = Path("export")
ARTICLE = Article(
    pmid=32000001,
    title="Statins and muscle pain in TGF-β1 deficient adults.",
    sections=(AbstractSection("Pain is common.", "BACKGROUND", "BACKGROUND"), AbstractSection("It passed.")),
    vernacular_title="Statines et douleurs musculaires.",
    other_abstracts=(OtherAbstract((AbstractSection("Les douleurs."),), language="fre", kind="Publisher"),),
    copyright="Copyright (c) 2014 The Authors.",
    authors=(
        Author("Smith", "John A", "JA", "Jr"),
        Author("van der Berg", "Anna", "A"),
        Author(collective_name="PARADIGM-XY Investigators"),
    ),
    journal="Journal of Made-up Medicine",
    journal_abbreviation="J Made Up Med",
    issn="1234-5679",
    volume="12",
    issue="4 Suppl 1",
    pages="371-5; discussion 376",
    year=2014,
    publication_date="2014 Mar-Apr",
    electronic_date="2014-02-07",
    revised="2021-05-04",
    publication_model="Print-Electronic",
    languages=("eng", "fre"),
    publication_types=("Journal Article",),
    mesh=(
        MeshHeading("Communication", major=True),
        MeshHeading("Heart Failure", (MeshQualifier("drug therapy", major=True), MeshQualifier("mortality"))),
    ),
    keywords=("myalgia",),
    doi="10.5555/its-own_(1)",
    pmcid="PMC7000003",
    corrections=(
        Correction("RetractionIn", 32000003, "J Made Up Med. 2021 Jan;13(1):9"),
        Correction("ErratumIn", None, "J Made Up Med 2015;13(3):11"),
    ),
)
CHAPTER = Article(pmid=32000002, title="A Chapter", journal="A Whole Book", year=2005, publication_date="2005", is_book=True)
BOOK = replace(CHAPTER, title="A Whole Book", pmid=32000004)
INDEX = IndexSummary(articles=3, last_file="pubmed26n0001.xml.gz", updated="2026-01-02", encoder="toy")
CURRENCY = "PubMed as of 2026-01-02 (last file pubmed26n0001.xml.gz); there may be newer records"


def hits_of(articles: Sequence[Article]) -> list[SearchResult]:
    return [
        SearchResult(rank, one.pmid, 1 / rank, one, Why(dense_rank=rank, similarity=1 / rank))
        for rank, one in enumerate(articles, start=1)
    ]


def results_of(articles: Sequence[Article]) -> SearchResults:
    return SearchResults(
        query="pain",
        mode=Mode.DENSE,
        filters=Filters(),
        took_ms=1.0,
        hidden_retracted=0,
        index=INDEX,
        hits=tuple(hits_of(articles)),
    )


def exported(export_format: Format, *articles: Article) -> str:
    return export(hits_of(articles), export_format)


def read_back(export_format: Format, *articles: Article) -> list[Record]:
    reader = {Format.RIS: read_ris, Format.NBIB: read_nbib}[export_format]
    return list(reader(io.BytesIO(exported(export_format, *articles).encode()), PATH))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_ris_of_a_whole_record() -> None:
    assert export(results_of([ARTICLE]), Format.RIS).split("\r\n") == [
        "TY  - JOUR",
        "TI  - Statins and muscle pain in TGF-β1 deficient adults.",
        "AU  - Smith, John A, Jr",
        "AU  - van der Berg, Anna",
        "AU  - PARADIGM-XY Investigators",
        "T2  - Journal of Made-up Medicine",
        "J2  - J Made Up Med",
        "PY  - 2014",
        "DA  - 2014///Mar-Apr",
        "VL  - 12",
        "IS  - 4 Suppl 1",
        "SP  - 371",
        "EP  - 375",
        "SN  - 1234-5679",
        "LA  - eng; fre",
        "AB  - BACKGROUND: Pain is common. It passed.",
        "KW  - Communication",
        "KW  - Heart Failure",
        "KW  - myalgia",
        "N1  - Retracted Publication (J Made Up Med. 2021 Jan;13(1):9. PMID 32000003)",
        "N1  - Erratum published (J Made Up Med 2015;13(3):11)",
        "DO  - 10.5555/its-own_(1)",
        "C2  - PMC7000003",
        "AN  - 32000001",
        f"DB  - {CURRENCY}",
        "UR  - https://pubmed.ncbi.nlm.nih.gov/32000001/",
        "ER  - ",
        "",
    ]


def test_nbib_of_a_whole_record() -> None:
    assert export(results_of([ARTICLE]), Format.NBIB) == (
        """PMID- 32000001
LR  - 20210504
IS  - 1234-5679 (ISSN)
VI  - 12
IP  - 4 Suppl 1
DP  - 2014 Mar-Apr
TI  - Statins and muscle pain in TGF-β1 deficient adults.
PG  - 371-5; discussion 376
LID - 10.5555/its-own_(1) [doi]
AB  - BACKGROUND: Pain is common. It passed.
OAB - Publisher: Les douleurs.
OABL- fre
CI  - Copyright (c) 2014 The Authors.
FAU - Smith, John A Jr
AU  - Smith JA Jr
FAU - van der Berg, Anna
AU  - van der Berg A
CN  - PARADIGM-XY Investigators
LA  - eng
LA  - fre
PT  - Journal Article
PT  - Retracted Publication
DEP - 20140207
TT  - Statines et douleurs musculaires.
TA  - J Made Up Med
JT  - Journal of Made-up Medicine
PUBM- Print-Electronic
MH  - *Communication
MH  - Heart Failure/*drug therapy/mortality
OT  - myalgia
AID - 10.5555/its-own_(1) [doi]
PMC - PMC7000003
RIN - J Made Up Med. 2021 Jan;13(1):9. PMID: 32000003
EIN - J Made Up Med 2015;13(3):11
GN  - PubMed as of 2026-01-02 (last file pubmed26n0001.xml.gz); there may be
      newer records
SO  - J Made Up Med. 2014 Mar-Apr;12(4 Suppl 1):371-5; discussion 376. doi:
      10.5555/its-own_(1).
"""
    )


def test_bibtex_of_a_whole_record() -> None:
    assert export(results_of([ARTICLE]), Format.BIBTEX) == (
        "% " + CURRENCY + "\n\n"
        r"""@article{smith2014_32000001,
  title = {{Statins and muscle pain in TGF-β1 deficient adults.}},
  author = {Smith, Jr, John A and van der Berg, Anna and {PARADIGM-XY Investigators}},
  journal = {Journal of Made-up Medicine},
  year = {2014},
  volume = {12},
  number = {4 Suppl 1},
  pages = {371--375},
  issn = {1234-5679},
  language = {eng; fre},
  doi = {10.5555/its-own_(1)},
  url = {https://pubmed.ncbi.nlm.nih.gov/32000001/},
  pmid = {32000001},
  pmcid = {PMC7000003},
  keywords = {Communication; Heart Failure; myalgia},
  abstract = {BACKGROUND: Pain is common. It passed.},
  note = {Retracted Publication (J Made Up Med. 2021 Jan;13(1):9. PMID 32000003); Erratum published (J Made Up Med """
        "2015;13(3):11)},\n}\n"
    )


def test_csv_of_a_whole_record() -> None:
    (row,) = rows_of(export(results_of([ARTICLE]), Format.CSV))
    assert tuple(row) == COLUMNS
    assert row == {
        "rank": "1",
        "pmid": "32000001",
        "score": "1.0",
        "title": "Statins and muscle pain in TGF-β1 deficient adults.",
        "authors": "Smith JA Jr; van der Berg A; PARADIGM-XY Investigators",
        "journal": "Journal of Made-up Medicine",
        "year": "2014",
        "volume": "12",
        "issue": "4 Suppl 1",
        "pages": "371-5; discussion 376",
        "doi": "10.5555/its-own_(1)",
        "pmcid": "PMC7000003",
        "publication_types": "Journal Article",
        "mesh": "Communication; Heart Failure",
        "flags": "retracted; erratum",
        "abstract": "BACKGROUND: Pain is common. It passed.",
        "url": "https://pubmed.ncbi.nlm.nih.gov/32000001/",
        "as_of": CURRENCY,
    }


def test_pmids_stand_one_a_line() -> None:
    assert exported(Format.PMIDS, ARTICLE, CHAPTER) == "32000001\n32000002\n"


@pytest.mark.parametrize("export_format", [Format.RIS, Format.NBIB, Format.BIBTEX, Format.PMIDS])
def test_no_hits_give_no_text(export_format: Format) -> None:
    assert exported(export_format) == ""


def test_no_hits_give_the_header_of_csv() -> None:
    assert exported(Format.CSV) == ",".join(COLUMNS) + "\r\n"


def test_an_article_found_twice_stands_once_except_with_its_ranks() -> None:
    assert exported(Format.PMIDS, ARTICLE, CHAPTER, ARTICLE) == "32000001\n32000002\n"
    assert exported(Format.BIBTEX, ARTICLE, ARTICLE).count("@article") == 1
    assert [row["rank"] for row in rows_of(exported(Format.CSV, ARTICLE, ARTICLE))] == ["1", "2"]


ANSWERS = [[], [ARTICLE, CHAPTER], [CHAPTER], [BOOK, ARTICLE], []]  # the articles that five questions find


def answers_of(found: Sequence[Sequence[Article]]) -> Iterator[tuple[Question, SearchResults]]:
    for number, articles in enumerate(found, start=1):
        yield Question(f"question {number}", f"q{number}"), results_of(articles)


@pytest.mark.parametrize("export_format", [Format.RIS, Format.NBIB, Format.BIBTEX, Format.PMIDS])
@pytest.mark.parametrize("found", [ANSWERS, ANSWERS[1:], [[]], []])
def test_pieces_are_the_file_of_all_articles(export_format: Format, found: list[list[Article]]) -> None:
    together = [article for articles in found for article in articles]
    pieces = list(export_answers(answers_of(found), export_format))
    assert "".join(pieces) == (export(results_of(together), export_format) if found else "")
    assert len(pieces) == len(found)


def test_pieces_are_written_before_the_next_question_is_answered() -> None:
    asked: list[str] = []

    def answers() -> Iterator[tuple[Question, SearchResults]]:
        for question, results in answers_of(ANSWERS[1:3]):
            asked.append(question.text)
            yield question, results

    pieces = export_answers(answers(), Format.PMIDS)
    assert (next(pieces), asked) == ("32000001\n32000002\n", ["question 1"])
    assert (next(pieces), asked) == ("", ["question 1", "question 2"])


@pytest.mark.parametrize("identified", [True, False])
def test_rows_of_csv_say_which_question_they_answer(identified: bool) -> None:
    rows = rows_of("".join(export_answers(answers_of(ANSWERS), Format.CSV, identified=identified)))
    assert tuple(rows[0]) == ((*QUESTION_COLUMNS, *COLUMNS) if identified else ("question", *COLUMNS))
    assert [(row["question"], row["rank"], row["pmid"]) for row in rows] == [
        ("question 2", "1", "32000001"),
        ("question 2", "2", "32000002"),
        ("question 3", "1", "32000002"),
        ("question 4", "1", "32000004"),
        ("question 4", "2", "32000001"),
    ]
    assert [row.get("question_id") for row in rows] == (["q2", "q2", "q3", "q4", "q4"] if identified else [None] * 5)
    assert {row["as_of"] for row in rows} == {CURRENCY}


@pytest.mark.parametrize(
    ("article", "ris", "bibtex"),
    [(ARTICLE, "TY  - JOUR", "@article"), (CHAPTER, "TY  - CHAP", "@incollection"), (BOOK, "TY  - BOOK", "@book")],
)
def test_the_kinds_of_works(article: Article, ris: str, bibtex: str) -> None:
    assert exported(Format.RIS, article).startswith(ris)
    assert exported(Format.BIBTEX, article).startswith(bibtex)
    for export_format in (Format.RIS, Format.NBIB):
        (back,) = read_back(export_format, article)
        assert isinstance(back, Article)
        assert (back.title, back.journal, back.is_book) == (article.title, article.journal, article.is_book)


@pytest.mark.parametrize(
    "fields", [{"publication_types": ("Retracted Publication",)}, {"corrections": (Correction("RetractionIn"),)}]
)
def test_a_retraction_is_seen_in_every_bibliographic_format(fields: dict[str, tuple[str, ...]]) -> None:
    article = Article(pmid=1, title="T", **fields)  # type: ignore[arg-type]
    assert "\r\nN1  - Retracted Publication\r\n" in exported(Format.RIS, article)
    assert exported(Format.NBIB, article).count("\nPT  - Retracted Publication\n") == 1
    assert "  note = {Retracted Publication},\n" in exported(Format.BIBTEX, article)
    assert rows_of(exported(Format.CSV, article))[0]["flags"] == "retracted; title only"


@pytest.mark.parametrize("month", ["0012345", "001" + "0" * 5000, "13", "00"])
def test_a_month_that_is_none_stays_as_it_is(month: str) -> None:
    article = replace(ARTICLE, publication_date=f"2014 {month}")
    assert f"DA  - 2014///{month}\r\n" in exported(Format.RIS, article)


@pytest.mark.parametrize(
    ("pages", "ends"),
    [
        ("371-5", ("371", "375")),
        ("1199-201", ("1199", "1201")),
        ("S45-50", ("S45", "S50")),
        ("e123-9", ("e123", "e129")),
        ("H1-H12", ("H1", "H12")),
        ("12S-5S", ("12S", "15S")),
        ("v-vi", ("v", "vi")),
        ("iv21-iv30; discussion iv31", ("iv21", "iv30")),
        ("99-105, A3", ("99", "105")),
        ("129-3", ("129", "3")),
        ("W5-E7", ("W5", "E7")),
        ("e1234", ("e1234", "")),
        ("CD000123", ("CD000123", "")),
        ("12, 14", ("12", "")),
        ("S1-12-S1-20", ("S1-12-S1-20", "")),
        ("", ("", "")),
        (f"{'9' * 5000}-{'9' * 5001}", ("9" * 5000, "9" * 5001)),
    ],
)
def test_pages_are_written_out(pages: str, ends: tuple[str, str]) -> None:
    assert first_and_last_page(pages) == ends


@pytest.mark.parametrize(
    ("author", "year", "key"),
    [
        (Author("Smith"), 2019, "smith2019_7"),
        (Author("Ødegård-Łuczyński"), 2019, "odegardluczynski2019_7"),
        (Author("Müller"), None, "muller_7"),
        (Author(collective_name="COVID-19 Group"), 2020, "covidgroup2020_7"),
        (Author("王"), 2020, "anonymous2020_7"),
    ],
)
def test_bibtex_keys_are_plain_ascii(author: Author, year: int | None, key: str) -> None:
    assert key_of(Article(pmid=7, title="T", authors=(author,), year=year)) == key


@pytest.mark.parametrize(
    ("authors", "written"),
    [
        ((Author("Smith", initials="JA"),), "Smith, J A"),
        ((Author("Aristotle"),), "{Aristotle}"),
        ((Author("de Simone"),), "{de Simone}"),
        ((Author("Rock and Roll", "Bob"), Author("King, Jr", "M")), "{Rock and Roll}, Bob and {King, Jr}, M"),
        ((Author(collective_name="Surgeons and {Friends}"),), r"{Surgeons and \textbraceleft{}Friends\textbraceright{}}"),
    ],
)
def test_bibtex_keeps_names_whole(authors: tuple[Author, ...], written: str) -> None:
    assert f"  author = {{{written}}},\n" in exported(Format.BIBTEX, Article(pmid=1, title="T", authors=authors))
    assert " and others}," in exported(Format.BIBTEX, Article(pmid=1, title="T", authors=authors, authors_complete=False))


def test_a_tag_in_a_text_ends_no_record() -> None:
    trap = replace(ARTICLE, title="One\r\nER  - \nTY  - JOUR", sections=(AbstractSection("a\n\nPMID- 2\u2028ER  - \x85b"),))
    for export_format in (Format.RIS, Format.NBIB):
        (back,) = read_back(export_format, trap)
        assert isinstance(back, Article)
        assert (back.title, back.abstract) == ("One ER - TY - JOUR", "a PMID- 2 ER - b")
    (reference,) = rispy.loads(exported(Format.RIS, trap))
    assert reference["title"] == "One ER - TY - JOUR"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r@", "\uff1d"])
def test_no_cell_is_a_formula(start: str) -> None:
    article = replace(ARTICLE, title=f"{start}cmd()", journal=f"{start}1", doi="-1", authors=(Author(f"{start}x"),))
    (row,) = rows_of(export([SearchResult(1, 1, -0.5, article, Why(dense_rank=1, similarity=-0.5))], Format.CSV))
    assert row["title"] == f"'{start.strip()}cmd()"
    assert all(row[name].startswith("'") for name in ("journal", "doi", "authors"))
    assert row["score"] == "-0.5"


def test_the_tags_of_links_are_those_that_are_read() -> None:
    assert {tag: ref_type for ref_type, tag in _TAGS_OF_CORRECTIONS.items()} == _REF_TYPES


# Texts as articles have them, white space squeezed, with what could break a format.
TRAPS = [
    "ER  -",
    "{",
    "}",
    "\\",
    "%",
    "$&#_~^",
    '"',
    "'",
    ",",
    ";",
    "=cmd()",
    "-",
    "@article{x,",
    "β",
    "王",
    "and",
    "x" * 200,
    "AB -",
]
WORDS = st.sampled_from(TRAPS) | st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)
TEXTS = st.lists(WORDS, min_size=1, max_size=12).map(lambda words: " ".join(" ".join(words).split()))
NAMES = st.from_regex(r"[A-ZÄÖÉ][a-zäöéß]{1,9}(-[A-Z][a-z]{1,5})?", fullmatch=True)
PEOPLE = st.builds(
    lambda last, fore, suffix: Author(last, " ".join(fore), "".join(name[0] for name in fore), suffix),
    NAMES,
    st.lists(st.from_regex(r"[A-Z][a-z]{0,7}", fullmatch=True), min_size=1, max_size=3),
    st.sampled_from(["", "Jr", "3rd"]),
)
GROUPS = st.builds(Author, collective_name=st.from_regex(r"[A-Z][a-z]{2,9} [A-Z][a-z]{2,9}", fullmatch=True))
HEADINGS = st.builds(
    MeshHeading,
    NAMES,
    st.lists(st.builds(MeshQualifier, NAMES, st.booleans()), max_size=2).map(tuple),
    st.booleans(),
)
LINKS = st.builds(Correction, st.sampled_from(sorted(_TAGS_OF_CORRECTIONS)), st.none() | st.integers(1, 9**8), NAMES)
DATES = st.sampled_from(["2014", "1998 Dec-1999 Jan", "2014 Mar 7", "2000 Spring", "2014 Mar-Apr", "1975 Jul", "2011 Jan 1-15"])
SHORT = st.from_regex(r"[0-9]{0,3}", fullmatch=True)
ARTICLES = st.builds(
    lambda date, **fields: Article(publication_date=date, year=int(date[:4]), **fields),
    date=DATES,
    pmid=st.integers(1, 99_999_999),
    title=TEXTS,
    sections=st.just(()) | TEXTS.map(lambda text: (AbstractSection(text),)),
    authors=st.lists(PEOPLE | GROUPS, max_size=4).map(tuple),
    authors_complete=st.booleans(),
    journal=NAMES,
    journal_abbreviation=NAMES,
    issn=st.sampled_from(["", "1234-567X"]),
    volume=SHORT,
    issue=SHORT,
    pages=st.sampled_from(["", "7", "e12", "371-5", "S1-9; discussion S10"]),
    languages=st.lists(st.sampled_from(["eng", "fre", "jpn"]), max_size=2, unique=True).map(tuple),
    publication_types=st.lists(NAMES | st.just("Retracted Publication"), max_size=2, unique=True).map(tuple),
    mesh=st.lists(HEADINGS, max_size=3).map(tuple),
    keywords=st.lists(NAMES, max_size=3, unique=True).map(tuple),
    doi=st.sampled_from(["", "10.5555/a_{b}%20c<1::2>3.0.CO;2-2"]),
    pmcid=st.sampled_from(["", "PMC7000003"]),
    corrections=st.lists(LINKS, max_size=2).map(tuple),
)


# Generating articles is slow where the machine is busy, which says nothing of the formats.
patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@patiently
@given(ARTICLES)
def test_nbib_comes_back_as_the_same_article(article: Article) -> None:
    types = article.publication_types
    if Flag.RETRACTED in article.flags and "Retracted Publication" not in types:
        types = (*types, "Retracted Publication")
    assert read_back(Format.NBIB, article) == [replace(article, publication_types=types)]


@patiently
@given(ARTICLES)
def test_nbib_is_read_by_the_nbib_library(article: Article) -> None:
    (reference,) = nbib.read(exported(Format.NBIB, article))
    assert (reference["pubmed_id"], reference["title"]) == (article.pmid, article.title)
    assert reference.get("abstract", "") == article.abstract
    assert reference.get("doi", "") == article.doi
    assert len(reference.get("authors", ())) == sum(not author.collective_name for author in article.authors)


@patiently
@given(ARTICLES)
def test_ris_comes_back_with_what_it_can_hold(article: Article) -> None:
    (back,) = read_back(Format.RIS, article)
    assert isinstance(back, Article)
    assert [one.name for one in back.authors] == [one.name for one in dict.fromkeys(article.authors)]
    for name in (
        *("pmid", "title", "abstract", "journal", "journal_abbreviation", "issn", "volume", "issue", "year"),
        *("publication_date", "languages", "doi", "pmcid", "flags"),
    ):
        assert getattr(back, name) == getattr(article, name)
    assert set(back.keywords) == {heading.descriptor for heading in article.mesh} | set(article.keywords)


@patiently
@given(st.lists(ARTICLES, max_size=2, unique_by=lambda article: article.pmid))
def test_ris_is_read_by_rispy(articles: list[Article]) -> None:
    references = rispy.loads(exported(Format.RIS, *articles))
    assert [(int(one["accession_number"]), one["title"]) for one in references] == [(one.pmid, one.title) for one in articles]
    assert [one.get("abstract", "") for one in references] == [one.abstract for one in articles]
    assert [len(one.get("authors", ())) for one in references] == [len(one.authors) for one in articles]


COMMANDS = {"textbackslash{}": "\\", "textbraceleft{}": "{", "textbraceright{}": "}", "textasciitilde{}": "~"}


def unescaped(text: str) -> str:
    commands = COMMANDS | {"textasciicircum{}": "^"}
    return re.sub(r"\\(text\w+\{\}|.)", lambda found: commands.get(found.group(1), found.group(1)), text)


@patiently
@given(st.lists(ARTICLES, max_size=2, unique_by=lambda article: article.pmid))
def test_bibtex_is_read_by_bibtexparser(articles: list[Article]) -> None:
    library = bibtexparser.parse_string(exported(Format.BIBTEX, *articles))
    assert (len(library.entries), library.failed_blocks) == (len(articles), [])
    for entry, article in zip(library.entries, articles, strict=True):
        assert unescaped(entry["title"].removeprefix("{").removesuffix("}")) == article.title
        assert unescaped(entry.get("abstract").value if "abstract" in entry else "") == article.abstract
        assert entry["pmid"] == str(article.pmid)
        assert entry["url"] == article.url


@patiently
@given(st.lists(ARTICLES, max_size=2))
def test_csv_comes_back_by_its_reader(articles: list[Article]) -> None:
    rows = rows_of(exported(Format.CSV, *articles))
    assert [(int(row["pmid"]), row["title"].removeprefix("'")) for row in rows] == [
        (one.pmid, one.title.removeprefix("'")) for one in articles
    ]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


@pytest.fixture(scope="module")
def real_articles(shared_data: Path) -> list[Article]:
    files = find_sources([shared_data / "pubmed_xml"]).files
    return list({one.pmid: one for file in files for one in read_file(file).articles}.values())


def articles_in(records: Sequence[Record]) -> Iterator[Article]:
    for record in records:
        assert isinstance(record, Article)
        yield record


def test_every_real_article_comes_back_from_nbib(real_articles: list[Article]) -> None:
    assert len(real_articles) == 1471
    back = list(articles_in(read_back(Format.NBIB, *real_articles)))
    for name in ("pmid", "title", "journal", "volume", "issue", "pages", "year", "publication_date", "languages", "pmcid"):
        assert [getattr(one, name) for one in back] == [getattr(one, name) for one in real_articles]
    assert [[author.name for author in one.authors] for one in back] == [
        [author.name for author in one.authors] for one in real_articles
    ]
    assert [one.doi for one in back] == [one.doi for one in real_articles]
    assert [one.flags for one in back] == [one.flags for one in real_articles]
    assert [one.abstract for one in back] == [" ".join(one.abstract.split()) for one in real_articles]
    assert [[replace(heading, ui="") for heading in one.mesh] for one in real_articles] == [list(one.mesh) for one in back]


def test_every_real_article_comes_back_from_ris(real_articles: list[Article]) -> None:
    back = list(articles_in(read_back(Format.RIS, *real_articles)))
    for name in ("pmid", "title", "volume", "issue", "year", "pmcid", "flags", "is_book"):
        assert [getattr(one, name) for one in back] == [getattr(one, name) for one in real_articles]
    assert [len(one.authors) for one in back] == [len(dict.fromkeys(one.authors)) for one in real_articles]
    assert [one.doi for one in back] == [one.doi if one.doi.startswith("10.") else "" for one in real_articles]


def test_every_real_article_is_read_by_the_libraries(real_articles: list[Article]) -> None:
    expected = [(one.pmid, one.title, one.doi) for one in real_articles]
    references = rispy.loads(exported(Format.RIS, *real_articles))
    assert [(int(one["accession_number"]), one.get("title", ""), one.get("doi", "")) for one in references] == expected
    assert [len(one.get("authors", ())) for one in references] == [len(one.authors) for one in real_articles]
    references = nbib.read(exported(Format.NBIB, *real_articles))
    assert [(one["pubmed_id"], one["title"], one.get("doi", "")) for one in references] == expected
    people = [sum(not author.collective_name for author in one.authors) for one in real_articles]
    assert [len(one.get("authors", ())) for one in references] == people
    library = bibtexparser.parse_string(exported(Format.BIBTEX, *real_articles))
    assert [int(entry["pmid"]) for entry in library.entries] == [pmid for pmid, *_ in expected]

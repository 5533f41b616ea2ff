"""The values by which articles are filtered, as stored and as typed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.reading import read_file
from indexer.sources import find_sources
from search.article import Article, Author, MeshHeading, MeshQualifier
from search.condition import And, Condition, Or, Term, TermField
from search.errors import QueryError
from search.filter_terms import condition_of, normalised, subject_terms, terms_of

ASTHMA = MeshHeading("Asthma", (MeshQualifier("drug therapy", major=True), MeshQualifier("genetics")))


def values(article: Article, field: TermField) -> list[str]:
    return [term.value for term in terms_of(article) if term.field is field]


def is_met(condition: Condition, having: set[Term]) -> bool:
    """Whether an article with some terms meets a condition on them."""
    match condition:
        case Term(field, value, prefix=True):
            return any(term.field is field and term.value.startswith(value) for term in having)
        case Term():
            return condition in having
        case Or(parts):
            return any(is_met(part, having) for part in parts)
        case And(parts):
            return all(is_met(part, having) for part in parts)
    raise TypeError(condition)


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        (TermField.MESH, " Asthma / Drug  Therapy. ", "asthma/drug therapy"),
        (TermField.MESH, "Diabetes Mellitus, Type 2", "diabetes mellitus, type 2"),
        (TermField.MESH, "neoplasm*", "neoplasm"),
        (TermField.MESH, "Guillain-Barré Syndrome", "guillain-barre syndrome"),
        (TermField.SUBHEADING, "Drug Therapy", "drug therapy"),
        (TermField.PUBLICATION_TYPE, "Randomized Controlled Trial", "randomized controlled trial"),
        (TermField.JOURNAL, "N. Engl. J. Med.", "n engl j med"),
        (TermField.JOURNAL, "N.Engl.J.Med", "n engl j med"),
        (TermField.JOURNAL, "The New England journal of medicine", "new england journal of medicine"),
        (TermField.JOURNAL, "Zeitschrift für Chirurgie", "zeitschrift fur chirurgie"),
        (TermField.JOURNAL, "0028-4793", "0028-4793"),
        (TermField.LANGUAGE, "English", "eng"),
        (TermField.LANGUAGE, "de", "ger"),
        (TermField.LANGUAGE, "zho", "chi"),
        (TermField.LANGUAGE, "ENG", "eng"),
        (TermField.LANGUAGE, "Klingon", "klingon"),
        (TermField.AUTHOR, "Smith, J. A.", "smith ja"),
        (TermField.AUTHOR, "Smith J.A.", "smith ja"),
        (TermField.AUTHOR, "Müller K", "muller k"),
        (TermField.AUTHOR, "Łukasz-Ørsted J-P", "lukasz orsted jp"),
        (TermField.AUTHOR, "O’Brien P", "obrien p"),  # noqa: RUF001  (as it is printed)
        (TermField.AUTHOR, "E J", "e j"),
        (TermField.AUTHOR, "王 小明", "王 小明"),
        (TermField.AUTHOR, "Ｓｍｉｔｈ J", "smith j"),  # noqa: RUF001  (full width)
        (TermField.DOI, "https://doi.org/10.1056/NEJMoa1301680", "10.1056/nejmoa1301680"),
        (TermField.DOI, "doi: 10.1000/ABC.", "10.1000/abc"),
        (TermField.PMID, "0024293578", "24293578"),
        (TermField.MESH, " *. ", ""),
    ],
)
def test_normalised(field: TermField, text: str, expected: str) -> None:
    assert normalised(field, text) == expected


@given(st.sampled_from(list(set(TermField) - {TermField.JOURNAL, TermField.DOI})), st.text(max_size=12))
def test_what_is_normalised_stays_so(field: TermField, text: str) -> None:
    assert normalised(field, normalised(field, text)) == normalised(field, text)


@given(st.sampled_from(list(TermField)), st.text(max_size=12))
def test_case_and_space_around_do_not_count(field: TermField, text: str) -> None:
    assert normalised(field, f"  {text.upper().lower()}\n") == normalised(field, text.upper())


def test_headings_and_subheadings() -> None:
    article = Article(
        1, "T", mesh=(ASTHMA, MeshHeading("Humans"), MeshHeading("Child", (MeshQualifier("genetics"),), major=True))
    )
    assert values(article, TermField.MESH) == [
        "asthma",
        "asthma/drug therapy",
        "asthma/genetics",
        "humans",
        "child",
        "child/genetics",
    ]
    assert values(article, TermField.MAJOR_MESH) == ["asthma", "asthma/drug therapy", "child"]
    assert values(article, TermField.SUBHEADING) == ["drug therapy", "genetics"]


def test_types_languages_and_doi() -> None:
    article = Article(1, "T", publication_types=("Review", "review"), languages=("eng", "fre"), doi="10.1000/ABC")
    assert values(article, TermField.PUBLICATION_TYPE) == ["review"]
    assert values(article, TermField.LANGUAGE) == ["eng", "fre"]
    assert values(article, TermField.DOI) == ["10.1000/abc"]


def test_a_journal_goes_by_three_names() -> None:
    article = Article(1, "T", journal="The Lancet.", journal_abbreviation="Lancet", issn="0140-6736")
    assert values(article, TermField.JOURNAL) == ["lancet", "0140-6736"]


AUTHORS = (
    Author(collective_name="The RECOVERY Group."),
    Author("Smith", "John Andrew", "JA", "Jr"),
    Author("Müller", "K", "K"),
    Author("Lee"),
)


def test_authors() -> None:
    article = Article(1, "T", authors=AUTHORS)
    assert values(article, TermField.AUTHOR) == [
        "the recovery group",
        "smith ja",
        "smith ja jr",
        "smith john andrew",
        "muller k",
        "lee",
    ]
    assert values(article, TermField.FIRST_AUTHOR) == ["smith ja", "smith ja jr", "smith john andrew"]
    assert values(article, TermField.LAST_AUTHOR) == ["lee"]


def test_the_last_author_of_a_list_that_was_cut_is_unknown() -> None:
    article = Article(1, "T", authors=AUTHORS, authors_complete=False)
    assert values(article, TermField.FIRST_AUTHOR)
    assert values(article, TermField.LAST_AUTHOR) == []


def test_an_article_of_nothing_has_no_terms() -> None:
    assert list(terms_of(Article(1, "T", authors=(Author(),), languages=("",), mesh=(MeshHeading(" "),)))) == []


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("smith j", ["Smith J", "Smith JA", "Smith John", "Smith JA Jr", "Smith-Jones A"]),
        ("Smith JA", ["Smith JA", "Smith JA Jr"]),
        ("smith", ["Smith", "Smith J", "Smith JA", "Smith John", "Smith JA Jr", "Smith-Jones A"]),
        ("smith john", ["Smith John"]),
        ("smith-jones", ["Smith-Jones A"]),
        ("Smith Jones A.", ["Smith-Jones A"]),
        ("li", ["Li X"]),
        ("smithson", ["Smithson J"]),
    ],
)
def test_authors_as_pubmed_has_them(typed: str, found: list[str]) -> None:
    names = ["Smith", "Smith J", "Smith JA", "Smith John", "Smith JA Jr", "Smith-Jones A", "Smithson J", "Li X", "Lin X"]
    condition = condition_of(TermField.AUTHOR, typed)
    matched = [name for name in names if is_met(condition, {Term(TermField.AUTHOR, normalised(TermField.AUTHOR, name))})]
    assert matched == found


def test_conditions() -> None:
    assert condition_of(TermField.MESH, "Asthma") == Term(TermField.MESH, "asthma")
    assert condition_of(TermField.MESH, "Asth*", truncated=True) == Term(TermField.MESH, "asth", prefix=True)
    assert condition_of(TermField.AUTHOR, "Smith J", truncated=True) == Term(TermField.AUTHOR, "smith j", prefix=True)
    assert condition_of(TermField.LANGUAGE, "German") == Term(TermField.LANGUAGE, "ger")
    assert condition_of(TermField.PMID, "024") == Term(TermField.PMID, "24")


@pytest.mark.parametrize("field", TermField)
@pytest.mark.parametrize("text", ["", " ", "*", ".", " .* "])
def test_no_value_is_refused(field: TermField, text: str) -> None:
    with pytest.raises(QueryError, match=f"field {field} needs a value"):
        condition_of(field, text)


@pytest.mark.parametrize("text", ["abc", "123456789", "-1", "1.5"])
def test_a_pmid_that_is_none(text: str) -> None:
    with pytest.raises(QueryError, match="A PMID is a number"):
        condition_of(TermField.PMID, text)
    with pytest.raises(QueryError, match="A PMID is a number"):
        condition_of(TermField.PMID, "2429", truncated=True)


def test_every_real_value_is_found_as_it_is_printed(shared_data: Path) -> None:
    files = find_sources([shared_data / "pubmed_xml"]).files
    articles = [article for file in files for article in read_file(file).articles]
    for article in articles:
        terms = list(terms_of(article))
        having = set(terms)
        assert len(terms) == len(having)
        assert list(subject_terms(article)) == terms[: len(list(subject_terms(article)))]
        printed = [
            *((TermField.MESH, heading.descriptor) for heading in article.mesh),
            *((TermField.PUBLICATION_TYPE, one) for one in article.publication_types),
            *((TermField.LANGUAGE, one) for one in article.languages),
            *((TermField.JOURNAL, one) for one in (article.journal, article.journal_abbreviation, article.issn) if one),
            *((TermField.AUTHOR, author.name) for author in article.authors),
            *((TermField.AUTHOR, f"{author.last_name}, {author.fore_name}") for author in article.authors if author.fore_name),
        ]
        missed = [(field, text) for field, text in printed if not is_met(condition_of(field, text), having)]
        assert missed == [], article.pmid

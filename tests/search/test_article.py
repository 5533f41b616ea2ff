"""The article: its abstract as text, and the flags a reader must see."""

import pytest

from search.article import AbstractSection, Article, Author, Correction, Flag


def test_abstract_prints_labels_as_pubmed_does() -> None:
    article = Article(1, "T", (AbstractSection("Why.", "BACKGROUND", "BACKGROUND"), AbstractSection("Unlabelled.")))
    assert article.abstract == "BACKGROUND: Why.\nUnlabelled."


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"publication_types": ("Journal Article", "Retracted Publication")}, Flag.RETRACTED),
        ({"corrections": (Correction("RetractionIn", 5),)}, Flag.RETRACTED),
        ({"corrections": (Correction("ExpressionOfConcernIn"),)}, Flag.EXPRESSION_OF_CONCERN),
        ({"corrections": (Correction("ErratumIn"),)}, Flag.ERRATUM),
        ({"corrections": (Correction("RetractionOf", 4),)}, Flag.RETRACTION_NOTICE),
        ({"publication_types": ("Retraction of Publication",)}, Flag.RETRACTION_NOTICE),
        ({"corrections": (Correction("CommentIn"), Correction("RepublishedIn"))}, Flag(0)),
        ({"is_book": True}, Flag.BOOK),
    ],
)
def test_flags(fields: dict[str, object], expected: Flag) -> None:
    assert Article(1, "T", (AbstractSection("A."),), **fields).flags == expected  # type: ignore[arg-type]


def test_an_article_without_an_abstract_is_title_only() -> None:
    assert Article(1, "T").flags.labels == ["title only"]


def test_flags_read_as_words() -> None:
    assert (Flag.RETRACTED | Flag.EXPRESSION_OF_CONCERN).labels == ["retracted", "expression of concern"]


@pytest.mark.parametrize(
    ("author", "name"),
    [
        (Author("Smith", "John A", "JA", "Jr"), "Smith JA Jr"),
        (Author("Plato"), "Plato"),
        (Author(collective_name="The HOPE Study Investigators"), "The HOPE Study Investigators"),
    ],
)
def test_author_names(author: Author, name: str) -> None:
    assert author.name == name

"""A question and a document that answers it: what an encoder learns from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from search.article import AbstractSection, Article
from search.encoder import embedded_text


class PairKind(StrEnum):
    """What in the records says that the two belong together; none of it is a click or a judgement."""

    TITLE = "title"
    SENTENCE = "sentence"
    CONCLUSION = "conclusion"
    CITATION = "citation"
    LINK = "link"
    MESH = "mesh"


class QueryShape(StrEnum):
    """How a question is put: people ask in all of these forms."""

    TITLE = "title"
    SENTENCE = "sentence"
    QUESTION = "question"
    KEYWORDS = "keywords"


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """`document` is the text that is to be found by `query`; `pmid` is its article, 0 where nobody said which that is.

    `asked_by` is the article, or the text, that the query is made from.
    """

    kind: PairKind
    shape: QueryShape
    query: str
    document: str
    pmid: int
    asked_by: str


def document_text(article: Article, without: Sequence[str] = ()) -> str:
    """An article as encoders read it, its title and its abstract; `without` some of the abstract's sentences."""
    if without:
        rest = (_less(section, without) for section in article.sections)
        article = replace(article, sections=tuple(section for section in rest if section.text))
    return " ".join(part for part in embedded_text(article) if part)


def _less(section: AbstractSection, sentences: Sequence[str]) -> AbstractSection:
    text = section.text
    for sentence in sentences:
        text = text.replace(sentence, " ")
    return replace(section, text=" ".join(text.split()))

"""What belongs together in records becomes questions and documents."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from toy import article

from indexer.training_pair import PairKind, QueryShape, TrainingPair, document_text
from indexer.training_pairs import CitingSentence, article_pairs, citing_pairs, link_pairs, mesh_pairs, read_citing_sentences
from search.article import AbstractSection, Article, MeshHeading, MeshQualifier
from search.errors import SourceError

SENTENCES = (
    "Newborns often have blood drawn from the heel.",
    "Sucrose was given to sixty of them two minutes before.",
    "They cried for eleven seconds less than those who had water.",
    "We conclude that sucrose eases the pain of heel lances.",
)
LANCE = article(11, "Sucrose eases pain of heel lances in newborns", " ".join(SENTENCES))
LONG = "This abstract is long enough to be learnt from. " * 6


def pairs_of(one: Article, seeds: int = 30) -> set[TrainingPair]:
    return {pair for seed in range(seeds) for pair in article_pairs([one], seed)}


def test_what_asks_is_no_part_of_what_it_asks_for() -> None:
    for seed in range(30):
        pairs = list(article_pairs([LANCE], seed))
        (document,) = {pair.document for pair in pairs}
        assert {pair.pmid for pair in pairs} == {11}
        by_kind = {pair.kind: pair for pair in pairs}
        assert len(by_kind) == len(pairs)
        assert (PairKind.TITLE in by_kind) is not document.startswith(LANCE.title)
        assert SENTENCES[3] not in document
        assert sum(sentence in document for sentence in SENTENCES) == 2


def test_every_kind_asks_in_its_forms() -> None:
    shapes = {(pair.kind, pair.shape) for pair in pairs_of(LANCE)}
    assert shapes == {
        (PairKind.TITLE, QueryShape.TITLE),
        (PairKind.TITLE, QueryShape.KEYWORDS),
        (PairKind.SENTENCE, QueryShape.SENTENCE),
        (PairKind.SENTENCE, QueryShape.KEYWORDS),
        (PairKind.CONCLUSION, QueryShape.SENTENCE),
        (PairKind.CONCLUSION, QueryShape.KEYWORDS),
    }
    as_it_stands = {pair.query for pair in pairs_of(LANCE) if pair.shape in {QueryShape.TITLE, QueryShape.SENTENCE}}
    assert as_it_stands == {LANCE.title, *SENTENCES}


def test_the_title_asks_for_the_whole_of_a_short_abstract() -> None:
    short = article(
        13, "Sugar on the tongues of newborns", "Newborns were given sugar. " + "It made them cry less, all of them. " * 6
    )
    two = article(
        14, "Sugar on the tongues of newborns", "One sentence of a length that is enough, " * 6 + "ends here. And another ends."
    )
    assert {pair.kind for pair in article_pairs([two])} == {PairKind.TITLE}
    assert {pair.document for pair in article_pairs([two])} == {two.abstract}
    assert all(pair.document for pair in article_pairs([short]))


def test_the_conclusion_is_where_the_label_says() -> None:
    sections = tuple(
        AbstractSection(text, label) for text, label in zip(SENTENCES, ("AIM", "METHODS", "CONCLUSIONS", "NOTE"), strict=True)
    )
    labelled = Article(12, "Labels of abstracts in parts of an article", sections)
    concluding = {pair.query for pair in pairs_of(labelled) if pair.kind is PairKind.CONCLUSION}
    assert SENTENCES[3] in concluding  # it says "we conclude", and stands last


@pytest.mark.parametrize("one", [article(1, "A title of some words", "Short."), article(2, "Title only, of some words")])
def test_short_records_teach_nothing(one: Article) -> None:
    assert pairs_of(one) == set()


def test_the_same_seed_gives_the_same_pairs() -> None:
    assert list(article_pairs([LANCE], 5)) == list(article_pairs([LANCE], 5))


def find_in(*articles: Article) -> object:
    known = {one.pmid: one for one in articles}
    return lambda pmids: {pmid: known[pmid] for pmid in pmids if pmid in known}


def test_a_citing_article_leads_to_the_cited() -> None:
    citing = article(20, "Comforting newborns in pain during procedures", LONG, references=(11, 20, 99))
    (pair,) = link_pairs([citing], find_in(LANCE, citing))  # type: ignore[arg-type]
    assert (pair.kind, pair.pmid, pair.document) == (PairKind.LINK, 11, document_text(LANCE))


def headed(pmid: int, *headings: str, minor: Sequence[str] = ()) -> Article:
    mesh = [MeshHeading(name, major=True) for name in headings] + [MeshHeading(name) for name in minor]
    return article(pmid, f"Title number {pmid} of some words", LONG, mesh=tuple(mesh))


def test_articles_with_the_same_main_topics_belong_together() -> None:
    records = [
        headed(1, "Asthma", "Zinc"),
        headed(2, "Asthma"),
        headed(3, "Zinc", "Asthma", minor=["Humans"]),
        headed(4, "Asthma"),
    ]
    (pair,) = mesh_pairs(records, find_in(*records))  # type: ignore[arg-type]
    assert (pair.kind, pair.pmid, pair.document) == (PairKind.MESH, 1, document_text(records[0]))


def test_a_qualifier_can_make_a_heading_a_main_topic() -> None:
    by_qualifier = MeshHeading("Zinc", (MeshQualifier("blood", major=True),))
    one = article(5, "T", mesh=(by_qualifier, MeshHeading("Asthma", major=True), MeshHeading("Humans")))
    assert one.major_headings == {"Zinc", "Asthma"}


def citing(sentence: str, *cited: dict[str, object]) -> CitingSentence:
    return msgspec.convert({"sentence": sentence, "cited": cited}, CitingSentence)


def test_a_citing_sentence_is_asked_of_what_it_cites() -> None:
    line = citing(
        "Sweet solutions ease pain of newborns [12, 13] and (14).", {"pmid": "11", "title": "x"}, {"title": "Other title"}, {}
    )
    pairs = {pair for seed in range(30) for pair in citing_pairs([line], find_in(LANCE), seed)}  # type: ignore[arg-type]
    assert {(pair.document, pair.pmid) for pair in pairs} == {(document_text(LANCE), 11), ("Other title", 0)}
    assert {pair.query for pair in pairs if pair.shape is QueryShape.SENTENCE} == {"Sweet solutions ease pain of newborns and."}


def test_reading_citing_sentences(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"sentence": "One.", "cited": [{"pmid": 5, "title": "T"}]}\n\n{"sentence": "Two."}\n'))
    assert [line.sentence for line in read_citing_sentences(path)] == ["One.", "Two."]
    path.write_bytes(b'{"sentence": 5}\n')
    with pytest.raises(SourceError, match=r"line 1: expected a citing sentence"):
        list(read_citing_sentences(path))

"""Makes questions and their documents out of records: what belongs together in an article, and what cites what."""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from indexer.decoding import text_lines
from indexer.notation import pmid_of
from indexer.question_forms import as_keywords, as_question, in_lay_words, subject
from indexer.reading import opened
from indexer.training_pair import PairKind, QueryShape, TrainingPair, document_text
from search.article import Article
from search.errors import SourceError
from search.explanation import sentences

_CONCLUSION = re.compile(
    r"conclu|in summary|our (?:results|findings|data)|these (?:results|findings|data)|we (?:show|find|found|report|suggest)",
    re.IGNORECASE,
)
_LEAST_WORDS = 5
_LEAST_ABSTRACT = 200
_LAY_SHARE = 0.5
# How often the title stands before the abstract in what is asked for, as it does in an index.
_TITLED_SHARE = 0.3
# Which form a title is asked in, where it allows the form: as it stands, in keywords, as a question.
_TITLE_SHAPES = {QueryShape.TITLE: 0.4, QueryShape.KEYWORDS: 0.3, QueryShape.QUESTION: 0.3}
_KEYWORDS_OF_SENTENCES = 0.3
_REFERENCE_MARKS = re.compile(r"\s*(?:\[[\d,;\s–-]*\]|\([\d,;\s–-]*\))")  # noqa: RUF001  (ranges as articles have them)
# Of a heading, so many articles are remembered as partners.
_PARTNERS = 50


class _Cited(msgspec.Struct, frozen=True):
    title: str | None = None
    pmid: int | str | None = None


class CitingSentence(msgspec.Struct, frozen=True):
    """A line of a file of citing sentences: what an article says, and the articles that it cites for it."""

    sentence: str
    cited: tuple[_Cited, ...] = ()


def article_pairs(articles: Iterable[Article], seed: int = 0) -> Iterator[TrainingPair]:
    """Up to three pairs of every article with an abstract, all with the same document.

    A sentence and the conclusion ask for the rest of the abstract. The title asks for it, too, where it is no part of it.
    """
    for article in articles:
        if len(article.abstract) < _LEAST_ABSTRACT:
            continue
        chance = random.Random(f"{seed} {article.pmid}")
        asking = _telling_sentences(article, chance)
        titled = chance.random() < _TITLED_SHARE and bool(asking)
        document = document_text(article if titled else replace(article, title=""), without=[text for _, text in asking])
        if not titled and len(article.title.split()) >= _LEAST_WORDS:
            shape, query = _asked(article.title, chance)
            yield TrainingPair(PairKind.TITLE, shape, query, document, article.pmid, str(article.pmid))
        for kind, text in asking:
            shape, query = _sentence_asked(text, chance)
            yield TrainingPair(kind, shape, query, document, article.pmid, str(article.pmid))


def link_pairs(
    articles: Iterable[Article], find: Callable[[Sequence[int]], dict[int, Article]], seed: int = 0
) -> Iterator[TrainingPair]:
    """An article's title and every article that it cites, where `find` knows it."""
    for article in articles:
        chance = random.Random(f"{seed} {article.pmid} cites")
        for pmid, cited in find(article.references).items():
            if pmid != article.pmid and article.title:
                shape, query = _asked(article.title, chance)
                yield TrainingPair(PairKind.LINK, shape, query, document_text(cited), pmid, str(article.pmid))


def mesh_pairs(
    articles: Iterable[Article], find: Callable[[Sequence[int]], dict[int, Article]], seed: int = 0
) -> Iterator[TrainingPair]:
    """An article's title and an earlier article that has all its major headings, two or more, in common with it."""
    earlier: dict[int, list[int]] = {}  # headings by their hash: there are nearly as many sets of them as articles
    for article in articles:
        topics = article.major_headings
        if len(topics) < 2 or not article.title:  # noqa: PLR2004  (one heading in common says little)
            continue
        chance = random.Random(f"{seed} {article.pmid} shares")
        partners = earlier.setdefault(hash(topics), [])
        if partners:
            pmid = chance.choice(partners)
            shape, query = _asked(article.title, chance)
            document = document_text(find([pmid])[pmid])
            yield TrainingPair(PairKind.MESH, shape, query, document, pmid, str(article.pmid))
        if len(partners) < _PARTNERS and article.sections:
            partners.append(article.pmid)


def citing_pairs(
    lines: Iterable[CitingSentence], find: Callable[[Sequence[int]], dict[int, Article]], seed: int = 0
) -> Iterator[TrainingPair]:
    """A citing sentence and each cited article: title and abstract where `find` knows it, else the title alone."""
    for number, line in enumerate(lines):
        chance = random.Random(f"{seed} citing {number}")
        query = _REFERENCE_MARKS.sub("", line.sentence).strip()
        if len(query.split()) < _LEAST_WORDS:
            continue
        known = find([pmid for cited in line.cited if (pmid := _number(cited.pmid))])
        for cited in line.cited:
            pmid = _number(cited.pmid)
            document = document_text(known[pmid]) if pmid in known else (cited.title or "").strip()
            if document:
                shape, asked = _sentence_asked(query, chance)
                yield TrainingPair(PairKind.CITATION, shape, asked, document, pmid, query)


def read_citing_sentences(path: Path) -> Iterator[CitingSentence]:
    """The lines of ``{"sentence": "...", "cited": [{"pmid": 1, "title": "..."}]}``, compressed or not. Raises SourceError."""
    decoder = msgspec.json.Decoder(CitingSentence)
    with opened(path) as stream:
        for number, line in enumerate(text_lines(stream, path), start=1):
            if not line.strip():
                continue
            try:
                yield decoder.decode(line)
            except (msgspec.MsgspecError, RecursionError) as error:
                raise SourceError(
                    f'{path}, line {number}: expected a citing sentence, {{"sentence": "...", "cited": [{{"pmid": 1, '
                    f'"title": "..."}}]}}; {error}.'
                ) from error


def _telling_sentences(article: Article, chance: random.Random) -> list[tuple[PairKind, str]]:
    """A sentence and the conclusion, where enough of the abstract is left without them."""
    texts = [one for one in sentences(article) if len(one.text.split()) >= _LEAST_WORDS]
    if len(texts) < 3:  # noqa: PLR2004  (of two sentences, nothing would be left)
        return []
    concluding = [one for one in texts if "conclu" in one.label.lower() or _CONCLUSION.search(one.text)]
    conclusion = concluding[-1] if concluding else texts[-1]
    other = chance.choice([one for one in texts if one is not conclusion])
    return [(PairKind.SENTENCE, other.text), (PairKind.CONCLUSION, conclusion.text)]


def _asked(title: str, chance: random.Random) -> tuple[QueryShape, str]:
    """A title in one of the forms that people ask in."""
    shape = chance.choices(list(_TITLE_SHAPES), list(_TITLE_SHAPES.values()))[0]
    if shape is QueryShape.QUESTION and (question := as_question(title, chance)):
        return shape, _in_some_words(question, chance)
    if shape is not QueryShape.TITLE and (keywords := as_keywords(subject(title), chance)):
        return QueryShape.KEYWORDS, _in_some_words(keywords, chance)
    return QueryShape.TITLE, title.strip(" []")


def _sentence_asked(sentence: str, chance: random.Random) -> tuple[QueryShape, str]:
    if chance.random() < _KEYWORDS_OF_SENTENCES and (keywords := as_keywords(sentence, chance)):
        return QueryShape.KEYWORDS, _in_some_words(keywords, chance)
    return QueryShape.SENTENCE, _in_some_words(sentence, chance)


def _in_some_words(query: str, chance: random.Random) -> str:
    """In lay words as often as not."""
    return in_lay_words(query) if chance.random() < _LAY_SHARE else query


def _number(pmid: int | str | None) -> int:
    """A PMID as a number, 0 where there is none."""
    return pmid_of(str(pmid or "")) or 0

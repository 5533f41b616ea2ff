"""Why a hit is there, in words: which words of the question it has, and the sentence that holds most of them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from search.article import Article
from search.results import Sentence
from search.words import names_at, spelt_words, stems

TITLE_LABEL = "title"

# A full stop, question or exclamation mark before white space and what can begin a sentence; not after what shortens a word.
_END = re.compile(
    r"(?<=[.!?])(?<!\b[A-Zcp]\.)(?<!\.[a-z]\.)(?<!\bvs\.)(?<!\bal\.)(?<!\bFig\.)(?<!\bFigs\.)(?<!\bNo\.)(?<!\bDr\.)(?<!\bSt\.)"
    r"(?<!\bca\.)(?<!\bcf\.)(?<!\bspp\.)(?<!\bapprox\.)(?P<closing>[\"')\]]*)\s+(?=[\"'(\[]?[A-Z0-9])"
)
_NAME_BONUS = 1.5


@dataclass(frozen=True, slots=True)
class WordWeights:
    """What a question's words tell: the weight of each stem, and of each name that is one word of letters and signs."""

    stems: Mapping[str, float]
    names: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Matched:
    """The words that matched, as the article has them, and its sentences, those that tell most first."""

    words: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    found_in_sentences: bool


def sentences(article: Article) -> Iterator[Sentence]:
    """The sentences of an abstract, in order, each with its section's label."""
    for section in article.sections:
        start = 0
        for end in (*(found.end("closing") for found in _END.finditer(section.text)), len(section.text)):
            if text := section.text[start:end].strip():
                yield Sentence(text, section.label)
            start = end


def match(article: Article, wanted: WordWeights) -> Matched:
    """Find a question's words in an article; its title counts as a sentence only where no other has any of them."""
    scored = [_marked(sentence, wanted) for sentence in sentences(article)]
    title = _marked(Sentence(article.title, TITLE_LABEL), wanted)
    words = dict.fromkeys(word for one in (title, *scored) for word in one.words)
    scored.sort(key=lambda one: -one.weight)
    if not scored or not scored[0].weight:
        scored.insert(0, title)
    return Matched(tuple(words), tuple(one.sentence for one in scored), scored[0].weight > 0)


@dataclass(frozen=True, slots=True)
class _Marked:
    """A sentence with its marks, the words under them, and the weight of what it has."""

    sentence: Sentence
    words: tuple[str, ...]
    weight: float


def _marked(sentence: Sentence, wanted: WordWeights) -> _Marked:
    spans = list(_spans(sentence.text, wanted))
    weights = {key: weight for key, weight, _, _ in spans}
    marks = tuple(_merged((start, end) for _, _, start, end in spans))
    words = tuple(dict.fromkeys(sentence.text[start:end].casefold() for start, end in marks))
    return _Marked(replace(sentence, marks=marks), words, sum(weights.values()))


def _spans(text: str, wanted: WordWeights) -> Iterator[tuple[str, float, int, int]]:
    for found in spelt_words(text):
        for stem in _stems_of(found.group()):
            if weight := wanted.stems.get(stem):
                yield stem, weight, found.start(), found.end()
    if wanted.names:
        for name, start, end in names_at(text):
            if weight := wanted.names.get(name):
                yield name, _NAME_BONUS * weight, start, end


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The spans in order, overlapping ones as one."""
    last: tuple[int, int] | None = None
    for start, end in sorted(spans):
        if last is not None and start <= last[1]:
            last = (last[0], max(last[1], end))
        else:
            if last is not None:
                yield last
            last = (start, end)
    if last is not None:
        yield last


@lru_cache(maxsize=2**16)
def _stems_of(word: str) -> tuple[str, ...]:
    return tuple(stems(word))

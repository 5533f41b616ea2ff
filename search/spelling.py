"""Suggestions for words that the corpus does not have; nothing is ever changed unasked."""

from collections.abc import Iterable

from rapidfuzz.distance import OSA

from search.lexical import LexicalIndex
from search.live_catalogue import LiveCatalogue
from search.results import Suggestion
from search.words import exact_words, whole_names

_SHORTEST = 4
# Beyond a question's length a text is pasted; and a list of foreign words is no list of slips.
_CHARACTERS_READ = 500
_MOST = 4
# One letter off in a short word, two in a longer one.
_LONG_WORD = 7
# Enough articles to hold the common spelling among rarer ones.
_ARTICLES_READ = 50


def suggestions(text: str, catalogue: LiveCatalogue, lexical: LexicalIndex) -> tuple[Suggestion, ...]:
    """For every word that no article has, the most frequent word that is one or two letters off, if there is one."""
    read = text[:_CHARACTERS_READ]
    names = set(whole_names(read))
    words = exact_words(read if len(read) == len(text) else read.rpartition(" ")[0])
    unknown = [
        word
        for word in dict.fromkeys(words)
        if len(word) >= _SHORTEST and word.isalpha() and word not in names and not lexical.has_word(word)
    ]
    found = [Suggestion(word, nearest) for word in unknown[:_MOST] if (nearest := _nearest(word, catalogue, lexical))]
    return tuple(found)


def _nearest(word: str, catalogue: LiveCatalogue, lexical: LexicalIndex) -> str | None:
    for distance in range(1, _allowed(word) + 1):
        articles = catalogue.articles(lexical.pmids_near(word, distance, _ARTICLES_READ).tolist()).values()
        near = {
            other
            for other in _words_of(f"{article.title} {article.abstract}" for article in articles)
            if OSA.distance(word, other, score_cutoff=distance) <= distance
        }
        if near:
            return max(near, key=lambda other: (lexical.document_frequency(other), other))
    return None


def _allowed(word: str) -> int:
    return 2 if len(word) >= _LONG_WORD else 1


def _words_of(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in exact_words(text)}

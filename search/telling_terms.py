"""What groups of articles are about: the words, phrases and MeSH headings that tell each group from the others."""

import functools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from search.article import Article
from search.words import compounds, stems, without_asking

# A term is known by the stems of its words.
Term = tuple[str, ...]
Counts = npt.NDArray[np.float64]

_MOST_TERMS = 4
# Chi-squared with one degree of freedom reaches this once in a thousand times by chance; two groups of four hits reach 11.1.
_LEAST_TELLING = 10.83
_LEAST_ARTICLES = 2
_LONGEST_PHRASE = 3
# "Results" and "compared" tell the kind of abstract: of the articles that have such a word, fewer have it in their titles.
_IN_TITLES = 0.1
# A word that so many of its articles have in one phrase is shown as that phrase.
_MOSTLY = 0.6
# How so many articles write a term says how it is written.
_READ_FOR_SPELLING = 10


def telling_terms(articles: Sequence[Article], groups: npt.NDArray[np.int64]) -> list[tuple[str, ...]]:
    """For each group the terms that tell most, 4 at most, the most telling first; () where none tells it from the others.

    `groups` (n,) are the numbers of the articles' groups, from 0 without gaps. Terms are words of titles, also two or three in
    a row, main MeSH headings and keywords, written as the articles write them. No two groups share a term, and what the
    articles of all groups have, as the words of a question, tells nothing.
    """
    if not articles:
        return []
    held = _HeldTerms.of(articles)
    members = np.arange(groups.max() + 1)[:, None] == groups
    inside = members.astype(np.float64) @ held.has
    scores = _log_likelihood_ratios(inside, members.sum(axis=1).astype(np.float64))
    telling = (inside >= _LEAST_ARTICLES) & (scores >= _LEAST_TELLING)
    best_told = np.arange(len(scores))[:, None] == np.where(telling, scores, 0.0).argmax(axis=0)
    scores[~(telling & best_told)] = 0.0
    return [
        tuple(
            held.written(column, [articles[row] for row in np.flatnonzero(members[group] & held.has[:, column]).tolist()])
            for column in _chosen(held.terms, scores[group], inside[group])
        )
        for group in range(len(members))
    ]


@dataclass(frozen=True, slots=True)
class _HeldTerms:
    """The terms of some articles, sorted, how a title or a heading writes each, and which articles have it: (n, terms) bool."""

    terms: list[Term]
    spellings: list[str]
    has: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, articles: Sequence[Article]) -> Self:
        """Read the terms that at least two titles, lists of headings or lists of keywords have."""
        spellings: dict[Term, Counter[str]] = {}
        topics = [_topics(article, spellings) for article in articles]
        about = Counter(term for own in topics for term in own)
        known = {term for term, count in about.items() if count >= _LEAST_ARTICLES}
        lengths = sorted({len(term) for term in known})
        holding = [own & known | _in_text(article, known, lengths) for article, own in zip(articles, topics, strict=True)]
        articles_with = Counter(term for terms in holding for term in terms)
        terms = sorted(term for term in known if about[term] >= _IN_TITLES * articles_with[term])
        has = np.array([[term in own for term in terms] for own in holding], np.bool_).reshape(len(articles), len(terms))
        return cls(terms, [spellings[term].most_common(1)[0][0] for term in terms], has)

    def written(self, column: int, articles: Sequence[Article]) -> str:
        """A term as the abstracts of its articles write it most times: titles begin with capitals, or are full of them."""
        spelling = self.spellings[column]
        found = re.compile(rf"(?<!\w){re.escape(spelling)}(?!\w)", re.IGNORECASE)
        written = Counter(text for article in articles[:_READ_FOR_SPELLING] for text in found.findall(article.abstract))
        return written.most_common(1)[0][0] if written else spelling


def _topics(article: Article, spellings: dict[Term, Counter[str]]) -> set[Term]:
    """What an article says it is about; how it writes that counts where it does not begin a title or stand in a list."""
    headings = [(_term(heading), heading, False) for heading in (*sorted(article.major_headings), *article.keywords)]
    topics = set()
    for term, written, counts in (*_phrases(article.title), *headings):
        if term:
            spellings.setdefault(term, Counter())[written] += counts
            topics.add(term)
    return topics


def _phrases(text: str) -> Iterator[tuple[Term, str, bool]]:
    """Each word of a text, and each two or three that only spaces part, and whether it stands behind the first word.

    Stop words are no words here.
    """
    begun: list[tuple[int, Term, bool]] = []
    behind = 0
    for found in compounds(text):
        start, end = found.span()
        word = _term(found.group())
        begun = begun[1 - _LONGEST_PHRASE :] if word and text[behind:start] == " " else []
        begun = [(first, (*term, *word), is_word) for first, term, is_word in begun]
        # A number, or one letter, is no word, and begins no phrase: but "type 1" and "vitamin D" are phrases.
        begun.append((start, word, bool(word) and end - start > 1 and any(map(str.isalpha, found.group()))))
        yield from ((term, text[first:end], first > 0) for first, term, is_word in begun if is_word)
        behind = end


def _in_text(article: Article, terms: set[Term], lengths: Sequence[int]) -> set[Term]:
    """Those of `terms`, of some lengths, whose words stand in this order in title or abstract, stop words left out."""
    found: set[Term] = set()
    for text in (article.title, *(section.text for section in article.sections)):
        words = stems(text)
        for length in lengths:
            found |= terms.intersection(zip(*(words[start:] for start in range(length)), strict=False))
    return found


def _log_likelihood_ratios(inside: Counts, sizes: Counts) -> Counts:
    """How surely a group has a term more often than the others do, by Dunning's G² (Computational Linguistics 19, 1993).

    `inside` (groups, terms) counts the articles of a group that have a term, `sizes` (groups,) its articles. The result,
    (groups, terms), is 2 Σ O ln(O / E) over the articles of the group or the others, with the term or without; it is 0 where
    the others have the term as often.
    """
    size, total, everywhere = sizes[:, None], sizes.sum(), inside.sum(axis=0)
    fields = (inside, size - inside, everywhere - inside, total - size - everywhere + inside)
    margins = (size, total - size, everywhere, total - everywhere)
    ratios = 2 * (sum(map(_x_log_x, fields)) - sum(map(_x_log_x, margins)) + _x_log_x(total))
    return np.where(inside * total > size * everywhere, np.maximum(ratios, 0.0), 0.0)


def _x_log_x(count: Counts) -> Counts:
    """The limit at 0 is 0."""
    return count * np.log(np.where(count > 0, count, 1.0))


def _chosen(terms: Sequence[Term], scores: Counts, inside: Counts) -> list[int]:
    """The columns of the terms shown for one group: the most telling, no two with a word in common."""
    chosen: list[int] = []
    used: set[str] = set()
    for column in np.argsort(-scores, kind="stable").tolist():
        if not scores[column] or len(chosen) == _MOST_TERMS:
            break
        if used.isdisjoint(terms[column]):
            common = np.flatnonzero((scores > 0) & (inside >= _MOSTLY * inside[column])).tolist()
            longer = [other for other in common if used.isdisjoint(terms[other]) and set(terms[column]) <= set(terms[other])]
            best = max(longer, key=lambda other: (len(terms[other]), inside[other]))
            chosen.append(best)
            used.update(terms[best])
    return chosen


@functools.lru_cache(maxsize=2**16)
def _term(written: str) -> Term:
    return tuple(stems(without_asking(written)))

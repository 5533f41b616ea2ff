"""The records that are indexed while things go wrong, and what must be in the index afterwards."""

import dataclasses
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pubmed_files import write_pubmed_file
from toy import article

from search.article import Article, Correction

_WORDS = ("a", "of", "the", "lung", "heart", "asthma", "statins", "severe", "randomised", "controlled", "measurements")
_FILES, _PER_FILE = 4, 30
_SEED = 20261122


@dataclass(frozen=True, slots=True)
class Corpus:
    """A baseline and the update files after it: `articles[n]` are those of the index after `files[: n + 1]`."""

    files: tuple[Path, ...]
    articles: tuple[dict[int, Article], ...]

    @property
    def baseline(self) -> tuple[Path, ...]:
        """The files that the index is built of at first."""
        return self.files[:_FILES]

    @property
    def update(self) -> Path:
        """The file that comes then."""
        return self.files[_FILES]

    def after(self, last_file: str) -> dict[int, Article]:
        """The articles of an index whose last file is this one."""
        return self.articles[[path.name for path in self.files].index(last_file)]


def write_corpus(folder: Path) -> Corpus:
    """Write four baseline files, one record of which is to be skipped, and three update files."""
    chance, files, states, state = random.Random(_SEED), list[Path](), list[dict[int, Article]](), dict[int, Article]()
    for number in range(1, _FILES + 4):
        if number <= _FILES:
            articles, deleted = _articles(chance, range((number - 1) * _PER_FILE + 1, number * _PER_FILE + 1)), list[int]()
        else:
            articles, deleted = _changes(chance, state, 1_000 * number)
        nothing = [article(9_000 + number, "")]
        files.append(write_pubmed_file(folder, number, [*articles, *nothing], deleted))
        state = {pmid: one for pmid, one in (state | {one.pmid: one for one in articles}).items() if pmid not in deleted}
        states.append(state)
    return Corpus(tuple(files), tuple(states))


def _changes(chance: random.Random, state: dict[int, Article], first_new: int) -> tuple[list[Article], list[int]]:
    """New articles, revised ones, a retraction and deletions."""
    known = chance.sample(sorted(state), 24)
    retracted = dataclasses.replace(state[known[0]], corrections=(Correction("RetractionIn", None, "J"),))
    new = _articles(chance, range(first_new, first_new + 12))
    return [retracted, *_articles(chance, known[1:19]), *new], known[19:]


def _articles(chance: random.Random, pmids: Sequence[int]) -> list[Article]:
    """Articles of random words, each with a text of its own, some that define an abbreviation."""
    found = []
    for pmid in pmids:
        title, text = (" ".join(chance.choices(_WORDS, k=chance.randint(2, 6))) for _ in range(2))
        text += " acute kidney injury (AKI)" if chance.random() < 0.3 else ""
        number = chance.randrange(10**12)
        found.append(article(pmid, f"{title} {number}", text, year=chance.randint(1990, 2025), version=1))
    return found

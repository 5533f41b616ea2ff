"""Keeps texts that a model will be measured on out of what it learns from, by their content words, some in a row at a time.

Sets differ in form from the articles they were made of: titles are joined to abstracts, stop words are taken out, numbers are
words. Rows of content words survive all of that, exact titles do not.
"""

import functools
import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Self

import numpy as np
import numpy.typing as npt

Shingles = npt.NDArray[np.uint64]

_ROW = 4
# Of unrelated abstracts, 99 % share less than this with four sets of 10,737 documents; of copies, all share most.
_LEAKING_SHARE = 0.05
# One row alone is a phrase, in a title as well: "nuclear factor kappab activation".
_LEAST = 2
# What stands in more documents than these is a phrase of the field: "randomized double blind placebo".
_COMMON = 2
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_WORD = re.compile(r"[a-z]{3,}")
_FUNCTION_WORDS = frozenset(
    """
    about above across after again against all almost along already also although always among and another any are around away
    back because been before behind being below between both but can cannot could did does doing done down due during each
    either else enough etc even ever every few first for found from further get give had has have having her here hers him his
    how however indeed into its itself last latter least less made many may might mine more moreover most mostly much must
    namely neither never nevertheless next nobody none nor not nothing now off often once one only onto other others otherwise
    our ours out over own part per perhaps please put rather same seem seemed seems several she should show since six some
    still such take ten than that the their them themselves then there thereby therefore these they this those though three
    through throughout thus together too toward towards twelve twenty two under until upon use used using very via was well
    were what whatever when whether which while who whole whom whose why will with within without would yet you your
    num pubmed ncbi
    """.split()  # noqa: SIM905  (a list of so many words is hard to read)
)


class LeakFilter:
    """Knows the texts of judged sets, and tells what holds much of one of them."""

    def __init__(self, protected: Shingles) -> None:
        self._protected = np.unique(protected)

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Protect texts: a set's documents, titles and all, and its questions."""
        # Of sets that share documents, or questions that are titles as well, each text counts once.
        rows = {found.tobytes(): found for text in texts if len(found := np.unique(shingles(text)))}
        distinct, documents = np.unique(np.concatenate([np.empty(0, np.uint64), *rows.values()]), return_counts=True)
        return cls(distinct[documents <= _COMMON])

    @property
    def fingerprint(self) -> str:
        """Tells what is protected from anything else that might be."""
        return hashlib.blake2b(self._protected.tobytes(), digest_size=8).hexdigest()

    def leaks(self, *texts: str) -> bool:
        """Whether one of the texts holds a part of a protected one."""
        return any(self._leaks(shingles(text)) for text in texts)

    def _leaks(self, found: Shingles) -> bool:
        if not len(found) or not len(self._protected):
            return False
        places = np.minimum(np.searchsorted(self._protected, found), len(self._protected) - 1)
        held = int((self._protected[places] == found).sum())
        return held >= max(min(_LEAST, len(found)), _LEAKING_SHARE * len(found))


def shingles(text: str) -> Shingles:
    """Hashes of every row of four content words, of all where there are fewer than four: (n,) uint64."""
    words = np.fromiter((_hash(word) for word in _content_words(text)), np.uint64)
    length = min(_ROW, len(words))
    if not length:
        return words
    rows = np.zeros(len(words) - length + 1, np.uint64)
    for place in range(length):
        rows = rows * _MIXER + words[place : place + len(rows)]  # unsigned arrays wrap around in silence
    return rows


def _content_words(text: str) -> Iterator[str]:
    return (word for word in _WORD.findall(text.lower()) if word not in _FUNCTION_WORDS)


@functools.lru_cache(maxsize=1 << 20)
def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")

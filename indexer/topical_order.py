"""Orders texts so that those of one topic stand together: a batch's other documents are then hard to tell from the answer.

As TAS-B composes its batches (https://arxiv.org/abs/2104.06967), with words in the place of an encoder: a raw encoder, which is
what training is for, knows no topics.
"""

import random
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

# Fewer texts have no topics worth the name.
_LEAST = 1_000
_TEXTS_PER_TOPIC = 150
_WORDS = 1 << 16
_DIMENSIONS = 96


def topical_order(texts: Iterable[str], together: int, seed: int) -> list[int]:
    """The places of all texts, in an order in which runs of `together` have one topic each; runs follow by chance.

    What is left of a topic stands at the end.
    """
    chance = random.Random(seed)
    runs, rest = [], []
    for members in _topics(list(texts), seed):
        chance.shuffle(members)
        whole = len(members) - len(members) % together
        runs += [members[start : start + together] for start in range(0, whole, together)]
        rest += members[whole:]
    chance.shuffle(runs)
    chance.shuffle(rest)
    return [place for run in runs for place in run] + rest


def _topics(texts: Sequence[str], seed: int) -> list[list[int]]:
    """The places of each topic's texts."""
    if len(texts) < _LEAST:
        return [list(range(len(texts)))]
    from sklearn.cluster import MiniBatchKMeans

    topics = MiniBatchKMeans(len(texts) // _TEXTS_PER_TOPIC, random_state=seed, batch_size=4096, n_init=1)
    found = topics.fit_predict(_word_vectors(texts, seed))
    places = np.argsort(found, kind="stable")
    return [part.tolist() for part in np.split(places, np.flatnonzero(np.diff(found[places])) + 1)]


def _word_vectors(texts: Sequence[str], seed: int) -> npt.NDArray[np.float32]:
    """What words each text has, weighted by how rare they are, in few dimensions: (n, 96), of length 1."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    weigh = TfidfVectorizer(sublinear_tf=True, stop_words="english", max_features=_WORDS, dtype=np.float32)
    words = weigh.fit_transform(texts)
    reduced = TruncatedSVD(min(_DIMENSIONS, words.shape[1] - 1), random_state=seed).fit_transform(words)
    vectors: npt.NDArray[np.float32] = normalize(reduced).astype(np.float32)
    return vectors

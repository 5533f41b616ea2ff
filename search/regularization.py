"""Score regularization: what answers a question alike reads alike, so a hit whose likes are good hits is a better one.

Diaz, "Regularizing ad hoc retrieval scores", 2005, after van Rijsbergen's cluster hypothesis.
"""

import numpy as np

from search.encoder import Vectors
from search.scored import Scored


def regularized(ranked: Scored, vectors: Vectors, neighbours: int, weight: float) -> Scored:
    """Rank anew the first hits, those that `vectors` (m, d) are given of, best first.

    Of each score, `weight` becomes the mean score of the hit's nearest others among the first, as many as `neighbours`. No mean
    is below the least of the scores, so that the hits behind the first ones stay behind them.
    """
    count = len(vectors)
    neighbours = min(neighbours, count - 1)
    if neighbours < 1:
        return ranked
    directions = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    likeness = directions @ directions.T
    np.fill_diagonal(likeness, -np.inf)
    nearest = np.argpartition(-likeness, neighbours - 1, axis=1)[:, :neighbours]
    scores = ranked.scores.copy()
    scores[:count] = (1 - weight) * scores[:count] + weight * scores[nearest].mean(axis=1)
    return Scored.ranked(ranked.pmids, scores)

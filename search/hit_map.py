"""A map of hits: alike articles stand near each other, in clusters that are named by what tells them apart."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.article import Article
from search.encoder import Vectors
from search.telling_terms import telling_terms

MOST_MAPPED = 500

Places = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

# Of 384. Trustworthiness of 5 neighbours, 500 hits of each of 10 questions: 0.957 with 20, 0.960 with 30 and with 50. With 50,
# one hit that is another moves a tenth of the others by 0.125 and more; with 30, by 0.08.
_COMPONENTS = 30
_PERPLEXITY = 30
# The fewest that t-SNE lets itself be told, 0.5 s. Twice as many keep neighbours no better.
_ITERATIONS = 250
# Among fewer, t-SNE keeps neighbours no better than the first two components do.
_FEWEST_FOR_NEIGHBOURS = 16
# Vectors have length 1: what is less spread than this is rounding.
_NO_SPREAD = 1e-6
_FEWEST_CLUSTERS = 5
_MOST_CLUSTERS = 10
# A map of few hits may have fewer clusters: one to so many hits, and at least two.
_HITS_PER_CLUSTER = 20
_FEWEST_HITS_PER_CLUSTER = 4
_DECIMALS = 4
_BEST_SHARE = 5
_SEED = 0
# Threads add up in the order in which they end: only one gives the same sums each time. The limit is the whole process's, so
# that of two maps at once the second would find the first one's, and leave it behind; k-means limits threads by itself.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A hit on the map; `x` and `y` lie in -1..1, `rank` from 1 is its place among the hits, `cluster` its cluster's number."""

    pmid: int
    x: float
    y: float
    cluster: int
    rank: int
    title: str
    year: int | None


@dataclass(frozen=True, slots=True)
class MapCluster:
    """Hits that stand together: how many, the middle of their places, and the terms that tell them from the others.

    Numbers start at 1, with the largest cluster. `terms` are empty where no term tells them apart.
    """

    number: int
    terms: tuple[str, ...]
    size: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class HitMap:
    """The points of a map in order of rank, and its clusters in order of number."""

    points: tuple[MapPoint, ...]
    clusters: tuple[MapCluster, ...]


def hit_map_of(articles: Sequence[Article], vectors: Vectors) -> HitMap:
    """The map of hits, the best first, and of their vectors, (n, d) float32. The same hits give the same map.

    The larger of width and height fills -1..1, and distances along both mean the same. One hit more or less moves the
    others little.
    """
    from threadpoolctl import threadpool_limits

    if not articles:
        return HitMap((), ())
    with _ONE_AT_A_TIME, threadpool_limits(1):
        places = _places(vectors)
        numbers = _clusters(places)
    points = tuple(
        MapPoint(article.pmid, x, y, number, rank, article.title, article.year)
        for rank, (article, (x, y), number) in enumerate(
            zip(articles, places.tolist(), (numbers + 1).tolist(), strict=True), start=1
        )
    )
    terms = telling_terms(articles, numbers)
    return HitMap(points, tuple(_cluster(number, places[numbers == number], terms[number]) for number in range(len(terms))))


def _cluster(number: int, places: Places, terms: tuple[str, ...]) -> MapCluster:
    x, y = places.mean(axis=0).round(_DECIMALS).tolist()
    return MapCluster(number + 1, terms, len(places), x, y)


def _places(vectors: Vectors) -> Places:
    """Where each hit stands: (n, 2) float64, finite, in -1..1."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    directions = vectors / np.where(lengths > 0, lengths, 1.0)
    if np.ptp(directions, axis=0).max() < _NO_SPREAD:
        return np.zeros((len(vectors), 2))
    components = _principal_components(directions)
    if len(vectors) < _FEWEST_FOR_NEIGHBOURS:
        return _filling(components[:, :2])
    return _filling(_neighbours_together(components))


def _principal_components(directions: Places) -> Places:
    """The 2 to 30 principal components of vectors, (n, c) float64; the best hits lie on the positive side of each."""
    from sklearn.decomposition import PCA

    components = PCA(min(_COMPONENTS, *directions.shape), svd_solver="full").fit_transform(directions)
    # A component's sign is arbitrary. This one never flipped where one of 500 hits was another, in 304 tries; PCA's own did 13
    # times, that of the mean weighted by 1 / rank 3 times.
    best = components[: max(len(components) // _BEST_SHARE, 1)]
    signs: Places = np.where(best.mean(axis=0) < components.mean(axis=0), -1.0, 1.0)
    return np.pad(components * signs, ((0, 0), (0, max(2 - components.shape[1], 0))))


def _neighbours_together(components: Places) -> Places:
    """The components (n, c) on a plane, by t-SNE: van der Maaten and Hinton, JMLR 9, 2008; (n, 2).

    Its early exaggeration is left out. Neighbours are kept as well without, as it starts from principal components; but where
    one of 500 hits is another, half of the others move by 0.4 and more with it, on a map of -1..1, and by 0.03 without.
    """
    from sklearn.manifold import TSNE

    start = 1e-4 * components[:, :2] / components[:, 0].std()
    model = TSNE(
        perplexity=min(_PERPLEXITY, (len(components) - 1) / 3),
        early_exaggeration=1.0,
        max_iter=_ITERATIONS,
        init=start.astype(np.float32),
        random_state=_SEED,
    )
    places: Places = model.fit_transform(components.astype(np.float32)).astype(np.float64)
    return places


def _filling(places: Places) -> Places:
    """The places moved and scaled so that the larger of width and height is -1..1."""
    low, high = places.min(axis=0), places.max(axis=0)
    filling: Places = (places - (low + high) / 2) / ((high - low).max() / 2)
    return filling.round(_DECIMALS)


def _clusters(places: Places) -> Numbers:
    """The number of each place's cluster, from 0, the largest first: the k-means with the highest silhouette; (n,) int64."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    fewest = min(_FEWEST_CLUSTERS, max(len(places) // _HITS_PER_CLUSTER, 2))
    most = min(_MOST_CLUSTERS, len(places) // _FEWEST_HITS_PER_CLUSTER, len(np.unique(places, axis=0)))
    if most < 2:  # noqa: PLR2004  (one cluster is no choice)
        return np.zeros(len(places), np.int64)
    tried = [KMeans(count, n_init=10, random_state=_SEED).fit_predict(places) for count in range(min(fewest, most), most + 1)]
    return _largest_first(max(tried, key=lambda numbers: silhouette_score(places, numbers)))


def _largest_first(numbers: npt.NDArray[np.int32]) -> Numbers:
    """The same clusters, numbered anew: the largest 0; of equal ones, that of the best hit first."""
    found, first, counts = np.unique(numbers, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    new = np.empty(int(found.max()) + 1, np.int64)
    new[found[order]] = np.arange(len(found))
    renumbered: Numbers = new[numbers]
    return renumbered

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from conftest import BuildToy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from threadpoolctl import threadpool_limits
from toy import article, load_toy

from search import Searcher
from search.encoder import Vectors
from search.errors import QueryError
from search.hit_map import MOST_MAPPED, HitMap, MapCluster, MapPoint, hit_map_of

TOPICS = ("liver", "kidney", "bone")


def mapped(vectors: Vectors) -> HitMap:
    return hit_map_of([article(100 + place, "Title") for place in range(len(vectors))], vectors)


def places(made: HitMap) -> list[tuple[float, float]]:
    return [(point.x, point.y) for point in made.points]


def around(centres: Vectors, sizes: list[int], spread: float = 0.05) -> tuple[Vectors, list[int]]:
    """So many vectors near each centre, shuffled, and which centre each is near to."""
    random = np.random.default_rng(1)
    owners = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    noise = random.normal(scale=spread, size=(len(owners), centres.shape[1]))
    return (centres[owners] + noise).astype(np.float32), owners.tolist()


def test_no_hits() -> None:
    assert mapped(np.empty((0, 8), np.float32)) == HitMap((), ())


def test_one_hit_stands_in_the_middle() -> None:
    made = hit_map_of([article(7, "On liver", year=1999)], np.ones((1, 8), np.float32))
    assert made == HitMap((MapPoint(7, 0.0, 0.0, 1, 1, "On liver", 1999),), (MapCluster(1, (), 1, 0.0, 0.0),))


def test_two_hits_stand_at_both_ends_the_better_one_to_the_right() -> None:
    assert places(mapped(np.eye(2, 8, dtype=np.float32))) == [(1.0, 0.0), (-1.0, 0.0)]


def test_few_hits_stand_where_their_vectors_point_width_and_height_to_one_scale() -> None:
    # On the half circle x is 1, 0, -1 and y is 0, 1, 0; y is turned so that the best hit is not below the others' mean.
    vectors = np.array([[3, 0], [0, 2], [-1, 0]], np.float32)
    made = mapped(vectors)
    assert places(made) == [(1.0, 0.5), (0.0, -0.5), (-1.0, 0.5)]
    assert [point.rank for point in made.points] == [1, 2, 3]
    assert made.clusters == (MapCluster(1, (), 3, 0.0, 0.1667),)


@pytest.mark.parametrize("count", [2, 3, 20, 100])
@pytest.mark.parametrize("value", [0.0, 0.1])
def test_equal_vectors_stand_in_one_place(count: int, value: float) -> None:
    made = mapped(np.full((count, 384), value, np.float32))
    assert set(places(made)) == {(0.0, 0.0)}
    assert made.clusters == (MapCluster(1, (), count, 0.0, 0.0),)


def test_two_places_of_many_hits() -> None:
    made = mapped(np.repeat(np.eye(2, 8, dtype=np.float32), 15, axis=0))
    assert [point.cluster for point in made.points] == [1] * 15 + [2] * 15


@pytest.mark.parametrize("sizes", [[6, 5], [30, 20, 10]])
def test_topics_well_apart_are_found_and_named_by_what_tells_them_apart(sizes: list[int]) -> None:
    vectors, owners = around(np.eye(len(sizes), 40, dtype=np.float32), sizes)
    made = hit_map_of([article(1 + place, f"Statins in the {TOPICS[owner]}") for place, owner in enumerate(owners)], vectors)
    assert [cluster.terms for cluster in made.clusters] == [(topic,) for topic in TOPICS[: len(sizes)]]
    assert [point.cluster for point in made.points] == [1 + owner for owner in owners]


def test_many_hits_make_five_clusters_or_more_none_of_two_topics() -> None:
    vectors, owners = around(np.eye(3, 40, dtype=np.float32), [90, 60, 50])
    made = hit_map_of([article(1 + place, f"Statins in the {TOPICS[owner]}") for place, owner in enumerate(owners)], vectors)
    assert 5 <= len(made.clusters) <= 10
    together = {(point.cluster, owner) for point, owner in zip(made.points, owners, strict=True)}
    assert len(together) == len(made.clusters)
    # One of the clusters of a topic is named by it, and the others are not.
    assert Counter(cluster.terms for cluster in made.clusters if cluster.terms) == {(topic,): 1 for topic in TOPICS[:3]}


def test_clusters_are_numbered_by_size() -> None:
    vectors, owners = around(np.eye(3, 40, dtype=np.float32), [10, 30, 20])
    made = mapped(vectors)
    assert [(cluster.number, cluster.size) for cluster in made.clusters] == [(1, 30), (2, 20), (3, 10)]
    assert [point.cluster for point in made.points] == [{0: 3, 1: 1, 2: 2}[owner] for owner in owners]


def test_neighbours_stay_neighbours_where_two_components_would_mix_them() -> None:
    vectors, owners = around(np.eye(12, 40, dtype=np.float32), [20] * 12)
    drawn = np.array(places(mapped(vectors)))
    distances = np.linalg.norm(drawn[:, None] - drawn, axis=2) + 9 * np.eye(len(drawn))
    assert [owners[near] for near in distances.argmin(axis=1).tolist()] == owners


def test_the_same_hits_give_the_same_map_whatever_threads_there_are() -> None:
    vectors = np.random.default_rng(0).normal(size=(150, 32)).astype(np.float32)
    once = mapped(vectors)
    for threads in (1, 2):
        with threadpool_limits(threads):
            assert mapped(vectors) == once


def test_one_hit_more_moves_the_others_little() -> None:
    vectors, _ = around(np.random.default_rng(2).normal(size=(8, 40)).astype(np.float32), [40] * 8, 0.5)
    before, after = (np.array(places(mapped(some)))[:300] for some in (vectors[:300], vectors[:301]))
    assert np.median(np.linalg.norm(before - after, axis=1)) < 0.1


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 40), st.integers(1, 5))
def test_any_vectors_make_a_map(data: st.DataObject, count: int, dimension: int) -> None:
    values = st.sampled_from([0.0, 1.0, -1.0, 1e-30, 1e30, 0.5])
    made = mapped(data.draw(arrays(np.float32, (count, dimension), elements=values)))
    drawn = np.array(places(made))
    assert np.isfinite(drawn).all()
    assert np.abs(drawn).max() <= 1
    assert np.ptp(drawn, axis=0).max() in (0, 2)
    assert [point.rank for point in made.points] == list(range(1, count + 1))
    sizes = Counter(point.cluster for point in made.points)
    assert [(cluster.number, cluster.size) for cluster in made.clusters] == sorted(sizes.items())
    assert sorted(sizes.values(), reverse=True) == [cluster.size for cluster in made.clusters]
    assert all(-1 <= place <= 1 for cluster in made.clusters for place in (cluster.x, cluster.y))


def test_a_searcher_maps_the_hits_that_it_is_given_in_their_order(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy([article(10 + place, "a " * place + "bbbb") for place in range(5)])
    with Searcher.open(tmp_path / "index", load=load_toy) as searcher:
        made = searcher.hit_map([12, 10, 14, 12])
        assert [(point.rank, point.pmid) for point in made.points] == [(1, 12), (2, 10), (3, 14)]
        assert made == hit_map_of([searcher.articles([pmid])[pmid] for pmid in (12, 10, 14)], searcher.vectors([12, 10, 14]))
        assert searcher.hit_map([]) == HitMap((), ())
        with pytest.raises(QueryError, match="999"):
            searcher.hit_map([10, 999])


def test_only_the_first_hits_are_mapped(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy([article(1 + place, "a " * (place % 7) + "bbbb") for place in range(MOST_MAPPED + 1)])
    with Searcher.open(tmp_path / "index", load=load_toy) as searcher:
        pmids = [int(pmid) for pmid in searcher.pmids()]
        assert [point.pmid for point in searcher.hit_map(pmids).points] == pmids[:MOST_MAPPED]

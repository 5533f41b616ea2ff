"""The FAISS index against exact brute force, flat and in inverted lists, with and without a filter."""

import resource
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from search.candidates import Candidates
from search.columns import Selection
from search.errors import BrokenIndex, StorageFull
from search.vectors import VectorFile

COUNT, DIMENSION = 4_000, 32
KINDS = {"flat": COUNT, "lists": 100}


def clustered(seed: int = 0) -> VectorFile:
    """Vectors around 40 centres, as texts lie around topics; PMIDs are sparse."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(40, DIMENSION))
    vectors = centres[random.integers(0, 40, COUNT)] + 0.6 * random.normal(size=(COUNT, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pmids = np.sort(random.choice(100_000, COUNT, replace=False) + 1)
    return VectorFile(pmids.astype(np.int64), vectors.astype(np.float32))


def brute_force(vectors: VectorFile, query: npt.NDArray[np.float32], depth: int, allowed: set[int]) -> list[int]:
    scores = vectors.get(vectors.pmids) @ query
    order = np.lexsort((-vectors.pmids, -scores))
    return [pmid for pmid in vectors.pmids[order].tolist() if pmid in allowed][:depth]


def select(pmids: set[int], size: int) -> Selection:
    bits = np.zeros(size, np.bool_)
    bits[list(pmids)] = True
    return Selection(np.packbits(bits, bitorder="little"), len(pmids))


@pytest.fixture(params=sorted(KINDS))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[VectorFile, Candidates]:
    vectors = clustered()
    kind = Candidates.build(tmp_path / "candidates.faiss", vectors, flat_limit=KINDS[request.param])
    assert kind == ("IDMap2,Flat" if request.param == "flat" else "IVF256,PQ8x4fs")
    return vectors, Candidates.open(tmp_path / "candidates.faiss", vectors)


def test_ids_are_pmids(opened: tuple[VectorFile, Candidates]) -> None:
    vectors, candidates = opened
    assert candidates.pmids().tolist() == vectors.pmids.tolist()


def test_every_vector_finds_itself(opened: tuple[VectorFile, Candidates]) -> None:
    vectors, candidates = opened
    sampled = vectors.pmids[::100]
    found = [candidates.search(vector, 1000).pmids[0] for vector in vectors.get(sampled)]
    assert found == sampled.tolist()


@pytest.mark.parametrize("share", [0.5, 0.05, 0.005])
def test_a_filter_keeps_what_it_should(opened: tuple[VectorFile, Candidates], share: float) -> None:
    vectors, candidates = opened
    random = np.random.default_rng(1)
    allowed = set(random.choice(vectors.pmids, int(share * COUNT), replace=False).tolist())
    passing = select(allowed, int(vectors.pmids[-1]) + 1)
    recalls = []
    for query in vectors.get(random.choice(vectors.pmids, 20)):
        found = candidates.search(query, 1000, passing).pmids.tolist()
        assert set(found) <= allowed
        assert len(found) == min(1000, len(allowed))
        expected = brute_force(vectors, query, 10, allowed)
        recalls.append(len(set(found[:10]) & set(expected)) / len(expected))
    assert np.mean(recalls) >= 0.99


@pytest.mark.parametrize("share", [1.0, 0.9, 0.1])
def test_many_questions_at_a_time(opened: tuple[VectorFile, Candidates], share: float) -> None:
    """Where a filter keeps most, the list that it is cut from may be short of some."""
    vectors, candidates = opened
    random = np.random.default_rng(2)
    allowed = set(random.choice(vectors.pmids, int(share * COUNT), replace=False).tolist())
    passing = None if share == 1 else select(allowed, int(vectors.pmids[-1]) + 1)
    queries = vectors.get(random.choice(vectors.pmids, 50))
    found = candidates.search_all(queries, 20, passing)
    for query, together in zip(queries, found, strict=True):
        expected = brute_force(vectors, query, 20, allowed)
        assert set(together.pmids.tolist()) <= allowed
        assert together.scores.tolist() == pytest.approx((vectors.get(together.pmids) @ query).tolist(), abs=1e-5)
        assert len(set(together.pmids.tolist()) & set(expected)) >= (18 if share > 0.5 else 10)


def test_a_filter_goes_through_the_lists_where_it_keeps_many(tmp_path: Path) -> None:
    vectors, random = clustered(), np.random.default_rng(2)
    Candidates.build(tmp_path / "candidates.faiss", vectors, flat_limit=100)
    candidates = Candidates.open(tmp_path / "candidates.faiss", vectors, few=0)
    query = vectors.get(vectors.pmids[:1])[0]
    for share in (0.5, 0.05, 0.005):
        allowed = set(random.choice(vectors.pmids, int(share * COUNT), replace=False).tolist())
        found = candidates.search(query, 1000, select(allowed, int(vectors.pmids[-1]) + 1)).pmids.tolist()
        assert set(found) <= allowed
        assert len(found) == min(1000, len(allowed))
        assert found[:10] == brute_force(vectors, query, 10, allowed)


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageFull, match="is full"):
            Candidates.build(tmp_path / "candidates.faiss", clustered())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_scores_are_exact(opened: tuple[VectorFile, Candidates]) -> None:
    vectors, candidates = opened
    query = vectors.get(vectors.pmids[:1])[0]
    found = candidates.search(query, 50)
    np.testing.assert_allclose(found.scores, vectors.get(found.pmids) @ query, rtol=1e-5)
    assert np.all(np.diff(found.scores) <= 0)


def test_nothing_passes(opened: tuple[VectorFile, Candidates]) -> None:
    vectors, candidates = opened
    found = candidates.search(vectors.get(vectors.pmids[:1])[0], 10, select(set(), 10))
    assert found.pmids.tolist() == []


def test_equal_scores_stand_newest_first(tmp_path: Path) -> None:
    same = VectorFile(np.array([5, 6, 7], np.int64), np.ones((3, 4), np.float32) / 2)
    Candidates.build(tmp_path / "candidates.faiss", same)
    found = Candidates.open(tmp_path / "candidates.faiss", same).search(np.ones(4, np.float32) / 2, 10)
    assert found.pmids.tolist() == [7, 6, 5]


def test_another_number_of_vectors_is_refused(tmp_path: Path) -> None:
    vectors = clustered()
    Candidates.build(tmp_path / "candidates.faiss", vectors)
    fewer = VectorFile(vectors.pmids[:10], vectors.get(vectors.pmids[:10]))
    with pytest.raises(BrokenIndex, match="holds 4,000 vectors of 32 numbers where 10 of 32 are expected"):
        Candidates.open(tmp_path / "candidates.faiss", fewer)


def test_a_file_that_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "candidates.faiss").write_bytes(b"nothing of the kind")
    with pytest.raises(BrokenIndex, match="cannot be read as a FAISS index"):
        Candidates.open(tmp_path / "candidates.faiss", clustered())

"""Ready-made vectors: taken by PMID, checked against the encoder, and embedded here where there are none."""

import json
from pathlib import Path

import numpy as np
import pytest
from toy import DIMENSION, ToyEncoder, article, load_toy

from indexer.build import Build
from indexer.progress import Silent
from indexer.ready_made import ReadyMadeVectors
from indexer.sources import find_sources
from search import Searcher
from search.errors import SourceError
from search.index_folder import IndexFolder

ARTICLES = [article(pmid, "a " * pmid + "bb ccc") for pmid in range(1, 31)]


def write_chunk(folder: Path, name: str, pmids: list[int], vectors: np.ndarray) -> tuple[Path, Path]:
    np.save(folder / f"{name}.npy", vectors)
    (folder / f"{name}.json").write_text(json.dumps([str(pmid) for pmid in pmids]), encoding="utf-8")
    return folder / f"{name}.npy", folder / f"{name}.json"


def chunks(folder: Path) -> tuple[list[Path], list[Path]]:
    """Two chunks in no order, in half precision and of any length; PMID 30 has no vector."""
    vectors = ToyEncoder().encode_documents(ARTICLES)
    order = np.random.default_rng(0).permutation(29)
    pairs = [
        write_chunk(folder, str(place), [ARTICLES[row].pmid for row in rows], (3 * vectors[rows]).astype(np.float16))
        for place, rows in enumerate((order[:10], order[10:]))
    ]
    return [vectors for vectors, _ in pairs], [pmids for _, pmids in pairs]


def test_an_index_of_ready_made_vectors(tmp_path: Path) -> None:
    encoder = ToyEncoder()
    known = ReadyMadeVectors.open(*chunks(tmp_path), encoder)
    assert len(known) == 29
    source = tmp_path / "articles.jsonl"
    source.write_text("\n".join(json.dumps({"pmid": one.pmid, "title": one.title}) for one in ARTICLES), encoding="utf-8")
    summary = Build(IndexFolder(tmp_path / "index"), encoder, Silent(), known=[known]).run(find_sources([source]))
    assert (summary.embedded, summary.cached) == (1, 29)
    assert encoder.embedded == [*range(1, 9), 30]
    with Searcher.open(tmp_path / "index", load=load_toy) as searcher:
        expected = ToyEncoder().encode_documents(ARTICLES)
        np.testing.assert_allclose(searcher._files.vectors.get([one.pmid for one in ARTICLES]), expected, atol=2e-3)


def test_the_last_vector_of_a_pmid_counts(tmp_path: Path) -> None:
    vectors = ToyEncoder().encode_documents(ARTICLES)
    first = write_chunk(tmp_path, "first", [1, 2, 1], vectors[[5, 1, 6]])
    second = write_chunk(tmp_path, "second", [3, 1], vectors[[2, 0]])
    known = ReadyMadeVectors.open([first[0], second[0]], [first[1], second[1]], ToyEncoder())
    rows = known.look_up(ARTICLES[:4])
    assert rows.found.tolist() == [True, True, True, False]
    np.testing.assert_allclose(rows.vectors[:3], vectors[:3], atol=1e-6)


def test_vectors_of_another_encoder_are_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(0).normal(size=(len(ARTICLES), DIMENSION)).astype(np.float32)
    pair = write_chunk(tmp_path, "other", [one.pmid for one in ARTICLES], random)
    known = ReadyMadeVectors.open([pair[0]], [pair[1]], ToyEncoder())
    with pytest.raises(SourceError, match=r"are not those of toy: for PMID 1 and others the cosine .* is -?0\.\d\d"):
        known.look_up(ARTICLES)


@pytest.mark.parametrize(
    ("vectors", "pmids", "said"),
    [
        (np.ones((2, DIMENSION), np.float32), "[1]", "has 2 vectors and .* 1 PMIDs: they are no pair"),
        (np.ones((2, 5), np.float32), "[1, 2]", "has vectors of 5 numbers and the encoder makes 8"),
        (np.ones(8, np.float32), "[1]", "expected a matrix"),
        (np.ones((2, DIMENSION), np.int64), "[1, 2]", "expected a matrix of floating-point numbers"),
        (np.ones((1, DIMENSION), np.float32), '{"1": 2}', "cannot be read as a JSON list of PMIDs"),
        (np.ones((1, DIMENSION), np.float32), '["x"]', "cannot be read as a JSON list of PMIDs"),
        (np.full((1, DIMENSION), np.nan, np.float32), "[1]", "of PMID 1 has the norm nan"),
        (np.zeros((1, DIMENSION), np.float32), "[1]", "of PMID 1 has the norm 0"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, vectors: np.ndarray, pmids: str, said: str) -> None:
    np.save(tmp_path / "v.npy", vectors)
    (tmp_path / "p.json").write_text(pmids, encoding="utf-8")
    with pytest.raises(SourceError, match=said):
        ReadyMadeVectors.open([tmp_path / "v.npy"], [tmp_path / "p.json"], ToyEncoder()).look_up(ARTICLES[:1])


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "v.npy").write_bytes(b"no array")
    with pytest.raises(SourceError, match="cannot be read as vectors"):
        ReadyMadeVectors.open([tmp_path / "v.npy"], [tmp_path / "p.json"], ToyEncoder())
    with pytest.raises(SourceError, match="found 0 for 1"):
        ReadyMadeVectors.open([tmp_path / "v.npy"], [], ToyEncoder())

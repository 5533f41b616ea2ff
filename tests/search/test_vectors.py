"""The vector file: rows by PMID."""

from pathlib import Path

import numpy as np
import pytest

from search.errors import BrokenIndex
from search.vectors import VectorFile, VectorWriter

PMIDS = np.array([3, 8, 15, 99], np.int64)
VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)
TRUNCATED = np.array([False, True, True, False])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with VectorWriter(tmp_path, 4, 3) as writer:
        writer.append(PMIDS[:3], VECTORS[:3], TRUNCATED[:3])
        writer.append(PMIDS[3:], VECTORS[3:], TRUNCATED[3:])
    return tmp_path


def test_rows_come_by_pmid_in_the_order_asked(folder: Path) -> None:
    assert VectorFile.open(folder).get([99, 3, 3]).tolist() == [VECTORS[3].tolist(), VECTORS[0].tolist(), VECTORS[0].tolist()]


@pytest.mark.parametrize("pmid", [1, 4, 100])
def test_a_pmid_that_is_not_there(folder: Path, pmid: int) -> None:
    with pytest.raises(KeyError) as raised:
        VectorFile.open(folder).get([3, pmid])
    assert raised.value.args == (pmid,)


def test_chunks_cover_everything_in_order(folder: Path) -> None:
    chunks = list(VectorFile.open(folder).chunks(3))
    assert np.concatenate([pmids for pmids, _ in chunks]).tolist() == PMIDS.tolist()
    assert np.concatenate([vectors for _, vectors in chunks]).tolist() == VECTORS.tolist()


def test_what_was_truncated(folder: Path) -> None:
    assert VectorFile.open(folder).truncated.tolist() == TRUNCATED.tolist()


def test_a_sample_has_no_row_twice(folder: Path) -> None:
    sample = VectorFile.open(folder).sample(3)
    assert len({tuple(row) for row in sample.tolist()}) == 3
    assert VectorFile.open(folder).sample(10).tolist() == VECTORS.tolist()


def test_a_file_cut_short(folder: Path) -> None:
    path = folder / "vectors.npy"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(BrokenIndex, match="cannot be read"):
        VectorFile.open(folder)


def test_files_that_do_not_fit_together(folder: Path) -> None:
    np.save(folder / "vectors.pmids.npy", PMIDS[:2])
    with pytest.raises(BrokenIndex, match=r"\(2,\) PMIDs for \(4, 3\) vectors"):
        VectorFile.open(folder)

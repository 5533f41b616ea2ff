"""Tombstones: which articles of the base are dead, and by which file."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import article

from search.catalogue_writer import CatalogueWriter
from search.errors import BrokenIndex
from search.precedence import Precedence
from search.tombstones import Tombstones
from search.vectors import VectorFile

REPLACED = {7: Precedence(2026, 4, 2, 11), 2: Precedence(0, 1, 1, 0)}
DELETED = {5: Precedence.of_deletion(2026, 4)}
STATEMENTS = st.dictionaries(
    st.integers(1, 99_999_999), st.builds(Precedence, st.sampled_from([0, 2026]), st.integers(1, 2_000), st.just(1), st.just(0))
)


@settings(deadline=None)
@given(replaced=STATEMENTS, deleted=STATEMENTS)
def test_what_is_written_is_read(replaced: Mapping[int, Precedence], deleted: Mapping[int, Precedence]) -> None:
    gone = {pmid: by for pmid, by in deleted.items() if pmid not in replaced}
    tombstones = Tombstones.of(replaced, gone)
    assert tombstones.pmids.tolist() == sorted({*replaced, *gone})
    assert tombstones.deleted.tolist() == sorted(gone)
    with tempfile.TemporaryDirectory() as folder:
        tombstones.write(Path(folder) / "tombstones.npy")
        assert np.array_equal(Tombstones.read(Path(folder) / "tombstones.npy").rows, tombstones.rows)


def test_each_names_the_file_that_did_it() -> None:
    assert Tombstones.of(REPLACED, DELETED).rows.tolist() == [(2, 0, 1, False), (5, 2026, 4, True), (7, 2026, 4, False)]


def test_pmids_lie_side_by_side() -> None:
    tombstones = Tombstones.of(REPLACED, DELETED)
    assert tombstones.pmids.flags.c_contiguous
    assert tombstones.pmids.flags.aligned


@pytest.fixture
def delta(tmp_path: Path) -> Iterator[CatalogueWriter]:
    delta = CatalogueWriter.open(tmp_path / "delta.sqlite")
    yield delta
    delta.close()


def test_a_delta_makes_them_of_what_the_base_has(delta: CatalogueWriter) -> None:
    base = VectorFile(np.array([2, 5, 7, 9]), np.zeros((4, 2), np.float32))
    delta.upsert([article(7, "new"), article(2, "new"), article(100, "not in the base")], year=2026, number=4)
    delta.delete([5, 101], year=2026, number=6)
    tombstones = Tombstones.between(base, delta)
    assert tombstones.rows.tolist() == [(2, 2026, 4, False), (5, 2026, 6, True), (7, 2026, 4, False)]


def test_an_empty_delta_makes_none(delta: CatalogueWriter) -> None:
    base = VectorFile(np.array([2, 5]), np.zeros((2, 2), np.float32))
    assert Tombstones.between(base, delta).pmids.tolist() == []


@pytest.mark.parametrize("rows", [[5, 2], [2, 2]])
def test_out_of_order(tmp_path: Path, rows: list[int]) -> None:
    tombstones = Tombstones.of(dict.fromkeys((1, 2), Precedence(2026, 1, 1, 0)), {})
    tombstones.rows["pmid"] = rows
    tombstones.write(tmp_path / "tombstones.npy")
    with pytest.raises(BrokenIndex, match=r"holds no tombstones in order of PMID\. Run `pubmed-index repair`"):
        Tombstones.read(tmp_path / "tombstones.npy")


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "tombstones.npy"
    with pytest.raises(BrokenIndex, match="cannot be read"):
        Tombstones.read(path)
    for content in (b"", b"garbage"):
        path.write_bytes(content)
        with pytest.raises(BrokenIndex, match="cannot be read"):
            Tombstones.read(path)
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(BrokenIndex, match="cannot be read"):
        Tombstones.read(path)
    np.save(path, np.arange(3))
    with pytest.raises(BrokenIndex, match="holds no tombstones"):
        Tombstones.read(path)
    Tombstones.of(REPLACED, DELETED).write(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenIndex, match="cannot be read"):
        Tombstones.read(path)

"""Verification: every altered byte is found, and the file is named."""

from pathlib import Path

import pytest
from conftest import BuildToy
from toy import article

from indexer.progress import Silent
from indexer.verify import verify
from search.errors import BrokenIndex, NoIndex
from search.index_folder import IndexFolder

ARTICLES = [article(pmid, "word " * (pmid % 7 + 1), year=2000) for pmid in range(1, 30)]


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x80
    path.write_bytes(content)


def test_every_flipped_bit_is_found_and_its_file_named(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    folder = IndexFolder(tmp_path / "index")
    files = [path for path in folder.published().folder.rglob("*") if path.is_file() and path.stat().st_size]
    files += (folder.root / "embeddings").rglob("*.shard")
    assert len(files) >= 9
    for path in files:
        for position in (0, path.stat().st_size // 2, path.stat().st_size - 1):
            flip(path, position)
            assert path.name.partition(".")[0] in found_by(folder), f"byte {position} of {path}"
            flip(path, position)
    assert verify(folder, Silent()).problems == ()


def found_by(folder: IndexFolder) -> str:
    try:
        return "\n".join(verify(folder, Silent()).problems)
    except BrokenIndex as error:
        return str(error)


def test_missing_and_longer_files_are_named(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    folder = IndexFolder(tmp_path / "index")
    base = folder.published().base
    (base.columns / "years.npy").unlink()
    base.catalogue.write_bytes(base.catalogue.read_bytes() + b"more")
    problems = verify(folder, Silent()).problems
    assert any("years.npy is missing" in problem for problem in problems)
    assert any("catalogue.sqlite has" in problem for problem in problems)


def test_there_must_be_an_index(tmp_path: Path) -> None:
    with pytest.raises(NoIndex):
        verify(IndexFolder(tmp_path), Silent())

"""Verification: every altered byte is found, and what does not fit together, too."""

import shutil
from pathlib import Path

import pytest
from conftest import BuildToy
from pubmed_files import write_pubmed_file
from toy import ToyEncoder, article

from indexer.build import Build
from indexer.progress import Silent
from indexer.sources import find_sources
from indexer.update import Update
from indexer.verify import contents, verify
from search.errors import BrokenIndex, NoIndex
from search.index_folder import IndexFolder
from search.lexical_writer import LexicalWriter
from search.manifest import Manifest
from search.precedence import Precedence
from search.tombstones import Tombstones

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


@pytest.fixture
def updated(tmp_path: Path) -> IndexFolder:
    """An index of 40 articles, of which an update revised PMID 3 and deleted PMID 4."""
    folder = IndexFolder(tmp_path / "index")
    articles = [article(pmid, f"{'a' * (pmid % 7)} bb ccc") for pmid in range(1, 41)]
    Build(folder, ToyEncoder(), Silent()).run(find_sources([write_pubmed_file(tmp_path, 1, articles)]))
    later = write_pubmed_file(tmp_path, 2, [article(3, "revised")], [4])
    Update(folder, ToyEncoder, Silent(), merged_above=9).run(find_sources([later]))
    return folder


def problems(folder: IndexFolder) -> list[str]:
    generation = folder.published()
    return list(contents(generation, Manifest.read(generation.manifest_file)))


def test_an_updated_index_fits_together(updated: IndexFolder) -> None:
    assert problems(updated) == []


@pytest.mark.parametrize(
    ("replaced", "deleted", "said"),
    [
        ({3: 2}, {}, "PMID 4 has no tombstone"),
        ({3: 2, 5: 2}, {4: 2}, "PMID 5 has a tombstone"),
        ({3: 1}, {4: 2}, "The tombstone of PMID 3 names another file"),
        ({3: 2, 4: 2}, {}, "The tombstone of PMID 4 names another file"),
    ],
)
def test_tombstones_that_the_delta_does_not_bear_out(
    updated: IndexFolder, replaced: dict[int, int], deleted: dict[int, int], said: str
) -> None:
    rows = ({pmid: Precedence(2026, number, 1, 0) for pmid, number in some.items()} for some in (replaced, deleted))
    Tombstones.of(*rows).write(updated.published().tombstones)
    assert said in problems(updated)[0]


def test_words_that_are_of_other_articles(updated: IndexFolder) -> None:
    lexical = updated.published().lexical
    shutil.rmtree(lexical)
    with LexicalWriter(lexical) as writer:
        writer.append([article(pmid, "text") for pmid in range(2, 41)])
    (problem,) = problems(updated)
    assert problem.startswith("The lexical index: 39 PMIDs, where the generation has 39; 1 of these are missing, PMID 1 among")
    assert problem.endswith("and 1 others are there, PMID 4 among them.")

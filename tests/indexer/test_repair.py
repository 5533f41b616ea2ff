"""The repair: whatever file of a generation is damaged, what can be derived from the others is made anew."""

import shutil
from pathlib import Path

import pytest
from pubmed_files import write_pubmed_file
from toy import ToyEncoder, article, load_toy

from indexer.build import Build
from indexer.progress import Silent
from indexer.repair import Repair, Repaired
from indexer.sources import find_sources
from indexer.update import Update
from indexer.verify import verify
from search import Searcher
from search.errors import BrokenIndex, NoIndex
from search.index_folder import IndexFolder
from search.results import Mode
from search.transform import TransformKind

RECORDS = ("base/catalogue.sqlite", "delta/catalogue.sqlite")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with a base, a delta, tombstones and a transform."""
    folder = tmp_path_factory.mktemp("template")
    articles = [
        article(pmid, f"{'a' * (pmid % 7)} bb ccc", "word " * (pmid % 9), year=2000 + pmid % 20) for pmid in range(1, 60)
    ]
    index = IndexFolder(folder / "index")
    files = find_sources([write_pubmed_file(folder, 1, articles)])
    Build(index, ToyEncoder(), Silent(), transform=TransformKind.CENTRE).run(files)
    later = find_sources([write_pubmed_file(folder, 2, [article(7, "revised text"), article(70, "a new one")], [9])])
    Update(index, ToyEncoder, Silent(), merged_above=9).run(later)
    return index.root


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> IndexFolder:
    return IndexFolder(Path(shutil.copytree(template, tmp_path / "index")))


def repair(folder: IndexFolder) -> Repaired:
    return Repair(folder, ToyEncoder, Silent()).run()


def answers(folder: IndexFolder) -> tuple[list[tuple[int, float]], set[int]]:
    """By meaning with scores; by words without: until its segments are merged, BM25 counts dead articles, too."""
    with Searcher.open(folder.root, load=load_toy) as searcher:
        near = searcher.search("a bb ccc word", 1000, mode=Mode.DENSE)
        worded = searcher.search("bb word", 1000, mode=Mode.LEXICAL)
        return sorted((hit.pmid, round(hit.score, 4)) for hit in near), {hit.pmid for hit in worded}


def files_of(template: Path) -> list[str]:
    generation = template / "generations" / "0002"
    return sorted(str(path.relative_to(generation)) for path in generation.rglob("*") if path.is_file())


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_whole_index_stays_as_it_is(folder: IndexFolder) -> None:
    assert repair(folder) == Repaired(str(folder.root), "0002", 59, (), ())
    assert [generation.name for generation in folder.all_generations()] == ["0001", "0002"]


@pytest.mark.parametrize("how", ["flipped", "missing", "cut"])
def test_every_file_but_the_records_is_made_anew(template: Path, tmp_path: Path, how: str) -> None:
    expected = answers(IndexFolder(template))
    for name in files_of(template):
        if name in RECORDS or name.startswith("manifest"):
            continue
        folder = IndexFolder(Path(shutil.copytree(template, tmp_path / name.replace("/", "-"))))
        path = folder.published().folder / name
        if how != "missing" and not path.stat().st_size:
            continue
        if how == "flipped":
            damage(path)
        elif how == "missing":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-1])
        repaired = repair(folder)
        assert (repaired.generation, len(repaired.damaged)) == ("0003", 1), name
        assert name in repaired.damaged[0]
        assert verify(folder, Silent()).problems == ()
        assert answers(folder) == expected, name


@pytest.mark.parametrize("name", RECORDS)
def test_records_cannot_be_derived(folder: IndexFolder, name: str) -> None:
    damage(folder.published().folder / name)
    with pytest.raises(
        BrokenIndex, match=r"records cannot be derived from anything else: go back with `pubmed-index rollback --to 0001`"
    ):
        repair(folder)
    assert folder.published_name() == "0002"


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sha256"])
def test_without_a_manifest_an_earlier_generation_answers(folder: IndexFolder, name: str) -> None:
    damage(folder.published().folder / name)
    repaired = repair(folder)
    assert (repaired.generation, repaired.done) == (
        "0001",
        ("went back to generation 0001, since generation 0002 has no readable manifest",),
    )
    assert folder.published_name() == "0001"
    assert verify(folder, Silent()).problems == ()


@pytest.mark.parametrize("content", [None, b"", b"garbage", b"0077\n"])
def test_a_lost_current_names_the_newest_generation(folder: IndexFolder, content: bytes | None) -> None:
    expected = answers(folder)
    folder.current.unlink() if content is None else folder.current.write_bytes(content)
    assert repair(folder).generation == "0002"
    assert answers(folder) == expected


def test_a_damaged_shard_is_removed(folder: IndexFolder) -> None:
    shard = next(folder.root.glob("embeddings/*/*.shard"))
    damage(shard)
    assert f"removed the damaged cache file {shard}" in repair(folder).done[0]
    assert not shard.exists()
    assert verify(folder, Silent()).problems == ()


def test_a_shard_that_a_build_set_aside_is_removed(folder: IndexFolder) -> None:
    shard = next(folder.root.glob("embeddings/*/*.shard"))
    aside = shard.rename(shard.with_suffix(".damaged"))
    assert repair(folder).done == (f"removed {aside}, which was found damaged and set aside",)
    assert not aside.exists()


def test_there_must_be_an_index(tmp_path: Path) -> None:
    with pytest.raises(NoIndex, match="has no generation to repair"):
        repair(IndexFolder(tmp_path / "none"))

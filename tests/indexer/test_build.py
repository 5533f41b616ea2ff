"""The build, stage by stage, with an encoder whose every call is counted."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from conftest import BuildToy, write_jsonl
from toy import ToyEncoder, article, load_toy

from indexer.build import Build
from indexer.progress import Silent
from indexer.sources import find_sources
from indexer.verify import verify
from search import Searcher
from search.errors import SourceError
from search.index_folder import IndexFolder
from search.manifest import Manifest

ARTICLES = [
    article(pmid, f"title {'word ' * (pmid % 5)}", "an abstract " * (pmid % 9), year=2000 + pmid % 20) for pmid in range(1, 41)
]


def test_counts_and_published_generation(build_toy: BuildToy, tmp_path: Path) -> None:
    summary = build_toy(ARTICLES)
    assert (summary.records, summary.articles, summary.embedded, summary.cached) == (40, 40, 40, 0)
    assert summary.title_only == sum(not one.abstract for one in ARTICLES)
    assert summary.truncated == sum(len(f"{one.title} {one.abstract}".split()) > 12 for one in ARTICLES)
    folder = IndexFolder(tmp_path / "index")
    assert folder.published_name() == summary.generation == "0001"
    assert verify(folder, Silent()).problems == ()


def test_a_second_build_embeds_nothing_and_counts_the_same(build_toy: BuildToy) -> None:
    first, encoder = build_toy(ARTICLES), ToyEncoder()
    second = build_toy(ARTICLES, encoder=encoder)
    assert encoder.embedded == []
    assert (second.embedded, second.cached, second.truncated) == (0, 40, first.truncated)
    assert second.generation == "0002"


def test_only_new_and_changed_texts_are_embedded(build_toy: BuildToy) -> None:
    build_toy(ARTICLES)
    encoder = ToyEncoder()
    build_toy([*ARTICLES[:-1], article(40, "another title"), article(41, "one more")], encoder=encoder)
    assert sorted(encoder.embedded) == [40, 41]


def test_another_encoder_has_a_cache_of_its_own(build_toy: BuildToy) -> None:
    build_toy(ARTICLES)
    encoder = ToyEncoder("another")
    assert build_toy(ARTICLES, encoder=encoder).embedded == 40


def test_vectors_are_those_of_the_encoder(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    encoder = ToyEncoder()
    with Searcher.open(tmp_path / "index", load=load_toy) as searcher:
        assert searcher._files.vectors.get(range(1, 41)).tolist() == encoder.encode_documents(ARTICLES).tolist()


def pubmed_file(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(f"<PubmedArticleSet>{body}</PubmedArticleSet>".encode()))
    return path


def record(pmid: int, title: str, version: int = 1) -> str:
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="{version}">{pmid}</PMID><Article><Journal><JournalIssue><PubDate>'
        f"<Year>2020</Year></PubDate></JournalIssue></Journal><ArticleTitle>{title}</ArticleTitle></Article></MedlineCitation>"
        "</PubmedArticle>"
    )


def deletion(*pmids: int) -> str:
    return f"<DeleteCitation>{''.join(f'<PMID>{pmid}</PMID>' for pmid in pmids)}</DeleteCitation>"


def titles(index: Path, pmids: range) -> dict[int, str]:
    with Searcher.open(index, load=load_toy) as searcher:
        found = [searcher.article(pmid) for pmid in pmids]
    return {one.pmid: one.title for one in found if one}


def test_later_files_win_and_deletions_count(tmp_path: Path) -> None:
    # Named in the wrong order on purpose: the names decide.
    update = pubmed_file(tmp_path, "pubmed26n1400.xml.gz", record(2, "two revised") + record(9, "nine") + deletion(3, 9, 88))
    baseline = pubmed_file(tmp_path, "pubmed26n0001.xml.gz", "".join(record(pmid, f"old {pmid}") for pmid in range(1, 5)))
    again = pubmed_file(tmp_path, "pubmed26n1401.xml.gz", record(3, "three restored") + record(2, "two, version 1 again"))
    summary = Build(IndexFolder(tmp_path / "I"), ToyEncoder(), Silent()).run(find_sources([update, again, baseline]))
    assert titles(tmp_path / "I", range(1, 100)) == {1: "old 1", 2: "two, version 1 again", 3: "three restored", 4: "old 4"}
    assert (summary.records, summary.deletions, summary.articles) == (8, 3, 4)
    manifest = Manifest.read(tmp_path / "I" / "generations" / "0001" / "manifest.json")
    assert [(one.name, one.year, one.number) for one in manifest.sources][-1] == ("pubmed26n1401.xml.gz", 2026, 1401)
    assert manifest.last_file == "pubmed26n1401.xml.gz"


def test_the_highest_version_within_a_file_wins(tmp_path: Path) -> None:
    source = pubmed_file(tmp_path, "pubmed26n0001.xml.gz", record(1, "version 2", 2) + record(1, "version 1", 1))
    Build(IndexFolder(tmp_path / "I"), ToyEncoder(), Silent()).run(find_sources([source]))
    assert titles(tmp_path / "I", range(1, 3)) == {1: "version 2"}


def test_skipped_records_are_counted_by_reason_and_all_listed(tmp_path: Path) -> None:
    source = tmp_path / "mine.jsonl"
    bad = [b"{not json", b'{"pmid": null, "title": "T"}', b'{"pmid": null, "title": "U"}']
    source.write_bytes(b"\n".join([*bad, msgspec.json.encode({"pmid": 5, "title": "Good"})]))
    summary = Build(IndexFolder(tmp_path / "I"), ToyEncoder(), Silent()).run(find_sources([source]))
    assert summary.articles == 1
    assert summary.skipped == sum(summary.skipped_by_reason.values()) == 3
    assert summary.skipped_by_reason["no PMID"] == 2
    listed = [msgspec.json.decode(line) for line in Path(summary.skipped_list).read_bytes().splitlines()]
    assert [one["position"] for one in listed] == ["line 1", "line 2", "line 3"]
    assert {one["file"] for one in listed} == {str(source)}


def test_a_build_of_nothing_publishes_nothing(tmp_path: Path) -> None:
    source = tmp_path / "mine.jsonl"
    source.write_text('{"pmid": null, "title": "T"}\n')
    with pytest.raises(SourceError, match="No article was left to index"):
        Build(IndexFolder(tmp_path / "I"), ToyEncoder(), Silent()).run(find_sources([source]))
    assert IndexFolder(tmp_path / "I").published_name() is None


def test_a_bad_file_leaves_the_published_generation_answering(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    good = write_jsonl(tmp_path / "good.jsonl", [article(99, "new")])
    cut = tmp_path / "cut.xml.gz"
    cut.write_bytes(gzip.compress(b"<PubmedArticleSet>" + record(7, "seven").encode() * 50)[:-20])
    with pytest.raises(SourceError, match=r"cut\.xml\.gz"):
        Build(IndexFolder(tmp_path / "index"), ToyEncoder(), Silent()).run(find_sources([good, cut]))
    assert len(titles(tmp_path / "index", range(1, 200))) == 40


def test_the_data_s_date_is_the_newest_change_not_the_day_of_the_build(tmp_path: Path) -> None:
    revised = "<DateRevised><Year>2024</Year><Month>{:02}</Month><Day>05</Day></DateRevised><Article>"
    body = "".join(record(pmid, "T").replace("<Article>", revised.format(pmid)) for pmid in (3, 11, 7))
    Build(IndexFolder(tmp_path / "I"), ToyEncoder(), Silent()).run(find_sources([pubmed_file(tmp_path, "a.xml.gz", body)]))
    with Searcher.open(tmp_path / "I", load=load_toy) as searcher:
        assert searcher.summary.updated == "2024-11-05"


def test_a_source_without_dates_has_its_file_s_date(build_toy: BuildToy, tmp_path: Path) -> None:
    build_toy(ARTICLES)
    day = datetime.fromtimestamp((tmp_path / "articles.jsonl").stat().st_mtime, UTC).date().isoformat()
    with Searcher.open(tmp_path / "index", load=load_toy) as searcher:
        assert searcher.summary.updated == day


def test_any_folder_name_and_any_file_name(tmp_path: Path) -> None:
    index = tmp_path / "a?b #1 %41 β"
    source = write_jsonl(tmp_path / "caf\udce9.jsonl", ARTICLES)
    Build(IndexFolder(index), ToyEncoder(), Silent()).run(find_sources([source]))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([index.name, source.name])
    assert len(titles(index, range(1, 100))) == 40
    assert verify(IndexFolder(index), Silent()).problems == ()


def test_inverted_lists_are_built_and_verified(build_toy: BuildToy, tmp_path: Path) -> None:
    many = [article(pmid, "a " * (pmid % 7) + "bb " * (pmid % 11), "ccc " * (pmid % 13) + "dddd") for pmid in range(1, 4_001)]
    assert build_toy(many, flat_limit=1_000).candidates == "IVF256,PQ2x4fs"
    assert verify(IndexFolder(tmp_path / "index"), Silent()).problems == ()

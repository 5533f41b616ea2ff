"""Updates: after any sequence of files the index is the one that a build from their final state makes."""

import dataclasses
import gzip
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pubmed_files import write_pubmed_file
from toy import ToyEncoder, article, load_toy

from indexer.build import Build
from indexer.progress import Silent
from indexer.sources import find_sources
from indexer.update import Update, UpdateSummary
from indexer.verify import verify
from search import Searcher
from search.article import Article, Correction
from search.errors import BrokenIndex, EncoderMismatch, IndexLocked, NoIndex, SourceError
from search.filters import Filters
from search.index_folder import IndexFolder
from search.results import Mode

QUERIES = ("a bb ccc", "of the lungs", "statins in asthma", "longer words altogether")
NEVER_MERGED = 100.0


def some_articles(pmids: Sequence[int], seed: int = 0) -> list[Article]:
    """Articles of random words, some without an abstract, some that define an abbreviation."""
    chance = random.Random(seed)
    words = ["a", "of", "the", "lung", "heart", "asthma", "statins", "severe", "randomised", "controlled", "measurements"]
    found = []
    for pmid in pmids:
        title, text = (" ".join(chance.choices(words, k=chance.randint(2, 9))) for _ in range(2))
        text += " acute kidney injury (AKI)" if chance.random() < 0.3 else ""
        found.append(article(pmid, title, "" if chance.random() < 0.2 else text, year=chance.randint(1990, 2025), version=1))
    return found


@dataclasses.dataclass
class Corpus:
    """A folder of NLM's files, the index that is made of them, and what should be in it."""

    folder: Path
    merged_above: float = NEVER_MERGED
    number: int = 0
    state: dict[int, Article] = dataclasses.field(default_factory=dict)
    encoder: ToyEncoder = dataclasses.field(default_factory=ToyEncoder)

    @property
    def index(self) -> IndexFolder:
        return IndexFolder(self.folder / "index")

    def write(self, articles: Sequence[Article], deleted: Sequence[int] = ()) -> Path:
        """Write the next file of the series, and do to the state what it says."""
        self.number += 1
        kept: dict[int, Article] = {}
        for one in articles:
            if one.pmid not in kept or one.version >= kept[one.pmid].version:
                kept[one.pmid] = one
        self.state.update(kept)
        for pmid in deleted:
            self.state.pop(pmid, None)
        return write_pubmed_file(self.folder / "files", self.number, articles, deleted)

    def build(self, *files: Path) -> None:
        Build(self.index, self.encoder, Silent()).run(find_sources(files))

    def update(self, *files: Path, force: bool = False) -> UpdateSummary:
        update = Update(self.index, lambda: self.encoder, Silent(), force=force, merged_above=self.merged_above)
        return update.run(find_sources(files))

    def fresh(self) -> "Corpus":
        """A build from the final state alone, elsewhere."""
        other = Corpus(self.folder / "fresh")
        other.build(other.write(list(self.state.values())))
        return other

    def assert_equals_fresh(self) -> None:
        assert verify(self.index, Silent()).problems == ()
        with (
            Searcher.open(self.index.root, load=load_toy) as ours,
            Searcher.open(self.fresh().index.root, load=load_toy) as theirs,
        ):
            assert ours.pmids().tolist() == sorted(self.state) == theirs.pmids().tolist()
            assert ours.years().tolist() == theirs.years().tolist()
            for pmid in self.state:
                assert without_dates(ours.article(pmid)) == without_dates(theirs.article(pmid))
            pmids = ours.pmids()
            np.testing.assert_allclose(vectors_of(ours, pmids), vectors_of(theirs, pmids), atol=1e-5)
            for query in QUERIES:
                assert top(ours, query) == top(theirs, query)
                found = ours.search(query, 1000, Filters(include_retracted=True), Mode.LEXICAL)
                again = theirs.search(query, 1000, Filters(include_retracted=True), Mode.LEXICAL)
                assert {hit.pmid for hit in found} == {hit.pmid for hit in again}
            definitions = ours._files.catalogue.definitions(shorts=["AKI"]), theirs._files.catalogue.definitions(shorts=["AKI"])
            assert definitions[0] == definitions[1]
            counts = (searcher._manifest.counts for searcher in (ours, theirs))
            assert next(counts) == next(counts)


def without_dates(found: Article | None) -> Article:
    assert found is not None
    return dataclasses.replace(found, revised="")


def vectors_of(searcher: Searcher, pmids: np.ndarray) -> np.ndarray:
    return searcher._files.vectors.get(pmids)


def top(searcher: Searcher, query: str) -> list[tuple[float, int]]:
    """The best ten of all; scores that differ by rounding only, which toy vectors often have, are equal."""
    hits = searcher.search(query, 1000, mode=Mode.DENSE)
    return sorted(((round(hit.score, 5), hit.pmid) for hit in hits), reverse=True)[:10]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """A baseline of two files, built."""
    corpus = Corpus(tmp_path)
    first, second = corpus.write(some_articles(range(1, 60))), corpus.write(some_articles(range(60, 120), 1))
    corpus.build(first, second)
    return corpus


def test_inserts_revisions_versions_deletions_and_retractions(corpus: Corpus) -> None:
    retracted = dataclasses.replace(corpus.state[7], corrections=(Correction("RetractionIn", None, "J"),))
    versions = [dataclasses.replace(corpus.state[8], title="second", version=2), article(8, "first again")]
    summary = corpus.update(corpus.write([retracted, *versions, *some_articles([5, 200, 201], 2)], [9, 60, 999]))
    assert (summary.inserted, summary.revised, summary.deleted) == (2, 3, 2)
    corpus.assert_equals_fresh()
    with Searcher.open(corpus.index.root, load=load_toy) as searcher:
        assert searcher.article(9) is None
        assert getattr(searcher.article(8), "title", "") == "second"
        assert 7 not in [hit.pmid for hit in searcher.search(retracted.title, 1000)]


@settings(max_examples=15, deadline=None)
@given(data=st.data(), merged_above=st.sampled_from([NEVER_MERGED, 0.3, 0.0]))
def test_any_sequence_of_updates(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, merged_above: float) -> None:
    corpus = Corpus(tmp_path_factory.mktemp("any"), merged_above)
    corpus.build(corpus.write(some_articles(range(1, 30))))
    pmids = st.integers(1, 40)
    for step in range(data.draw(st.integers(1, 4))):
        inserted = data.draw(st.lists(pmids, max_size=8))
        deleted = [pmid for pmid in data.draw(st.lists(pmids, max_size=6, unique=True)) if pmid != 30]
        files = [corpus.write([*some_articles(inserted, step), article(30, "stays")], deleted) for _ in range(1 + step % 2)]
        corpus.update(*files)
    corpus.assert_equals_fresh()


def test_the_same_file_twice_changes_nothing(corpus: Corpus) -> None:
    file = corpus.write(some_articles([3, 300], 5), [4])
    assert corpus.update(file).published
    before, embedded = corpus.index.published_name(), list(corpus.encoder.embedded)
    again = corpus.update(file)
    assert not again.published
    assert (again.files, again.applied_before, again.generation) == (0, 1, before)
    assert corpus.encoder.embedded == embedded
    assert sorted(path.name for path in corpus.index.generations.iterdir()) == ["0001", "0002"]


def test_a_revision_of_anything_but_the_text_is_not_embedded_again(corpus: Corpus) -> None:
    corpus.encoder.embedded.clear()
    summary = corpus.update(corpus.write([dataclasses.replace(corpus.state[7], journal="Another")]))
    assert (summary.revised, summary.embedded, corpus.encoder.embedded) == (1, 0, [])


def test_vectors_are_taken_from_the_index_where_the_cache_is_gone(corpus: Corpus) -> None:
    for path in corpus.index.root.glob("embeddings/*/*"):
        path.unlink()
    corpus.encoder.embedded.clear()
    corpus.update(corpus.write([dataclasses.replace(corpus.state[7], journal="Another"), article(500, "new")]))
    assert corpus.encoder.embedded == [500]
    corpus.assert_equals_fresh()


def test_an_older_file_is_refused_and_even_forced_changes_only_what_no_other_file_says(corpus: Corpus) -> None:
    old = write_pubmed_file(corpus.folder / "late", 3, [article(5, "old"), article(6, "old"), article(400, "only here")], [70])
    corpus.number = 3
    newer = corpus.write([article(5, "newer text"), article(70, "restored")], [6])
    corpus.update(newer)
    with pytest.raises(SourceError, match=r"pubmed26n0003\.xml\.gz comes before pubmed26n0004\.xml\.gz"):
        corpus.update(old)
    summary = corpus.update(old, force=True)
    assert (summary.inserted, summary.older) == (1, 3)
    corpus.state[400] = article(400, "only here")
    corpus.assert_equals_fresh()


def test_deletions_are_remembered_by_builds_and_merges(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, merged_above=0.0)
    files = [corpus.write(some_articles(range(1, 20))), corpus.write([], [5])]
    corpus.build(*files)
    corpus.number = 3
    assert corpus.update(corpus.write([article(6, "revised")], [7])).merged
    late = write_pubmed_file(tmp_path / "late", 1, [article(5, "x"), article(7, "x"), article(6, "x")])
    with pytest.raises(SourceError, match="was applied before with other content"):
        corpus.update(late)
    assert corpus.update(late, force=True).older == 3
    corpus.assert_equals_fresh()


def test_a_base_that_a_merge_wrote_is_verified_before_it_is_published(corpus: Corpus) -> None:
    vectors = corpus.index.published().base.folder / "vectors.npy"
    content = bytearray(vectors.read_bytes())
    content[-4:] = np.float32(9).tobytes()
    vectors.write_bytes(content)
    corpus.merged_above = 0.0
    with pytest.raises(BrokenIndex, match="did not pass its verification and was not published: The vector of PMID 119 has"):
        corpus.update(corpus.write([article(1, "revised")]))
    assert corpus.index.published_name() == "0001"


def test_a_file_of_another_year_is_refused(corpus: Corpus) -> None:
    with pytest.raises(
        SourceError, match="is of 2027's files and the index of 2026's: a new year's baseline replaces everything"
    ):
        corpus.update(write_pubmed_file(corpus.folder / "next", 1, [article(1, "x")], year=27))
    last_year = write_pubmed_file(corpus.folder / "last", 9, [article(1, "x"), article(900, "dropped since")], [2], year=25)
    with pytest.raises(SourceError, match="2025"):
        corpus.update(last_year)
    summary = corpus.update(last_year, force=True)
    assert (summary.inserted, summary.older) == (1, 2)


def test_a_gap_in_the_series_is_said(corpus: Corpus) -> None:
    corpus.number = 5
    assert corpus.update(corpus.write([article(1, "x")])).notes == (
        "3 files are missing between number 2 and pubmed26n0006.xml.gz: the index lacks what they say.",
    )


def test_a_file_without_news_moves_the_date(corpus: Corpus) -> None:
    summary = corpus.update(corpus.write([]))
    assert summary.published
    assert corpus.index.published().read_manifest().last_file == "pubmed26n0003.xml.gz"


def test_files_of_other_names_count_in_the_order_they_come(build_toy: Callable[..., object], tmp_path: Path) -> None:
    index = IndexFolder(tmp_path / "index")
    build_toy([article(1, "first"), article(2, "stays")])
    for number, title in enumerate(("second", "third")):
        source = tmp_path / f"export{number}.jsonl"
        source.write_text(f'{{"pmid": 1, "title": "{title}"}}\n{{"pmid": 2, "title": "stays"}}')
        summary = Update(index, ToyEncoder, Silent(), merged_above=NEVER_MERGED).run(find_sources([source]))
        assert (summary.revised, summary.refreshed, summary.in_delta) == (1, 1, 1)
    with Searcher.open(index.root, load=load_toy) as searcher:
        assert searcher.article(1) == article(1, "third")
    again = tmp_path / "again.jsonl"
    again.write_text('{"pmid": 2, "title": "stays"}')
    summary = Update(index, ToyEncoder, Silent()).run(find_sources([again]))
    assert (summary.published, summary.refreshed, summary.generation) == (False, 1, "0003")
    assert sorted(path.name for path in index.generations.iterdir()) == ["0001", "0002", "0003"]


def test_nothing_is_left_of_a_deleted_article(corpus: Corpus) -> None:
    gone = corpus.state[9]
    corpus.update(corpus.write([], [9]))
    with Searcher.open(corpus.index.root, load=load_toy) as searcher:
        for mode in Mode:
            assert 9 not in [hit.pmid for hit in searcher.search(f"{gone.title} {gone.abstract}", 1000, mode=mode)]
        assert 9 not in [hit.pmid for hit in searcher.search("9", 1000)]
        assert 9 not in [hit.pmid for hit in searcher.search("9[pmid]", 1000)]
        assert 9 not in [hit.pmid for hit in searcher.similar([10], k=1000)]
        assert 9 not in [hit.pmid for hit in searcher.search("1990:2030[dp]", 1000)]
    corpus.assert_equals_fresh()


def test_deleting_everything_is_refused(corpus: Corpus) -> None:
    with pytest.raises(SourceError, match="delete every article"):
        corpus.update(corpus.write([], list(corpus.state)))
    assert corpus.index.published_name() == "0001"


def test_what_an_open_searcher_sees(corpus: Corpus) -> None:
    with Searcher.open(corpus.index.root, load=load_toy) as searcher:
        before = top(searcher, "a bb ccc")
        corpus.update(corpus.write([article(1000, "a bb ccc")]))
        assert top(searcher, "a bb ccc") == before
        assert not searcher.is_current()
    with Searcher.open(corpus.index.root, load=load_toy) as searcher:
        assert top(searcher, "a bb ccc")[0][1] == 1000


def test_another_encoder_is_refused(corpus: Corpus) -> None:
    corpus.encoder = ToyEncoder("other")
    with pytest.raises(EncoderMismatch, match="was built with toy"):
        corpus.update(corpus.write([article(1, "new text")]))


def test_no_index_and_a_locked_one(corpus: Corpus, tmp_path: Path) -> None:
    file = corpus.write([article(1, "x")])
    with pytest.raises(NoIndex):
        Update(IndexFolder(tmp_path / "none"), ToyEncoder, Silent()).run(find_sources([file]))
    with corpus.index.writing(), pytest.raises(IndexLocked):
        corpus.update(file)


def test_definitions_of_a_delta_that_is_emptied_again(corpus: Corpus) -> None:
    corpus.update(corpus.write([article(pmid, "T", "acute kidney injury (AKI)") for pmid in (900, 901)]))
    corpus.update(corpus.write([], [900, 901]))
    corpus.assert_equals_fresh()


def test_the_encoder_is_not_loaded_where_nothing_is_embedded(corpus: Corpus) -> None:
    def load() -> ToyEncoder:
        raise AssertionError("nothing is to be embedded")

    file = corpus.write([dataclasses.replace(corpus.state[7], journal="Another")], [9])
    assert Update(corpus.index, load, Silent()).run(find_sources([file])).revised == 1


def test_a_forced_older_file_is_not_the_last_one(corpus: Corpus) -> None:
    corpus.number = 4
    corpus.update(corpus.write([article(1, "x")]))
    corpus.update(write_pubmed_file(corpus.folder / "late", 3, [article(900, "x")]), force=True)
    assert corpus.index.published().read_manifest().last_file == "pubmed26n0005.xml.gz"


def test_an_interrupted_update_goes_on_behind_the_last_file(corpus: Corpus) -> None:
    files = [corpus.write([article(pmid, "new")]) for pmid in (900, 901)]
    whole = files[1].read_bytes()
    files[1].write_bytes(whole[:-20])
    with pytest.raises(SourceError, match="cut short or damaged"):
        corpus.update(*files)
    files[0].unlink()
    files[0].write_bytes(gzip.compress(b"<PubmedArticleSet></PubmedArticleSet>"))
    files[1].write_bytes(whole)
    assert corpus.update(*files).inserted == 1  # the first file has changed, so that it is read again


def test_a_resumed_build_reads_no_file_again(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    files = [corpus.write(some_articles(range(first, first + 10), first)) for first in (1, 11, 21)]
    whole = files[2].read_bytes()
    files[2].write_bytes(whole[:-20])
    with pytest.raises(SourceError, match="cut short or damaged"):
        corpus.build(*files)
    files[2].write_bytes(whole)
    said = Said()
    Build(corpus.index, corpus.encoder, said).run(find_sources(files))
    assert said.lines[0] == "2 of 3 files were read before"
    assert [line.partition(":")[0] for line in said.lines[1:]] == ["pubmed26n0003.xml.gz"]
    corpus.assert_equals_fresh()


class Said(Silent):
    """Keeps the lines that progress says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

"""The bench of a given size: its made-up corpus, what it measures of its index, and the laws that it draws from sizes."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy import article, load_toy
from toy_index import build_rows

from indexer.bench_cli import add_bench
from indexer.progress import Silent
from indexer.scale import Scale, Scaled, made_index, measure_scale
from indexer.scale_corpus import FILTERS, ScaleCorpus, _places_of, _pmids_of
from indexer.scale_law import PUBMED, Form, Measured, laws, misses, read_measured, with_new, write_measured
from indexer.scale_seeds import Cells, Seeds
from indexer.sources import find_sources
from search import Searcher
from search.errors import SourceError
from search.index_folder import IndexFolder

RECORDS = 3_000
WORDS = ("heart", "of", "pressure", "a", "lung", "patients", "is", "therapy", "in", "randomised", "trial", "an")


@pytest.fixture(scope="module")
def seed_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 articles of which no two have one title, and half have an abstract."""
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS, 6)) for _ in range(800)]
    rows = [
        {"pmid": pmid, "title": f"{texts[pmid]} {pmid}", "abstract": f"{texts[-pmid]}. {texts[pmid]}." if pmid % 2 else ""}
        for pmid in range(1, 401)
    ]
    return build_rows(tmp_path_factory.mktemp("seeds"), rows)


@pytest.fixture(scope="module")
def seeds(seed_index: Path) -> Seeds:
    return Seeds.read(IndexFolder(seed_index).published(), 20)


def test_places_and_pmids() -> None:
    places = np.arange(100_000)
    pmids = _pmids_of(places)
    assert np.all(np.diff(pmids) >= 1)
    assert pmids[-1] == 99_999 + 99_999 // 20 + 1
    assert _places_of(pmids).tolist() == places.tolist()


def test_mates_share_a_cell() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
    cells = Cells.of(vectors)
    seeds = np.arange(500)
    mates = cells.mates(seeds, np.random.default_rng(1).random(500))
    assert cells.of_seed[mates].tolist() == cells.of_seed.tolist()
    assert sorted(cells.order.tolist()) == seeds.tolist()
    assert np.all(cells.mates(seeds, np.full(500, np.nextafter(1.0, 0.0))) >= 0)


def test_questions_are_not_among_the_seeds(seeds: Seeds) -> None:
    assert len(seeds.questions) == 20
    assert len(seeds.titles) == len(seeds.vectors) == len(seeds.journals) == 380
    assert not set(seeds.questions) & set(seeds.titles)


def test_the_corpus_is_the_same_every_time_and_all_of_it_is_known(seeds: Seeds, tmp_path: Path) -> None:
    once, again = ScaleCorpus(seeds, RECORDS), ScaleCorpus(seeds, RECORDS)
    files = once.write(tmp_path, Silent())
    rows = [*once.records(0)]
    assert rows == [*again.records(0)]
    assert [one.path for one in find_sources(files).files] == files
    articles = [article(row["pmid"], row["title"]) for row in rows]
    known = once.look_up(articles)
    assert known.found.all()
    assert np.array_equal(known.vectors, again.look_up(articles).vectors)
    np.testing.assert_allclose(np.linalg.norm(known.vectors, axis=1), 1, rtol=1e-5)
    shuffled = articles[::-7]
    assert np.array_equal(once.look_up(shuffled).vectors, known.vectors[::-7])


def test_a_smaller_corpus_begins_alike(seeds: Seeds) -> None:
    rows, fewer = [*ScaleCorpus(seeds, RECORDS).records(0)], [*ScaleCorpus(seeds, 1_000).records(0)]
    articles = [article(row["pmid"], row["title"]) for row in rows[:500]]
    assert [row["pmid"] for row in rows[:1_000]] == [row["pmid"] for row in fewer]
    assert len(ScaleCorpus(seeds, 1_000).look_up(articles).vectors) == 500


def test_made_records_are_near_their_seeds(seeds: Seeds) -> None:
    # Every seed is used as often as any other, and a record is nearer to its own than to the others.
    corpus = ScaleCorpus(seeds, RECORDS)
    block = corpus._block(0)
    assert np.bincount(block.seeds, minlength=len(seeds.titles)).max() <= -(-RECORDS // len(seeds.titles))
    made = corpus._made_vectors(0)
    own = np.einsum("ij,ij->i", made, seeds.vectors[block.seeds])
    assert own.mean() > (made @ seeds.vectors.T).mean() + 0.05


@pytest.fixture(scope="module")
def scale(seed_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Scale:
    return Scale(seed_index, RECORDS, tmp_path_factory.mktemp("scale"), count=3, flat_limit=1_000)


@pytest.fixture(scope="module")
def scaled(scale: Scale) -> Scaled:
    return measure_scale(scale, made_index(scale), Silent(), load_toy)


def test_an_index_is_made_and_measured(scale: Scale, scaled: Scaled) -> None:
    made = scaled.made
    assert (made.records, made.encoder, made.candidates) == (RECORDS, "toy", "IVF256,PQ2x4fs")
    assert {"records", "read", "embed", "index", "candidates"} <= set(made.seconds)
    assert {"vectors", "candidates", "catalogue", "columns", "lexical"} <= set(made.disk_mb)
    assert scaled.recall.keys() == {"none", *FILTERS}
    assert min(scaled.recall.values()) > 0.7  # the codes of 8 numbers have 8 bits
    assert len(scaled.warm) == len(scaled.just_opened) == 3 + len(FILTERS)
    assert all(0 < way.median_ms <= way.percentile_99_ms for way in (*scaled.warm, *scaled.just_opened))
    assert sorted(path.name for path in scale.work.iterdir()) == ["index", "made.json"]
    with Searcher.open(scale.built.root, load=load_toy) as searcher:
        kept = {
            name: searcher._files.columns.select(one.condition(), searcher._files.lexical.pmids_of)
            for name, one in FILTERS.items()
        }
        assert kept["60 records"].count == 60
        assert 0.45 < kept["50 %"].count / RECORDS < 0.55
        assert 0 < kept["0.5 %"].count < 0.02 * RECORDS
        assert searcher._files.columns.retracted().count < 20


def test_an_index_that_was_made_is_taken_again(scale: Scale, scaled: Scaled) -> None:
    assert made_index(scale) == scaled.made
    assert scale.built.published_name() == "0001"


def test_figures_have_names_and_targets_find_them(scaled: Scaled) -> None:
    measured = scaled.measured
    for name in ("build, s", "disk, MB", "hybrid, warm, p99 ms", "hybrid, 50 % kept, warm, p99 ms", "opening, ms"):
        assert measured.figures[name] > 0
    assert misses(measured, []) == []
    slow = replace(measured, figures={**measured.figures, "hybrid, warm, p99 ms": 301.0})
    assert [miss.figure for miss in misses(slow, [])] == ["hybrid, warm, p99 ms"]


def measured(records: int, **figures: float) -> Measured:
    return Measured(records, "a machine", figures)


def test_laws_find_what_made_the_figures() -> None:
    sizes = (250_000, 1_000_000, 4_000_000)
    runs = [measured(n, disk=10 + 2e-6 * n, took=3 + 0.01 * n**0.5, fell=1e6 / n) for n in sizes]
    disk, took, fell = laws(runs, "a machine")
    assert (disk.form, took.form) == (Form.LINEAR, Form.ROOT)
    assert disk.at(40_000_000) == pytest.approx(90)
    assert took.at(40_000_000) == pytest.approx(3 + 0.01 * 40_000_000**0.5)
    assert fell.b == 0
    assert disk.error == pytest.approx(0, abs=1e-6)
    assert disk.formula == "10 + 2e-06*N"


def test_two_sizes_have_a_linear_law_and_one_has_none() -> None:
    runs = [measured(1_000, took=2.0), measured(2_000, took=3.0)]
    assert [(law.form, law.at(4_000)) for law in laws(runs, "a machine")] == [(Form.LINEAR, pytest.approx(5.0))]
    assert laws(runs[:1], "a machine") == laws(runs, "another machine") == []


def test_no_law_says_that_a_small_corpus_takes_less_than_nothing() -> None:
    seconds = {400_000: 404.0, 1_600_000: 1561.0, 5_000_000: 3510.0}
    (law,) = laws([Measured(records, "here", {"build, s": taken}) for records, taken in seconds.items()], "here")
    assert law.a >= 0
    assert 28_000 < law.at(PUBMED) < 40_000


def test_what_will_be_too_much_is_said_with_what_mends_it() -> None:
    name = "hybrid, warm, p99 ms"
    runs = [Measured(n, "m", {name: 50 + 1e-5 * n}) for n in (1_000_000, 2_000_000)]
    (miss,) = misses(runs[-1], laws(runs, "m"))
    assert (miss.records, miss.most, miss.expected) == (40_000_000, 300.0, pytest.approx(450))
    assert "feedback" in miss.mend
    assert misses(runs[-1], []) == []


def test_runs_are_kept_in_a_file_one_for_each_size(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    assert read_measured(path) == []
    runs = with_new(with_new([measured(2_000, a=1.0)], measured(1_000, a=2.0)), measured(2_000, a=3.0))
    write_measured(path, runs)
    assert [(run.records, run.figures["a"]) for run in read_measured(path)] == [(1_000, 2.0), (2_000, 3.0)]
    path.write_text("[{}]")
    with pytest.raises(SourceError, match="Name another --out"):
        read_measured(path)


def test_an_index_too_small_for_its_questions(seed_index: Path) -> None:
    with pytest.raises(SourceError, match="300 questions and as many seeds are wanted; the index has 400 records"):
        Seeds.read(IndexFolder(seed_index).published(), 300)


def bench(*arguments: object) -> None:
    parser = argparse.ArgumentParser()
    add_bench(parser)
    options = parser.parse_args([str(argument) for argument in arguments])
    options.command(options)


def test_the_command_keeps_its_figures_and_fits_laws_to_them(
    built_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--index", built_index, "--count", 2, "--out", tmp_path / "figures.json")
    bench(*given, "--scale", 1_000, "--work", tmp_path / "work")
    said = capsys.readouterr().out
    assert "1,000 made-up ones (embedded, IDMap2,Flat)" in said
    assert "none yet: it takes two sizes or more" in said
    bench(*given, "--scale", 2_000, "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["made"]["records"] == 2_000
    assert document["recall"] == {"none": 1.0, "50 %": 1.0, "0.5 %": 1.0, "60 records": 1.0}
    assert {law["sizes"] for law in document["laws"]} == {2}
    assert [run.records for run in read_measured(tmp_path / "figures.json")] == [1_000, 2_000]
    assert (tmp_path / "work" / "index" / "current").is_file()


@pytest.mark.parametrize("wrong", [("--scale", 10), ("--out", "figures.json"), ("--work", "folder"), ("--scale", "all")])
def test_what_the_command_refuses(wrong: tuple[object, ...]) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench(*wrong)

"""How encoders are timed: the figures of given rounds, and real rounds of a small encoder in processes of their own."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from checkpoints import write_checkpoint
from conftest import ROOT
from running import Run, in_process
from toy import article
from toy_index import build_rows

from indexer.cli import main
from indexer.encode_bench import EncodeBench, Encoding, _encoding
from indexer.encode_bench_report import report_encoding
from indexer.encode_contender import REFERENCE, Contender, Facts, Round, available_paths
from indexer.encode_process import ContenderProcess
from indexer.encoder_shape import EncoderShape
from indexer.kept_speeds import read_kept
from indexer.machine import MatrixRate
from indexer.progress import Silent
from indexer.provenance import Provenance
from search.encoder import EncoderIdentity, Metric, NumericPath, Pooling
from search.errors import EncoderError, EncoderUnavailable

SHAPE = EncoderShape(layers=2, hidden=16, vocabulary=200)
IDENTITY = EncoderIdentity("small", "c0ffee", 16, Pooling.MEAN, Metric.COSINE, 64)
TOKENS = (10, 30)
FLOP = SHAPE.flop(10) + SHAPE.flop(30)
FP32, INT8 = Contender("small", NumericPath.FP32), Contender("small", NumericPath.INT8)
THEIRS = Contender("small", None, 64)


def round_of(seconds: float, path: NumericPath | None = None, rate: float = 0.0, padded: int | None = None) -> Round:
    return Round(seconds, 1000 * seconds, round(10 * seconds), padded, MatrixRate(path, rate) if path else None)


def encoding_of(*rounds: tuple[Round, ...], contenders: tuple[Contender, ...] = (FP32, INT8, THEIRS)) -> Encoding:
    return _encoding(Facts(IDENTITY, SHAPE, TOKENS, 16), contenders, rounds)


def test_the_figures_are_medians_of_the_rounds() -> None:
    fp32, int8 = NumericPath.FP32, NumericPath.INT8
    encoding = encoding_of(
        (round_of(2, fp32, 1e6, 50), round_of(1, int8, 4e6, 40), round_of(4)),
        (round_of(3, fp32, 2e6, 50), round_of(2, int8, 8e6, 40), round_of(9)),
        (round_of(9, fp32, 3e6, 50), round_of(5, int8, 9e6, 40), round_of(10)),
    )
    ours, in_bytes, theirs = encoding.speeds
    assert [one.name for one in encoding.speeds] == ["fp32", "int8", REFERENCE]
    assert (encoding.texts, encoding.rounds, encoding.tokens, encoding.flop) == (2, 3, 20, FLOP / 2)
    assert (ours.documents_per_second, ours.tokens_per_second) == (2 / 3, 40 / 3)
    assert in_bytes.flop_per_second == FLOP / 2
    # The ratio is taken within each round: 4/2, 9/3, 10/9 and 4/1, 9/2, 10/5.
    assert (ours.times_reference, in_bytes.times_reference, theirs.times_reference) == (2, 4, 1)
    assert ours.matrix == MatrixRate(fp32, 2e6)
    # So is the share: FLOP / 1 / 4e6, FLOP / 2 / 8e6, FLOP / 5 / 9e6.
    assert in_bytes.matrix_share == FLOP / 2 / 8e6
    assert (ours.padding, in_bytes.padding, theirs.padding) == (1 - 40 / 50, 0, None)
    assert (ours.question_ms, ours.peak_memory_mb) == (3000, 90)


def test_sentence_transformers_is_put_beside_the_rate_of_fp32() -> None:
    encoding = encoding_of((round_of(1, NumericPath.FP32, 1e6, 50), round_of(1, NumericPath.INT8, 4e6, 40), round_of(4)))
    theirs = encoding.speeds[-1]
    assert (theirs.matrix, theirs.matrix_share) == (MatrixRate(NumericPath.FP32, 1e6), FLOP / 4 / 1e6)


def test_nothing_is_compared_where_there_is_no_reference() -> None:
    (only,) = encoding_of((round_of(1, NumericPath.INT8, 4e6, 40),), contenders=(INT8,)).speeds
    assert only.times_reference is None


# --- Real rounds, of the command -----------------------------------------------------------------------------------

# To this encoder every letter is a token, and two more stand around the text: 12, 7, 22, and 62, which is cut at 40.
WORDS = ("abcdefghij", "abcde", "abcde fghij klmno pqrst", "a" * 60)
READ = (12, 7, 22, 40)
ROWS = [{"pmid": 1 + number, "title": text} for number, text in enumerate(WORDS)]
ARTICLES = [article(row["pmid"], row["title"]) for row in ROWS]
REFERENCES = [REFERENCE] if importlib.util.find_spec("sentence_transformers") else []


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("encode") / "small", max_position_embeddings=40)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def document(checkpoint: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the command says of an index with these articles."""
    index = build_rows(tmp_path_factory.mktemp("texts"), ROWS)
    command = [sys.executable, "-m", "indexer.cli", "bench", "--encode", "--encoder", checkpoint, "--index", index]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [*command, "--rounds", "2", "--json"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["source"] == str(index)
    return said


def test_every_way_is_measured(document: dict[str, Any]) -> None:
    assert [one["name"] for one in document["speeds"]] == [*available_paths(), *REFERENCES]
    for speed in document["speeds"]:
        assert speed["documents_per_second"] > 0
        assert speed["question_ms"] > 0
        assert speed["peak_memory_mb"] > 50
        assert 0 < speed["matrix_share"] < 1  # so small an encoder is far from what the machine multiplies
        assert (speed["times_reference"] is None) == (not REFERENCES)


def test_tokens_are_those_that_are_read(document: dict[str, Any], checkpoint: Path) -> None:
    assert (document["texts"], document["rounds"], document["tokens"]) == (4, 2, mean(READ))
    assert document["flop"] == pytest.approx(mean(EncoderShape.read(checkpoint).flop(tokens) for tokens in READ))
    assert document["encoder"]["max_length"] == 40


def test_padding_is_that_of_the_batches(document: dict[str, Any]) -> None:
    # The number of cores decides how many tokens a batch has; at worst all texts are as long as the longest.
    assert 0 <= document["speeds"][0]["padding"] <= 1 - sum(READ) / (4 * max(READ))


def test_what_was_measured_is_kept(document: dict[str, Any], cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    kept = read_kept()
    assert [one.speed.name for one in kept] == available_paths()
    assert {one.content_hash for one in kept} == {document["encoder"]["content_hash"]}
    assert kept[0].speed.documents_per_second == document["speeds"][0]["documents_per_second"]
    assert kept[0].produced_by.command.startswith("pubmed-index bench --encode")


# --- A contender ----------------------------------------------------------------------------------------------------


def test_a_length_is_what_is_read(checkpoint: Path) -> None:
    contender = Contender(str(checkpoint), NumericPath.FP32, 10)
    facts = contender.load().facts(ARTICLES)
    assert facts is not None
    assert (facts.tokens, facts.identity.max_length) == ((10, 7, 10, 10), 10)


def test_an_encoder_that_is_not_there_is_said_by_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="There is no encoder folder"):
        EncodeBench(str(tmp_path / "gone"), [NumericPath.FP32]).run(ARTICLES, Silent())


def test_a_process_that_dies_is_said(checkpoint: Path) -> None:
    with ContenderProcess.running(Contender(str(checkpoint), NumericPath.FP32)) as process:
        process._process.kill()
        with pytest.raises(EncoderError, match="The process that encoded with fp32 ended before it was done"):
            process.facts(ARTICLES)
    assert process._process.exitcode is not None


# --- The command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def pubmed_index(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    with in_process(main, capsys) as run:
        yield run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--encode", "--scale", "2000"], "--scale does not go with --encode"),
        (["--encode", "--queries", "q.txt"], "--queries does not go with --encode"),
        (["--encode", "-k", "5"], "-k does not go with --encode"),
        (["--encode", "--out", "law.json"], "--out does not go with --encode"),
        (["--rounds", "2"], "--rounds goes with --encode"),
        (["--scale", "2000", "--length", "64"], "--length goes with --encode"),
        (["--encode", "--rounds", "0"], "expected a whole number above 0"),
    ],
)
def test_what_does_not_go_together(pubmed_index: Run, arguments: list[str], said: str) -> None:
    done = pubmed_index("bench", *arguments)
    assert done.code == 2
    assert said in done.err


def test_an_index_that_is_named_must_be_there(pubmed_index: Run, tmp_path: Path) -> None:
    done = pubmed_index("bench", "--encode", "--index", tmp_path / "gone")
    assert done.code == 1
    assert done.err.startswith("There is no index in")


def test_the_table_names_every_figure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    encoding = encoding_of((round_of(2, NumericPath.FP32, 1e9, 50), round_of(1, NumericPath.INT8, 4e9, 40), round_of(4)))
    report_encoding(encoding, "the sample", Provenance("bench", "1", None, "2026-01-01"), as_json=False)
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert title.startswith("small · 2 texts of the sample · ")
    assert head.split()[:2] == ["path", "texts"]
    expected = [
        ["fp32", "1.0", "2.00", "20", "0% of fp32's", "20.0%", "20 MB", "2,000.0 ms"],
        ["int8", "2.0", "4.00", "40", "0% of int8's", "0.0%", "10 MB", "1,000.0 ms"],
        [REFERENCE, "0.5", "1.00", "10", "0% of fp32's", "-", "40 MB", "4,000.0 ms"],
    ]
    assert [re.split(r" {2,}", row.strip()) for row in rows[:3]] == expected

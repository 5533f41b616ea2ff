"""What a plan says of given speeds, and where it takes them from."""

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from checkpoints import write_checkpoint, write_with_layer
from running import Run, in_process

from indexer.cli import main
from indexer.encode_bench import Speed
from indexer.encoder_shape import PRESET_SHAPES, EncoderShape
from indexer.index_size import IndexSize
from indexer.kept_speeds import KeptSpeed, find_kept, keep, read_kept
from indexer.machine import MatrixRate, machine_name
from indexer.plan import Basis, Corpus, Plan, make_plan, reference_speed
from indexer.progress import Silent
from indexer.provenance import Provenance
from search.encoder import NumericPath
from search.encoder_files import EMBEDDED, PRESETS, content_hash, find_encoder
from search.errors import EncoderUnavailable
from search.transformer_encoder import fastest_numeric_path

PATH = fastest_numeric_path()
MACHINE = machine_name(PATH)
MINILM = EncoderShape(layers=6, hidden=384, vocabulary=30_522)
CORPUS = Corpus(1_000_000, 1.0)
MB = 1 << 20


def kept_speed(
    encoder: str = EMBEDDED, flop_per_second: float = 1e11, shape: EncoderShape = MINILM, **changes: str
) -> KeptSpeed:
    speed = Speed(
        name=PATH.value,
        numeric_path=PATH,
        machine=MACHINE,
        documents_per_second=20.0,
        tokens_per_second=5_000.0,
        flop_per_second=flop_per_second,
        matrix=MatrixRate(PATH, 2e11),
        matrix_share=0.5,
        padding=0.02,
        peak_memory_mb=1_000,
        question_ms=5.0,
        times_reference=None,
    )
    provenance = Provenance("pubmed-index bench --encode", "0.1.0", None, "2026-01-02T03:04:05+00:00")
    return replace(KeptSpeed(encoder, f"hash of {encoder}", shape.hidden, 256, shape, 500, speed, provenance), **changes)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and no way to the network."""

    def refuse(*_arguments: object) -> None:
        raise AssertionError("a plan asks nobody")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


# --- The figures ----------------------------------------------------------------------------------------------------


def planned(*names: str, corpus: Corpus = CORPUS) -> Plan:
    return make_plan(corpus, names, kept_speed())


def test_hours_are_the_operations_at_the_measured_rate() -> None:
    keep([kept_speed()])
    (one,) = planned(EMBEDDED).encoders
    flop = MINILM.flop(247.6)  # tokens that an encoder of 256 reads of an abstract
    assert (one.basis, one.max_length, one.tokens, one.flop) == (Basis.MEASURED, 256, pytest.approx(247.6), flop)
    assert one.embedding_hours == pytest.approx(1_000_000 * flop / 1e11 / 3600)
    assert one.gpu_hours["A100"] == pytest.approx(1_000_000 * flop / (312e12 * 0.4) / 3600)
    assert one.building_mb * 1e6 == 1_000 * MB + IndexSize(1_000_000, 384, 1.0).building


def test_what_was_not_measured_is_estimated_at_the_same_rate() -> None:
    (base, two_towers) = planned("biolinkbert-base", "medcpt").encoders
    shape = PRESET_SHAPES["biolinkbert-base"]
    assert (base.basis, base.dimension, base.max_length) == (Basis.ESTIMATED, 768, 512)
    assert base.embedding_hours == pytest.approx(1_000_000 * shape.flop(367.7) / 1e11 / 3600)
    beside_weights = base.building_mb * 1e6 - 4 * (shape.parameters - MINILM.parameters)
    assert beside_weights == pytest.approx(1_000 * MB + IndexSize(1_000_000, 768, 1.0).building)
    assert two_towers.answering_mb - base.answering_mb == pytest.approx(
        4 * (2 * PRESET_SHAPES["medcpt"].parameters - shape.parameters) / 1e6
    )


def test_a_measured_encoder_goes_by_its_own_rate() -> None:
    keep([kept_speed("biolinkbert-base", 3e11, PRESET_SHAPES["biolinkbert-base"])])
    (base,) = planned("biolinkbert-base").encoders
    assert base.basis is Basis.MEASURED
    assert base.embedding_hours == pytest.approx(1_000_000 * base.flop / 3e11 / 3600)


def test_a_speed_of_another_machine_or_path_is_none_of_this_one() -> None:
    other_path = NumericPath.BF16 if PATH is not NumericPath.BF16 else NumericPath.FP32
    base = kept_speed("biolinkbert-base", 3e11, PRESET_SHAPES["biolinkbert-base"])
    keep(
        [
            replace(base, speed=replace(base.speed, machine="another")),
            replace(base, speed=replace(base.speed, name=other_path.value, numeric_path=other_path)),
        ]
    )
    assert [one.basis for one in planned("biolinkbert-base").encoders] == [Basis.ESTIMATED]


@pytest.mark.parametrize(
    ("with_abstract", "max_length", "tokens"),
    [(1.0, 256, 247.6), (0.0, 256, 23), (0.6, 512, 0.6 * 367.7 + 0.4 * 23), (1.0, 2_048, 367.7), (1.0, 16, 16), (0.0, 16, 16)],
)
def test_tokens_that_are_read(with_abstract: float, max_length: int, tokens: float) -> None:
    assert Corpus(10, with_abstract).tokens(max_length) == pytest.approx(tokens)


@pytest.mark.parametrize(("articles", "seconds"), [(29_457, 29.457), (5_000_000, 119 + 3_700), (40_000_000, 119 + 29_600)])
def test_the_rest_of_a_build_goes_by_the_law_of_the_scale_runs(articles: int, seconds: float) -> None:
    assert planned(corpus=Corpus(articles, 0.6)).other_hours == pytest.approx(seconds / 3600)


def test_the_index_is_the_one_that_a_build_chooses() -> None:
    small, large = (planned("biolinkbert-base", corpus=Corpus(count, 0.6)).encoders[0] for count in (200_000, 40_000_000))
    assert (small.candidates, small.lists) == ("IDMap2,Flat", 0)
    assert (large.candidates, large.lists) == ("IVF32768,PQ192x4fs", 32_768)


# --- Where speeds come from -----------------------------------------------------------------------------------------


def test_a_folder_is_known_by_its_content(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "mine", max_position_embeddings=64)
    (before,) = planned(str(folder)).encoders
    assert (before.basis, before.dimension, before.max_length) == (Basis.ESTIMATED, 16, 64)
    shape = EncoderShape.read(folder)
    keep([kept_speed(str(folder), 5e9, shape, content_hash=content_hash(find_encoder(str(folder))))])
    assert [one.basis for one in planned(str(folder)).encoders] == [Basis.MEASURED]
    (folder / "vocab.txt").write_text((folder / "vocab.txt").read_text() + "another\n")
    assert [one.basis for one in planned(str(folder)).encoders] == [Basis.ESTIMATED]


def test_a_linear_layer_decides_how_long_the_vectors_are(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    (plan,) = planned(str(write_with_layer(tmp_path))).encoders
    assert plan.dimension == 6


def test_an_encoder_of_which_nothing_is_known() -> None:
    with pytest.raises(EncoderUnavailable, match=r"bench --encode --encoder someone/model"):
        planned("someone/model")
    keep([kept_speed("someone/model")])
    assert [one.basis for one in planned("someone/model").encoders] == [Basis.MEASURED]


def test_what_is_kept_is_read_again_and_newer_takes_its_place() -> None:
    first, other = kept_speed(), kept_speed("biolinkbert-base", shape=PRESET_SHAPES["biolinkbert-base"])
    keep([first, other])
    assert read_kept() == [first, other]
    retrained = kept_speed(content_hash="another hash", flop_per_second=3e11)
    keep([retrained])
    assert find_kept(first.encoder, PATH, MACHINE) == retrained
    assert find_kept(first.content_hash, PATH, MACHINE) == first
    newer = kept_speed(flop_per_second=7e11)
    keep([newer])
    assert read_kept() == [other, retrained, newer]
    assert find_kept(EMBEDDED, PATH, MACHINE) == find_kept(f"hash of {EMBEDDED}", PATH, MACHINE) == newer


@pytest.mark.parametrize("content", ["", "[{", '[{"encoder": "embedded"}]', "{}"])
def test_what_cannot_be_read_is_not_there(cache: Path, content: str) -> None:
    file = cache / "pubmed-semantic-search" / "bench" / "encoding.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    assert read_kept() == []
    keep([kept_speed()])
    assert read_kept() == [kept_speed()]


def test_a_cache_that_cannot_be_written_is_no_failure(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    keep([kept_speed()])
    assert read_kept() == []


def test_what_is_kept_is_not_measured_again() -> None:
    keep([kept_speed()])
    assert reference_speed([], Silent(), "plan") == kept_speed()


# --- The command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def pubmed_index(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    keep([kept_speed()])
    with in_process(main, capsys) as run:
        yield run


def test_the_plan_for_programs(pubmed_index: Run) -> None:
    done = pubmed_index("plan", 5_000_000, "--json")
    document = done.document
    assert done.err == ""
    assert list(document) == ["corpus", "machine", "numeric_path", "other_hours", "reference", "encoders"]
    assert (document["corpus"], document["machine"]) == ({"articles": 5_000_000, "with_abstract": 0.6}, MACHINE)
    assert [one["encoder"] for one in document["encoders"]] == [EMBEDDED, *PRESETS]
    assert [one["basis"] for one in document["encoders"]] == ["measured", *("estimated" for _ in PRESETS)]
    for one in document["encoders"]:
        assert set(one["disk_mb"]) == {"candidates", "vectors", "catalogue", "lexical", "columns", "embedding cache"}


def test_the_plan_for_people(pubmed_index: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    lines = pubmed_index("plan", 1_000_000, "--with-abstract", 1).out.splitlines()
    assert lines[0] == f"1,000,000 articles, 100% with an abstract · {MACHINE}"
    rows = [re.split(r" {2,}", line.strip()) for line in lines[2 : 3 + len(PRESETS)]]
    hours = 1_000_000 * MINILM.flop(247.6) / 1e11 / 3600
    assert rows[0][:3] == ["embedded", "384", "4,096 lists"]
    assert rows[0][6] == f"{hours:.1f} h"
    assert [row[6].startswith("~ ") for row in rows] == [False, *(True for _ in PRESETS)]
    assert "embedded encoded 20 texts a second" in lines[3 + len(PRESETS)]


def test_narrow_terminals_get_every_figure(pubmed_index: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = pubmed_index("plan", 1_000_000).out
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out


def test_other_encoders_stand_beside_the_presets(pubmed_index: Run, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "mine")
    document = pubmed_index("plan", 100, "--encoder", folder, "--json").document
    assert [one["encoder"] for one in document["encoders"]] == [EMBEDDED, *PRESETS, str(folder)]


def test_an_unknown_encoder_is_one_sentence(pubmed_index: Run) -> None:
    done = pubmed_index("plan", 100, "--encoder", "someone/model")
    assert (done.code, done.out) == (1, "")
    assert re.fullmatch(r"Nothing is known of the encoder 'someone/model' here\. .*\n", done.err)


@pytest.mark.parametrize(
    "arguments", [[], ["many"], ["0"], ["10", "--with-abstract", "1.5"], ["10", "--with-abstract", "-0.1"], ["10", "--encoder"]]
)
def test_wrong_usage(pubmed_index: Run, arguments: list[str]) -> None:
    done = pubmed_index("plan", *arguments)
    assert (done.code, done.out) == (2, "")


def test_what_is_kept_is_readable_by_people(pubmed_index: Run, cache: Path) -> None:
    content = (cache / "pubmed-semantic-search" / "bench" / "encoding.json").read_text()
    assert json.loads(content)[0]["speed"]["documents_per_second"] == 20.0
    assert "\n" in content

"""Vectors in int8 are those of fp32 but for a little, whoever computes them and beside whatever other texts."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from toy import article

from search.encoder import NumericPath
from search.encoder_files import find_encoder
from search.errors import EncoderError
from search.int8_model import is_installed, quantised_by
from search.shipped import sample_articles
from search.transformer_encoder import TransformerEncoder, fastest_numeric_path, load_encoder

# Not by importing them here: they tell a server of it, which our code sees to before it does.
pytestmark = pytest.mark.skipif(not is_installed(), reason="needs the extra [fast]")

TEXTS = [f"{one.title} {one.abstract}" for one in sample_articles()]
QUESTIONS = ("what helps newborns during a painful blood test", "statins", "Does zinc shorten the common cold in adults?")


@pytest.fixture(scope="module")
def int8(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransformerEncoder]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield load_encoder("embedded", NumericPath.INT8)


@pytest.fixture(scope="module")
def fp32() -> TransformerEncoder:
    return load_encoder("embedded", NumericPath.FP32)


def test_documents_are_near_those_of_fp32(int8: TransformerEncoder, fp32: TransformerEncoder) -> None:
    articles = [article(1 + number, "", text) for number, text in enumerate(TEXTS[:40])]
    cosines = np.sum(int8.encode_documents(articles) * fp32.encode_documents(articles), axis=1)
    assert cosines.min() > 0.99
    assert cosines.mean() > 0.995


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_are_near_those_of_fp32(question: str, int8: TransformerEncoder, fp32: TransformerEncoder) -> None:
    assert int8.encode_query(question) @ fp32.encode_query(question) > 0.99


def test_a_vector_hardly_depends_on_what_is_embedded_beside_it(int8: TransformerEncoder) -> None:
    """A number on the edge between two bytes may fall to either side: with AMX the lowest cosine was 0.9998, without it 1."""
    texts = TEXTS[:12]
    together = int8.encode_documents([article(1 + number, "", text) for number, text in enumerate(texts)])
    alone = np.vstack([int8.encode_documents([article(1, "", text)]) for text in texts])
    assert np.sum(together * alone, axis=1).min() > 0.9995


def test_the_identity_says_what_the_vectors_are(int8: TransformerEncoder, fp32: TransformerEncoder) -> None:
    assert int8.identity.numeric_path is NumericPath.INT8
    assert int8.identity.content_hash == fp32.identity.content_hash
    assert int8.identity.cache_key != fp32.identity.cache_key


def test_an_encoder_is_quantised_once_and_without_a_word(tmp_path: Path, small_checkpoint: Path) -> None:
    """Whoever finds the quantised form reads neither the weights nor the code that would run them."""
    lines = (
        "from search.transformer_encoder import load_encoder",
        "from search.encoder import NumericPath",
        f"encoder = load_encoder({str(small_checkpoint)!r}, NumericPath.INT8)",
        "vector, facts = encoder.encode_query('zinc').tolist(), [encoder.identity.dimension, encoder.identity.max_length]",
        "import json, sys",
        "loaded = [name for name in sys.modules if sys.modules[name]]",
        "print(json.dumps([vector, facts, loaded]))",
    )
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    said = []
    for is_new in (True, False):
        done = subprocess.run(
            [sys.executable, "-c", "\n".join(lines)], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        vector, facts, loaded = json.loads(done.stdout)
        assert facts == [16, 512]
        assert [name for name in loaded if name.startswith("openvino_telemetry")] == []
        assert [name in loaded for name in ("nncf", "transformers.models.bert.modeling_bert")] == [is_new, is_new]
        said.append(vector)
        made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.bin")}
        assert len(made) == 1
        said.append(made)
    assert said[0] == said[2]
    assert said[1] == said[3]


def test_the_tests_report_nothing_either(int8: TransformerEncoder) -> None:
    assert sys.modules["openvino_telemetry"] is None


def as_documents(prompt: str = "") -> list[str]:
    """The sample as the examples have it: two articles in a row are one document."""
    return [f"{prompt}{one} {other}" for one, other in zip(TEXTS[::2], TEXTS[1::2], strict=True)]


def test_activations_are_measured_on_texts_as_the_encoder_reads_them(
    small_checkpoint: Path, medcpt_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plain = find_encoder(str(small_checkpoint))
    prompted = replace(plain, document_prompt="Passage: ", lower_case=True)
    assert TransformerEncoder(plain, NumericPath.INT8).identity.quantised_by == quantised_by(as_documents())
    lowered = [text.lower() for text in as_documents("Passage: ")]
    assert TransformerEncoder(prompted, NumericPath.INT8).identity.quantised_by == quantised_by(lowered)
    titles = [one.title for one in sample_articles()[::2]]
    abstracts = [text.removeprefix(f"{title} ") for title, text in zip(titles, as_documents(), strict=True)]
    pairs = TransformerEncoder(find_encoder(str(medcpt_folder)), NumericPath.INT8)
    assert pairs.identity.quantised_by == quantised_by([*titles, *abstracts])
    assert len(list(tmp_path.rglob("*.bin"))) == 4


def test_another_length_is_measured_for_itself(small_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    spec = find_encoder(str(small_checkpoint))
    for length in (512, 20):
        encoder = TransformerEncoder(replace(spec, document_max_length=length, query_max_length=length), NumericPath.INT8)
        assert encoder.identity.max_length == length
    assert len(list(tmp_path.rglob("*.bin"))) == 2


NONE = dict.fromkeys(("avx512_vnni", "avx_vnni", "amx_int8", "avx512_bf16", "amx_bf16"), False)


@pytest.mark.parametrize(
    ("capabilities", "installed", "expected"),
    [
        (NONE, True, NumericPath.FP32),
        ({**NONE, "avx512_vnni": True}, True, NumericPath.INT8),
        ({**NONE, "avx512_vnni": True, "avx512_bf16": True}, True, NumericPath.INT8),
        ({**NONE, "avx512_vnni": True, "avx512_bf16": True}, False, NumericPath.BF16),
        ({**NONE, "avx_vnni": True}, False, NumericPath.FP32),
    ],
)
def test_the_fastest_path(
    capabilities: dict[str, bool], installed: bool, expected: NumericPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    import search.transformer_encoder

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    monkeypatch.setattr(search.transformer_encoder, "int8_is_installed", lambda: installed)
    assert fastest_numeric_path() is expected


def test_without_openvino_an_index_in_int8_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import search.int8_model

    monkeypatch.setattr(search.int8_model, "is_installed", lambda: False)
    with pytest.raises(EncoderError, match=r"pubmed-semantic-search\[fast\]"):
        load_encoder("embedded", NumericPath.INT8)


def test_vectors_of_one_batch_outlast_the_next(medcpt_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CLS pooling and an inner product do nothing to the model's own output, which the next batch must not overwrite."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    towers = load_encoder(str(medcpt_folder), NumericPath.INT8)
    articles = [article(1 + number, text[:80], text) for number, text in enumerate(TEXTS[:30])]
    together = towers.encode_documents(articles)
    assert np.allclose(together, np.vstack([towers.encode_documents([one]) for one in articles]), atol=1e-4)


def test_an_incomplete_quantised_form_is_made_again(
    small_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    whole = load_encoder(str(small_checkpoint), NumericPath.INT8).encode_query("zinc")
    for name, left in (("model.xml", 1000), ("facts.json", 5), ("facts.json", None)):
        (path,) = tmp_path.rglob(name)
        content = path.read_bytes()
        path.unlink()
        if left is not None:
            path.write_bytes(content[:left])
        assert np.array_equal(load_encoder(str(small_checkpoint), NumericPath.INT8).encode_query("zinc"), whole)

"""Vectors in int8 are those of fp32 but for a little, whoever computes them and beside whatever other texts."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from toy import article

from search.encoder import NumericPath
from search.errors import EncoderError
from search.shipped import sample_texts
from search.transformer_encoder import TransformerEncoder, fastest_numeric_path, load_encoder

pytest.importorskip("openvino")
pytest.importorskip("nncf")

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
    articles = [article(1 + number, "", text) for number, text in enumerate(sample_texts()[:40])]
    cosines = np.sum(int8.encode_documents(articles) * fp32.encode_documents(articles), axis=1)
    assert cosines.min() > 0.99
    assert cosines.mean() > 0.995


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_are_near_those_of_fp32(question: str, int8: TransformerEncoder, fp32: TransformerEncoder) -> None:
    assert int8.encode_query(question) @ fp32.encode_query(question) > 0.99


def test_a_vector_does_not_depend_on_what_is_embedded_beside_it(int8: TransformerEncoder) -> None:
    texts = sample_texts()[:12]
    together = int8.encode_documents([article(1 + number, "", text) for number, text in enumerate(texts)])
    alone = np.vstack([int8.encode_documents([article(1, "", text)]) for text in texts])
    assert np.allclose(together, alone, atol=1e-4)


def test_the_identity_says_what_the_vectors_are(int8: TransformerEncoder, fp32: TransformerEncoder) -> None:
    assert int8.identity.numeric_path is NumericPath.INT8
    assert int8.identity.content_hash == fp32.identity.content_hash
    assert int8.identity.cache_key != fp32.identity.cache_key


def test_an_encoder_is_quantised_once_and_without_a_word(tmp_path: Path, small_checkpoint: Path) -> None:
    lines = (
        "from search.transformer_encoder import load_encoder",
        "from search.encoder import NumericPath",
        f"vector = load_encoder({str(small_checkpoint)!r}, NumericPath.INT8).encode_query('zinc')",
        "import json, sys",
        "print(json.dumps([vector.tolist(), [name for name in sys.modules if 'telemetry' in name and sys.modules[name]]]))",
    )
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    said = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", "\n".join(lines)], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        vector, reporting = json.loads(done.stdout)
        assert [name for name in reporting if name.startswith("openvino_telemetry")] == []
        said.append(vector)
        made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.bin")}
        assert len(made) == 1
        said.append(made)
    assert said[0] == said[2]
    assert said[1] == said[3]


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
    articles = [article(1 + number, text[:80], text) for number, text in enumerate(sample_texts()[:30])]
    together = towers.encode_documents(articles)
    assert np.allclose(together, np.vstack([towers.encode_documents([one]) for one in articles]), atol=1e-4)


def test_an_incomplete_quantised_form_is_made_again(
    small_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    whole = load_encoder(str(small_checkpoint), NumericPath.INT8).encode_query("zinc")
    (weights,) = tmp_path.rglob("*.xml")
    weights.write_bytes(weights.read_bytes()[:1000])
    assert np.array_equal(load_encoder(str(small_checkpoint), NumericPath.INT8).encode_query("zinc"), whole)

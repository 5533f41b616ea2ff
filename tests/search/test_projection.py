"""A linear layer behind the pooling: computed as sentence-transformers does, and refused where it is more than that."""

import json
from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_with_layer

pytest.importorskip("sentence_transformers")

import torch
from sentence_transformers import SentenceTransformer

from search.encoder import NumericPath
from search.encoder_files import content_hash, find_encoder
from search.errors import EncoderError
from search.transformer_encoder import load_encoder

TEXTS = ("sugar eases pain", "cherries against gout", "honey")


@pytest.mark.parametrize("bias", [False, True])
def test_vectors_are_those_of_sentence_transformers(tmp_path: Path, *, bias: bool) -> None:
    folder = write_with_layer(tmp_path, bias=bias)
    ours, theirs = load_encoder(str(folder), NumericPath.FP32), SentenceTransformer(str(folder))
    assert ours.identity.dimension == 6
    assert np.allclose(ours.encode_queries(TEXTS), theirs.encode(list(TEXTS)), atol=1e-5)


def test_the_layer_decides_the_vectors(tmp_path: Path) -> None:
    folder = write_with_layer(tmp_path)
    before = content_hash(find_encoder(str(folder)))
    weights = folder / "2_Dense" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    assert content_hash(find_encoder(str(folder))) != before


def test_what_is_more_than_linear_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="layers behind its pooling that are not supported"):
        find_encoder(str(write_with_layer(tmp_path, activation=torch.nn.Tanh())))


@pytest.mark.parametrize("path", ["../elsewhere", "/etc", "2_Dense/deeper"])
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    folder = write_with_layer(tmp_path)
    modules = json.loads((folder / "modules.json").read_text())
    modules[2]["path"] = path
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(EncoderError, match=r"cannot be read as it should be|not supported"):
        find_encoder(str(folder))


def test_a_layer_that_cannot_be_read(tmp_path: Path) -> None:
    folder = write_with_layer(tmp_path)
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(EncoderError, match="holds no linear layer that can be read"):
        load_encoder(str(folder), NumericPath.FP32)

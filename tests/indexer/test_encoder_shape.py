"""What an encoder computes for a text, beside what torch counts and what was measured of the presets."""

import json
from pathlib import Path

import pytest
import torch
from checkpoints import write_checkpoint
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel

from indexer.encoder_shape import PRESET_SHAPES, EncoderShape
from search.encoder_files import PRESETS
from search.errors import EncoderError
from search.shipped import embedded_encoder_folder

HIDDEN = 32


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sizes = {"hidden_size": HIDDEN, "intermediate_size": 4 * HIDDEN, "num_hidden_layers": 3}
    return write_checkpoint(tmp_path_factory.mktemp("shape") / "encoder", **sizes)


@pytest.mark.parametrize("tokens", [5, 64])
def test_the_operations_are_those_that_torch_counts(checkpoint: Path, tokens: int) -> None:
    model = AutoModel.from_pretrained(checkpoint, attn_implementation="eager", add_pooling_layer=False)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(input_ids=torch.full((1, tokens), 7))
    assert EncoderShape.read(checkpoint).flop(tokens) == counter.get_total_flops()


def test_the_weights_are_those_of_the_files(checkpoint: Path) -> None:
    for folder, bytes_a_weight in ((checkpoint, 4), (embedded_encoder_folder(), 2)):
        written = (folder / "model.safetensors").stat().st_size / bytes_a_weight
        assert EncoderShape.read(folder).parameters == pytest.approx(written, rel=0.1)


# GFLOP of an abstract of 280 tokens, as measured-facts has them.
@pytest.mark.parametrize(("name", "expected"), [("biolinkbert-base", 50.5), ("biolinkbert-large", 176.8), ("medcpt", 50.5)])
def test_the_presets_compute_what_is_known_of_them(name: str, expected: float) -> None:
    assert PRESET_SHAPES[name].flop(280) / 1e9 == pytest.approx(expected, rel=0.002)


def test_the_embedded_encoder() -> None:
    shape = EncoderShape.read(embedded_encoder_folder())
    assert (shape.layers, shape.hidden, shape.vocabulary, shape.positions) == (6, 384, 30_522, 512)
    assert shape.flop(280) / 1e9 == pytest.approx(6.7, rel=0.01)


def test_every_preset_has_a_shape() -> None:
    assert PRESET_SHAPES.keys() == PRESETS.keys()


def test_other_families_name_their_sizes_otherwise(tmp_path: Path) -> None:
    said = {"dim": 768, "n_layers": 6, "vocab_size": 30_522, "max_position_embeddings": 512}
    (tmp_path / "config.json").write_text(json.dumps(said))
    assert EncoderShape.read(tmp_path) == EncoderShape(6, 768, 30_522)


@pytest.mark.parametrize(
    "content", ["{}", "[]", "not JSON", '{"hidden_size": 8, "num_hidden_layers": "many", "vocab_size": 9}']
)
def test_a_configuration_that_does_not_say(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(EncoderError, match=r"config\.json does not say how many layers"):
        EncoderShape.read(tmp_path)

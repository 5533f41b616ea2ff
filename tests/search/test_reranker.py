"""The re-ranker beside plain transformers, and the models that it refuses."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT
from toy import article
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification

from search.article import Article
from search.encoder import NumericPath
from search.errors import EncoderError
from search.reranker import Reranker
from search.shipped import embedded_encoder_folder

NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens there
# In a process of its own: the hub's client reads its settings when it is imported.
_LOAD = """
import sys
from search.errors import EncoderUnavailable
from search.reranker import Reranker
for name in sys.argv[1:]:
    try:
        Reranker.load(name)
    except EncoderUnavailable as error:
        print(error)
"""
QUERY = "do statins cause muscle pain"
ARTICLES = [
    article(11, "Statins.", "ab"),
    article(12, "Muscle pain in adults.", "who take statins for years."),
    article(13, "Long.", "sepsis and lactate. " * 60),
    article(14, "Title only."),
    article(15, "", "Abstract only."),
]


def write_cross_encoder(folder: Path, encoder: Path, labels: int, weights: str = "model.safetensors", seed: int = 3) -> Path:
    """A BERT with a classification head, its weights by chance, and the tokenizer of `encoder`."""
    from safetensors.torch import save_file

    shutil.copytree(encoder, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.bin"))
    configuration = BertConfig.from_pretrained(folder, num_labels=labels)
    configuration.architectures = ["BertForSequenceClassification"]
    configuration.save_pretrained(folder)
    torch.manual_seed(seed)
    tensors = dict(BertForSequenceClassification(configuration).state_dict())
    if weights.endswith(".bin"):
        torch.save(tensors, folder / weights)
    else:
        save_file(tensors, folder / weights, {"format": "pt"})
    return folder


def plain(folder: Path, articles: Sequence[Article]) -> Any:
    """Logits (n, labels), as the model card of MedCPT's cross-encoder makes them."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    pairs = [[QUERY, f"{one.title} {one.abstract}".strip()] for one in articles]
    encoded = tokenizer(pairs, truncation=True, padding=True, return_tensors="pt", max_length=512)
    with torch.no_grad():
        return model(**encoded).logits.numpy()


def load(folder: Path) -> Reranker:
    return Reranker.load(str(folder), NumericPath.FP32)


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_scores_equal_plain_transformers(tmp_path: Path, small_checkpoint: Path, weights: str) -> None:
    folder = write_cross_encoder(tmp_path / "cross", small_checkpoint, labels=1, weights=weights)
    scores = load(folder).scores(QUERY, ARTICLES)
    assert (scores.dtype, scores.shape) == (np.float32, (5,))
    np.testing.assert_allclose(scores, plain(folder, ARTICLES)[:, 0], rtol=0, atol=1e-5)
    # Unlike articles do not get like scores, so the comparison above can fail.
    assert np.diff(np.sort(scores)).min() > 1e-3


def test_of_two_classes_the_second_is_the_answer(tmp_path: Path, small_checkpoint: Path) -> None:
    folder = write_cross_encoder(tmp_path / "cross", small_checkpoint, labels=2)
    logits = plain(folder, ARTICLES)
    np.testing.assert_allclose(load(folder).scores(QUERY, ARTICLES), logits[:, 1] - logits[:, 0], rtol=0, atol=1e-5)


def test_a_score_does_not_depend_on_the_other_articles(tmp_path: Path, small_checkpoint: Path) -> None:
    reranker = load(write_cross_encoder(tmp_path / "cross", small_checkpoint, labels=1))
    together = reranker.scores(QUERY, ARTICLES)
    alone = [reranker.scores(QUERY, [one])[0] for one in ARTICLES]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)
    assert reranker.scores(QUERY, []).shape == (0,)
    assert Reranker.depth >= 10


def test_threads_share_it(tmp_path: Path, small_checkpoint: Path) -> None:
    reranker = load(write_cross_encoder(tmp_path / "cross", small_checkpoint, labels=1))
    expected = reranker.scores(QUERY, ARTICLES)
    with ThreadPoolExecutor(4) as threads:
        for scores in threads.map(lambda _: reranker.scores(QUERY, ARTICLES), range(12)):
            np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-6)


def test_an_encoder_is_no_cross_encoder(small_checkpoint: Path) -> None:
    # transformers would give it a head of weights by chance, and the hits an order by chance.
    for folder in (small_checkpoint, embedded_encoder_folder()):
        with pytest.raises(EncoderError, match=r"no cross-encoder: its weights lack .*medcpt"):
            load(folder)


def test_more_than_two_classes_are_refused(tmp_path: Path, small_checkpoint: Path) -> None:
    with pytest.raises(EncoderError, match="3 classes"):
        load(write_cross_encoder(tmp_path / "cross", small_checkpoint, labels=3))


def test_a_head_of_another_size_and_damaged_weights_are_one_sentence(tmp_path: Path, small_checkpoint: Path) -> None:
    folder = write_cross_encoder(tmp_path / "cross", small_checkpoint, labels=1)
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "hidden_size": 8}))
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load(folder)
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load(folder)


def test_what_cannot_be_had_is_said_with_what_to_do(tmp_path: Path) -> None:
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_ENDPOINT": NOWHERE, "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-c", _LOAD, "medcpt", "/no/such/folder"]
    ended = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    not_there, no_folder = ended.stdout.splitlines()
    assert "`hf download ncbi/MedCPT-Cross-Encoder --local-dir MedCPT-Cross-Encoder`" in not_there
    assert no_folder.startswith("There is no folder /no/such/folder for --rerank")
    assert "--encoder" not in ended.stdout

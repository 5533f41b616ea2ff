"""The encoder that ships: its vectors do not drift, its folder is complete and small, and it needs nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest

from search.article import AbstractSection, Article
from search.encoder import Metric, NumericPath
from search.encoder_files import find_encoder
from search.shipped import embedded_encoder_folder
from search.transformer_encoder import TransformerEncoder, load_encoder

# Vectors of this encoder in fp32, written when it was trained: python tests/golden_vectors.py
GOLDEN = json.loads((Path(__file__).parent.parent / "fixtures" / "golden_vectors.json").read_text())


@pytest.fixture(scope="module")
def embedded() -> TransformerEncoder:
    return load_encoder("embedded", NumericPath.FP32)


def test_golden_vectors_of_questions(embedded: TransformerEncoder) -> None:
    for one in GOLDEN["questions"]:
        assert np.allclose(embedded.encode_query(one["text"]), one["vector"], atol=2e-5), one["text"]


def test_golden_vectors_of_documents(embedded: TransformerEncoder) -> None:
    articles = [
        Article(number, one["title"], (AbstractSection(one["abstract"]),)) for number, one in enumerate(GOLDEN["documents"], 1)
    ]
    vectors = embedded.encode_documents(articles)
    assert np.allclose(vectors, [one["vector"] for one in GOLDEN["documents"]], atol=2e-5)


def test_what_it_is(embedded: TransformerEncoder) -> None:
    identity = embedded.identity
    assert (identity.name, identity.dimension, identity.metric, identity.max_length) == ("embedded", 384, Metric.COSINE, 256)
    assert find_encoder("embedded").document_folder == embedded_encoder_folder()


def test_the_folder_is_small_and_says_what_it_is() -> None:
    folder = embedded_encoder_folder()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 50_000_000
    card = (folder / "README.md").read_text()
    assert "Made from `all-minilm-l6-v2` by `pubmed-index train" in card
    assert "license: apache-2.0" in card
    assert json.loads((folder / "training.json").read_text())["verdict"]["p"] < 0.05

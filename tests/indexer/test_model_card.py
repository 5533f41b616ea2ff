"""What lies beside a trained encoder's weights."""

import json
from pathlib import Path

import pytest

from indexer.model_card import write_card
from indexer.provenance import Provenance
from indexer.training_pair import PairKind
from indexer.training_set import PairCounts

pytest.importorskip("datasets")


def test_the_card_says_what_was_learnt_and_what_came_of_it(tmp_path: Path) -> None:
    from indexer.training import Trained, TrainingSettings
    from indexer.training_run import KindVerdict, Recipe, TrainingSummary, Verdict

    summary = TrainingSummary(
        out="out",
        base="biolinkbert-base",
        recipe=Recipe(settings=TrainingSettings(batch=64, rate=3e-5)),
        pairs=(PairCounts(PairKind.TITLE, 9_000, 1_000, 17, 5),),
        drawn={"articles": 1_200, "citations": 34},
        reads=256,
        trained=Trained(steps=20, best=10, seconds=60.0, losses=(1.0,), held_out={10: 0.5}),
        verdict=Verdict(0.401, 0.523, 0.0002, {PairKind.TITLE: KindVerdict(500, 0.401, 0.523)}, 0.75, {128: 0.498}),
    )
    write_card(tmp_path, summary, Provenance("pubmed-index train --out out", "0.1.0", "abc", "2026-11-22"))
    card = (tmp_path / "README.md").read_text()
    assert "Made from `biolinkbert-base` by `pubmed-index train --out out` at commit abc." in card
    assert (
        "It learnt from 1,234 documents and the questions that they answer (1,200 articles, 34 citations).\n  17 pairs" in card
    )
    assert "20 steps of 64 documents, a quarter of them of one topic, with 0 hard\n  negatives each" in card
    assert "with BM25 (weight 0.5), the known answers lifted by\n  0.15; it learnt from the first 160 tokens" in card
    assert "It reads 256 tokens of a text" in card
    assert "75% of the weights are the trained ones'" in card
    assert "| title | 500 | 40.1 | 52.3 |\n| mean | | 40.1 | 52.3 |\n| mean, first 128 numbers | | | 49.8 |\n" in card
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["verdict"]["kinds"]["title"] == {"questions": 500, "base": 0.401, "trained": 0.523}
    assert record["provenance"]["commit"] == "abc"

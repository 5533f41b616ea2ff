"""What lies beside a trained encoder's weights."""

import json
from pathlib import Path

import pytest

from indexer.provenance import Provenance
from indexer.training_pair import PairKind
from indexer.training_set import PairCounts

pytest.importorskip("datasets")


def test_the_card_says_what_was_learnt_and_what_came_of_it(tmp_path: Path) -> None:
    from indexer.model_card import write_card
    from indexer.training import Trained, TrainingSettings
    from indexer.training_run import KindVerdict, Recipe, TrainingSummary, Verdict

    summary = TrainingSummary(
        out="out",
        base="biolinkbert-base",
        teacher="5,000 articles, by the encoder embedded",
        recipe=Recipe(settings=TrainingSettings(batch=64, rate=3e-5)),
        pairs=(PairCounts(PairKind.TITLE, 9_000, 1_000, 17, 5),),
        drawn={"query": 1_200, "document": 34},
        reads=256,
        trained=Trained(steps=20, best=10, seconds=60.0, losses=(1.0,), held_out={10: 0.5}),
        verdict=Verdict(0.401, 0.523, 0.0002, {PairKind.TITLE: KindVerdict(500, 0.401, 0.523)}, 0.75, {128: 0.498}),
    )
    write_card(tmp_path, summary, Provenance("pubmed-index train --out out", "0.1.0", "abc", "2026-11-22"))
    card = (tmp_path / "README.md").read_text()
    assert "Made from `biolinkbert-base` by `pubmed-index train --out out` at commit abc." in card
    assert "It learnt from 1,200 questions and 34 documents." in card
    assert (
        "ends with among 5,000 articles, by the encoder embedded; a question's was moved on to its known answer by 0.5." in card
    )
    assert "17 pairs hold a part of what it is measured on and were left out." in card
    assert "20 steps of 64 texts, of which it read 128 tokens" in card
    assert "It reads 256 tokens of a text" in card
    assert "75% of the weights are the trained ones'" in card
    assert "| title | 500 | 40.1 | 52.3 |\n| mean | | 40.1 | 52.3 |\n| mean, first 128 numbers | | | 49.8 |\n" in card
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["verdict"]["kinds"]["title"] == {"questions": 500, "base": 0.401, "trained": 0.523}
    assert record["provenance"]["commit"] == "abc"

"""Writes what a trained encoder is beside its weights: a card for people, and the same figures for programs."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from indexer.lessons import DOCUMENT, QUESTION
from indexer.provenance import Provenance
from search.storage import write_atomically

if TYPE_CHECKING:
    from indexer.training_run import TrainingSummary

CARD, RECORD = "README.md", "training.json"


def write_card(folder: Path, summary: "TrainingSummary", provenance: Provenance) -> None:
    """Write the card and the record into an encoder's folder."""
    record = asdict(summary) | {"provenance": asdict(provenance)}
    encoded = msgspec.json.encode(msgspec.to_builtins(record, enc_hook=str, str_keys=True))
    write_atomically(folder / RECORD, msgspec.json.format(encoded, indent=1) + b"\n")
    write_atomically(folder / CARD, _card(summary, provenance).encode())


def _card(summary: "TrainingSummary", provenance: Provenance) -> str:
    verdict, trained, settings = summary.verdict, summary.trained, summary.recipe.settings
    kinds = "\n".join(
        f"| {kind} | {one.questions:,} | {100 * one.base:.1f} | {100 * one.trained:.1f} |"
        for kind, one in verdict.kinds.items()
    )
    names = {QUESTION: "questions", DOCUMENT: "documents"}
    pairs = " and ".join(f"{count:,} {names[name]}" for name, count in summary.drawn.items())
    cut = "".join(f"| mean, first {count} numbers | | | {100 * found:.1f} |\n" for count, found in verdict.cut.items())
    leaking = sum(one.leaking for one in summary.pairs)
    commit = f" at commit {provenance.commit}" if provenance.commit else ""
    return f"""---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
language: en
---

# A retriever for PubMed

Made from `{summary.base}` by `{provenance.command}`{commit}.

- It learnt from {pairs}. Each had the vector to learn that hybrid search with feedback
  ends with among {summary.teacher}; a question's was moved on to its known answer by {summary.recipe.answer:g}.
  {leaking:,} pairs hold a part of what it is measured on and were left out.
- {trained.steps:,} steps of {settings.batch} texts, of which it read {settings.length} tokens, at a learning rate of at most
  {settings.rate:g}; that after step {trained.best:,} was the best.
- {verdict.share:.0%} of the weights are the trained ones', the rest its base's.
- It reads {summary.reads} tokens of a text, pools as its base does, and gives vectors of length 1.

nDCG@10 x 100 of questions that the training never saw, before and after (p = {verdict.p:.4f}):

| kind | questions | before | after |
|---|--:|--:|--:|
{kinds}
| mean | | {100 * verdict.base:.1f} | {100 * verdict.trained:.1f} |
{cut}"""

"""What an encoder is taught: how its base and BM25 rank a batch's documents together, with the known answers lifted.

Hybrid retrieval finds far more than the base alone does. Whoever learns its ranking learns words and topics, and forgets
little: what the base held alike stays alike. No document is called wrong that may be an answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from sentence_transformers import SentenceTransformer

Features = Mapping[str, torch.Tensor]

# BM25's two constants, as Lucene has them.
_SATURATION, _LENGTH_SHARE = 1.2, 0.75
_MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def inverse_document_frequencies(documents: Iterable[Sequence[int]], size: int) -> torch.Tensor:
    """Of each of a tokenizer's `size` tokens, as BM25 has them, from the tokens of some documents: (v,)."""
    containing, count = torch.zeros(size), 0
    for tokens in documents:
        containing[torch.tensor(sorted(set(tokens)), dtype=torch.long)] += 1
        count += 1
    return torch.log1p((count - containing + 0.5) / (containing + 0.5))


@dataclass(frozen=True, slots=True)
class Teaching:
    """What counts beside the base's cosine: BM25's share of what a question could have at most, and being the known answer."""

    lexical: float = 0.5
    answer: float = 0.15


class HybridTeacher:
    """Scores a batch's documents for its questions; it learns nothing."""

    def __init__(self, base: SentenceTransformer, idf: torch.Tensor, teaching: Teaching, at_once: int) -> None:
        """`idf` (v,) tells how rare each token is; `at_once` texts are read by the base at a time."""
        self._base = base.eval().requires_grad_(requires_grad=False)
        self._special = torch.tensor(sorted(base.tokenizer.all_special_ids), dtype=torch.long)
        self._idf = idf
        self._teaching = teaching
        self._at_once = at_once

    @torch.no_grad()
    def scores(self, questions: Features, documents: Features, answers: torch.Tensor) -> torch.Tensor:
        """Of questions and documents: (q, d). `answers` (q, d) is true where a document is known to answer."""
        dense = self._vectors(questions) @ self._vectors(documents).T
        lexical = self._bm25(self._counts(questions), self._counts(documents))
        return dense + self._teaching.lexical * lexical + self._teaching.answer * answers

    def _vectors(self, texts: Features) -> torch.Tensor:
        """The base's vectors of some texts, of length 1: (n, d)."""
        self._base.to(texts["input_ids"].device)
        vectors = []
        for start in range(0, len(texts["input_ids"]), self._at_once):
            some = {name: tensor[start : start + self._at_once] for name, tensor in texts.items()}
            width = int(some["attention_mask"].sum(1).max())
            some = {name: tensor[:, :width] for name, tensor in some.items()}
            vectors.append(torch.nn.functional.normalize(self._base(some)["sentence_embedding"].float(), dim=1))
        return torch.cat(vectors)

    def _bm25(self, questions: torch.Tensor, documents: torch.Tensor) -> torch.Tensor:
        """BM25 over tokens, as a share of what each question's tokens would have if a document were full of them."""
        lengths = documents.sum(1, keepdim=True)
        lengths = lengths / lengths.mean()
        weights = documents / (documents + _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * lengths))
        asked = (questions > 0) * self._idf.to(questions.device)
        shares: torch.Tensor = asked @ weights.T / asked.sum(1, keepdim=True).clamp(min=1e-6)
        return shares

    def _counts(self, texts: Features) -> torch.Tensor:
        """How often a text has each token: (n, v)."""
        ids, mask = texts["input_ids"], texts["attention_mask"]
        counts = torch.zeros(len(ids), len(self._idf), device=ids.device)
        counts.scatter_add_(1, ids, mask.to(counts))
        counts[:, self._special.to(ids.device)] = 0
        return counts

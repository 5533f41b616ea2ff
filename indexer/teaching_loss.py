"""How far an encoder's ranking of a batch's documents is from its teacher's: a loss for sentence-transformers' trainer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.losses.gradcache import CachedLossMixin

from indexer.hybrid_teacher import Features, HybridTeacher

_SCALE = 20.0
_EMPTY = 2  # tokens of a text without words: its beginning and its end


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of several columns, those without words left out, shortest first; `rows` (n,) says which row of a batch each is of.

    `first` (n,) is true for those of the first column.
    """

    features: Features
    rows: torch.Tensor
    first: torch.Tensor

    @classmethod
    def of(cls, columns: Sequence[Features], padding: int) -> "Texts":
        """Join columns; `padding` is the token that fills up shorter texts."""
        width = max(column["input_ids"].shape[1] for column in columns)
        names = columns[0].keys()
        fill = {name: padding if name == "input_ids" else 0 for name in names}
        together = {
            name: torch.cat(
                [torch.nn.functional.pad(one[name], (0, width - one[name].shape[1]), value=fill[name]) for one in columns]
            )
            for name in names
        }
        lengths = together["attention_mask"].sum(1)
        kept = torch.argsort(lengths, stable=True)[int((lengths <= _EMPTY).sum()) :]
        size = len(columns[0]["input_ids"])
        return cls({name: tensor[kept] for name, tensor in together.items()}, kept % size, kept < size)


class TeachingLoss(CachedLossMixin, torch.nn.Module):
    """Kullback-Leibler divergence from a teacher's ranking to the encoder's; gradients are cached, so batches may be large.

    The first `questions` columns ask, the next one has their answers, and further ones have negatives. A text without words is
    none: rows need not have as many questions, or negatives, as others.
    """

    def __init__(self, model: SentenceTransformer, teacher: HybridTeacher, questions: int, at_once: int) -> None:
        super().__init__()
        self.model = model
        self.mini_batch_size = at_once
        self._teacher = teacher
        self._questions = questions
        self._padding = int(model.tokenizer.pad_token_id or 0)

    def forward(self, sentence_features: Iterable[Features], labels: torch.Tensor | None = None) -> torch.Tensor:  # noqa: ARG002
        """The loss of a batch: of each column, what the tokenizer made of it."""
        columns = [_tensors(column) for column in sentence_features]
        questions = Texts.of(columns[: self._questions], self._padding)
        documents = Texts.of(columns[self._questions :], self._padding)
        loss: torch.Tensor = self.forward_cached(
            [dict(questions.features), dict(documents.features)], self._ranking(questions, documents)
        )
        return loss

    def calculate_loss(
        self, reps: list[list[torch.Tensor]], labels: torch.Tensor | None = None, *, with_backward: bool = False
    ) -> torch.Tensor:
        """The loss of vectors, which are there in parts; `labels` (q, d) is the teacher's ranking, in log-probabilities."""
        taught = cast("torch.Tensor", labels)
        questions, documents = (torch.nn.functional.normalize(torch.cat(parts).float(), dim=1) for parts in reps)
        counts = taught > -torch.inf
        ranking = (_SCALE * questions @ documents.T).masked_fill(~counts, -torch.inf).log_softmax(1)
        # -inf less -inf is no number: what does not count is the same on both sides.
        differences = taught.masked_fill(~counts, 0) - ranking.masked_fill(~counts, 0)
        loss = (taught.exp() * differences).sum(1).mean()
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach()
        return loss

    def _ranking(self, questions: Texts, documents: Texts) -> torch.Tensor:
        """The teacher's ranking, (q, d): log-probabilities, -inf for what does not count."""
        answers = (questions.rows[:, None] == documents.rows) & documents.first
        # An answer's text, a second time in the batch, is neither right nor wrong.
        again = (answers.float() @ _equal(documents.features).float() > 0) & ~answers
        scores = _SCALE * self._teacher.scores(questions.features, documents.features, answers)
        return scores.masked_fill(again, -torch.inf).log_softmax(1)


def _tensors(column: Features) -> Features:
    """What of a column has a value for each token."""
    return {name: column[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in column}


def _equal(documents: Features) -> torch.Tensor:
    """Which documents are the same text: (d, d)."""
    ids = documents["input_ids"] * documents["attention_mask"]
    return (ids[:, None] == ids[None]).all(2)

"""Questions that no training run sees, and what finding their documents scores: what checkpoints are chosen and judged by."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from indexer.beir import Judgements
from indexer.metrics import Measure, Scores, Values, score
from indexer.training_pair import PairKind, TrainingPair
from search.encoder import Vectors
from search.errors import EncoderError


class Encodes(Protocol):
    """Turns texts into vectors: (n,) to (n, d)."""

    def questions(self, texts: Sequence[str]) -> Vectors:
        """The vectors of questions."""
        ...

    def documents(self, texts: Sequence[str]) -> Vectors:
        """The vectors of documents."""
        ...


@dataclass(frozen=True, slots=True)
class HeldOutVectors:
    """What an encoder makes of held-out questions, (n, d), and their documents, (m, d)."""

    questions: Vectors
    documents: Vectors


LEAST_QUESTIONS = 20
_DEPTH = 10


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Questions with the documents that answer them, among the documents of all the others.

    `kinds` says of each question where it came from. Every kind counts alike.
    """

    questions: dict[str, str]
    documents: dict[str, str]
    judgements: Judgements
    kinds: dict[str, PairKind]

    @classmethod
    def of(cls, pairs: Iterable[TrainingPair], least: int = LEAST_QUESTIONS) -> "HeldOut":
        """Give every document one question or more, from pairs in the order of preference.

        An article gives one document only, so that no two are nearly the same; questions of the same words are one. Kinds with
        fewer than `least` questions are left out: their mean would be chance. Raises EncoderError where none is left.
        """
        questions, documents, judgements, kinds = dict[str, str](), dict[str, str](), Judgements(), dict[str, PairKind]()
        for pair in pairs:
            document = str(pair.pmid or pair.document)
            if document in documents:
                continue
            documents[document] = pair.document
            question = f"{pair.kind} {pair.query}"
            questions[question], kinds[question] = pair.query, pair.kind
            judgements.setdefault(question, {})[document] = 1
        often = {kind for kind, count in Counter(kinds.values()).items() if count >= least}
        asked = [question for question, kind in kinds.items() if kind in often]
        if not asked:
            raise EncoderError(
                f"Too few questions can be held out to judge an encoder by: at least {least} of a kind are needed. "
                "Train on an index with more abstracts."
            )
        return cls(
            {question: questions[question] for question in asked},
            documents,
            {question: judgements[question] for question in asked},
            {question: kinds[question] for question in asked},
        )

    def embed(self, encoder: Encodes) -> HeldOutVectors:
        """The vectors of all questions and documents, in their order."""
        documents = encoder.documents(list(self.documents.values()))
        return HeldOutVectors(encoder.questions(list(self.questions.values())), documents)

    def score(self, vectors: HeldOutVectors, dimension: int | None = None) -> Scores:
        """Rank all documents for every question by the cosine of their vectors, or of their first `dimension` numbers."""
        names = list(self.documents)
        documents, questions = (normalised(some, dimension) for some in (vectors.documents, vectors.questions))
        run: dict[str, dict[str, float]] = {}
        for question, similarities in zip(self.questions, questions @ documents.T, strict=True):
            best = np.argpartition(-similarities, min(_DEPTH, len(names) - 1))[: _DEPTH + 1]
            run[question] = {names[place]: float(similarities[place]) for place in best}
        return score(run, self.judgements)

    def mean(self, scores: Scores) -> float:
        """The mean nDCG@10 over the kinds."""
        return float(np.mean([values.mean() for values in self.by_kind(scores).values()]))

    def by_kind(self, scores: Scores) -> dict[PairKind, Values]:
        """The questions' nDCG@10, kind by kind."""
        kinds = np.array([self.kinds[question] for question in scores.questions])
        return {kind: scores.values[Measure.NDCG_10][kinds == kind] for kind in PairKind if (kinds == kind).any()}


def normalised(vectors: Vectors, dimension: int | None = None) -> Vectors:
    """Vectors, or their first `dimension` numbers, of length 1: (n, d)."""
    cut = vectors[:, :dimension]
    of_length_1: Vectors = cut / np.maximum(np.linalg.norm(cut, axis=1, keepdims=True), 1e-12)
    return of_length_1

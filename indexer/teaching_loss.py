"""How far an encoder's ranking of an index's documents is from the ranking that it is taught: a loss for the trainer."""

from collections.abc import Iterable, Sequence

import torch
from sentence_transformers import SentenceTransformer

from search.encoder import Vectors

Features = dict[str, torch.Tensor]
# Cosines lie close together: times this, the nearest documents weigh most.
_SCALE = 20.0


class TeachingLoss(torch.nn.Module):
    """Kullback-Leibler divergence from the ranking of a text's taught vector to that of the encoder's vector.

    Both rank `documents` (m, d), vectors of the index, all of them: no text of a batch needs another one, so that batches may
    be of any size, and the nearest documents, which are the hardest to tell apart, are always among them. Of a vector, its
    first numbers are a vector, too, for each of `dimensions`.
    """

    def __init__(
        self, model: SentenceTransformer, documents: Vectors, dimensions: Sequence[int] = (), *, bf16: bool = False
    ) -> None:
        super().__init__()
        self.model = model
        self._dimensions = (documents.shape[1], *dimensions)
        for dimension in self._dimensions:
            cut = torch.nn.functional.normalize(torch.from_numpy(documents)[:, :dimension], dim=1)
            # Once and for all, and not at every step.
            self.register_buffer(f"first_{dimension}", cut.bfloat16() if bf16 else cut, persistent=False)

    def forward(self, sentence_features: Iterable[Features], labels: torch.Tensor) -> torch.Tensor:
        """The loss of a batch of texts, `labels` (n, d) being the vectors that they are to have."""
        (features,) = sentence_features
        vectors = self.model(features)["sentence_embedding"].float()
        taught = self._ranking(labels.to(vectors), self._dimensions[0])
        losses = [
            torch.nn.functional.kl_div(self._ranking(vectors, dimension), taught, reduction="batchmean", log_target=True)
            for dimension in self._dimensions
        ]
        return torch.stack(losses).mean()

    def _ranking(self, vectors: torch.Tensor, dimension: int) -> torch.Tensor:
        """The documents' log-probabilities by the cosine of the first numbers of vectors: (n, m)."""
        documents: torch.Tensor = self.get_buffer(f"first_{dimension}")
        near = torch.nn.functional.normalize(vectors[:, :dimension], dim=1)
        return (_SCALE * (near.to(documents.dtype) @ documents.T).float()).log_softmax(1)

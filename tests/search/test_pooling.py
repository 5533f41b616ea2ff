"""Token vectors to one vector, on paper and beside sentence-transformers."""

from math import sqrt

import pytest
import torch

from search.encoder import Pooling
from search.pooling import pool

PADDING = 100.0
TOKENS = torch.tensor(
    [
        [[1.0, -2.0], [3.0, -4.0], [PADDING, PADDING]],
        [[5.0, 6.0], [7.0, -8.0], [9.0, 1.0]],
        [[-1.0, 0.5], [PADDING, PADDING], [PADDING, PADDING]],
    ]
)
MASK = torch.tensor([[1, 1, 0], [1, 1, 1], [1, 0, 0]])
ON_PAPER = {
    Pooling.CLS: [[1, -2], [5, 6], [-1, 0.5]],
    Pooling.MEAN: [[(1 + 3) / 2, (-2 - 4) / 2], [(5 + 7 + 9) / 3, (6 - 8 + 1) / 3], [-1, 0.5]],
    Pooling.MAX: [[3, -2], [9, 6], [-1, 0.5]],
    Pooling.MEAN_SQRT_LENGTH: [
        [(1 + 3) / sqrt(2), (-2 - 4) / sqrt(2)],
        [(5 + 7 + 9) / sqrt(3), (6 - 8 + 1) / sqrt(3)],
        [-1, 0.5],
    ],
}


@pytest.mark.parametrize("pooling", Pooling)
def test_pooling_on_paper(pooling: Pooling) -> None:
    torch.testing.assert_close(pool(TOKENS, MASK, pooling), torch.tensor(ON_PAPER[pooling], dtype=torch.float32))


@pytest.mark.parametrize("pooling", Pooling)
def test_what_lies_under_the_mask_does_not_matter(pooling: Pooling) -> None:
    other = torch.where(MASK.unsqueeze(-1) == 1, TOKENS, torch.tensor(-7.0))
    assert torch.equal(pool(other, MASK, pooling), pool(TOKENS, MASK, pooling))


@pytest.mark.parametrize("pooling", Pooling)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pooling_equals_that_of_sentence_transformers(pooling: Pooling, dtype: torch.dtype) -> None:
    from sentence_transformers.sentence_transformer.modules import Pooling as TheirPooling

    random = torch.Generator().manual_seed(3)
    tokens = torch.randn((20, 50, 8), generator=random).to(dtype)
    lengths = torch.randint(1, 51, (20, 1), generator=random)
    mask = (torch.arange(50) < lengths).long()
    theirs = TheirPooling(8, pooling_mode=str(pooling))({"token_embeddings": tokens, "attention_mask": mask})
    # Theirs rounds the result to the model's precision, ours does not.
    torch.testing.assert_close(pool(tokens, mask, pooling).to(dtype), theirs["sentence_embedding"])


@pytest.mark.parametrize("length", [257, 301, 511])
def test_bfloat16_does_not_miscount_long_documents(length: int) -> None:
    tokens = torch.ones((1, 512, 2), dtype=torch.bfloat16)
    mask = (torch.arange(512) < length).long().unsqueeze(0)
    assert pool(tokens, mask, Pooling.MEAN).tolist() == [[1.0, 1.0]]
    torch.testing.assert_close(pool(tokens, mask, Pooling.MEAN_SQRT_LENGTH), torch.full((1, 2), sqrt(length)))

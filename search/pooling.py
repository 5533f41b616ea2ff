"""Token vectors to one vector. The arithmetic is that of sentence-transformers, to which the tests compare it."""

from typing import TYPE_CHECKING

from search.encoder import Pooling

if TYPE_CHECKING:
    import torch


def pool(tokens: "torch.Tensor", mask: "torch.Tensor", pooling: Pooling) -> "torch.Tensor":
    """Pool `tokens` (n, length, d) over the positions where `mask` (n, length) is 1: (n, d) float32."""
    tokens = tokens.float()  # bfloat16 counts 257 tokens as 256
    if pooling is Pooling.CLS:
        return tokens[:, 0]
    real = mask.unsqueeze(-1).to(tokens.dtype)
    if pooling is Pooling.MAX:
        return tokens.masked_fill(real == 0, float("-inf")).amax(dim=1)
    total, count = (tokens * real).sum(dim=1), real.sum(dim=1).clamp(min=1)
    return total / (count.sqrt() if pooling is Pooling.MEAN_SQRT_LENGTH else count)

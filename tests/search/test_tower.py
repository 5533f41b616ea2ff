from types import SimpleNamespace

import pytest
import torch

from search.tower import Inputs, Tokenizer, Tokens, Tower

NAMES = ["input_ids", "attention_mask", "token_type_ids"]


def tokens(count: int) -> Tokens:
    return Tokens(torch.arange(1, count + 1), torch.zeros(count, dtype=torch.long), truncated=False)


class Recording:
    """A model that keeps what it is given."""

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        self.inputs = inputs
        return torch.zeros(*inputs["input_ids"].shape, 1)


@pytest.mark.parametrize(
    ("counts", "multiple", "length"),
    [([3, 5], 1, 5), ([3, 5], 16, 16), ([16], 16, 16), ([17, 2], 16, 32), ([33], 16, 40), ([40], 16, 40)],
)
def test_texts_are_padded_to_a_multiple_but_not_beyond_what_is_read(counts: list[int], multiple: int, length: int) -> None:
    model = Recording()
    tokenizer = Tokenizer(SimpleNamespace(pad_token_id=7, model_input_names=NAMES), 40, torch.device("cpu"))
    vectors, mask = Tower(tokenizer, model, 1, multiple=multiple).run([tokens(count) for count in counts])
    assert vectors.shape[:2] == mask.shape == (len(counts), length)
    assert mask.sum(1).tolist() == counts
    for row, count in zip(model.inputs["input_ids"].tolist(), counts, strict=True):
        assert row == [*range(1, count + 1), *[7] * (length - count)]

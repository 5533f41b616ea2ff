"""What `make setup` installs is what the project declares, its extras too: without them their tests would be skipped."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DECLARED = [*PROJECT["dependencies"], *(one for extra in EXTRAS.values() for one in extra)]
LINES = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]


def test_the_extras_are_those_that_are_locked() -> None:
    made_with = re.search(r"'\.\[(.+)\]'", (ROOT / "requirements.lock").read_text())
    assert made_with
    assert set(made_with[1].split(",")) == set(EXTRAS)


@pytest.mark.parametrize("declared", DECLARED)
def test_a_version_that_is_allowed_is_locked(declared: str) -> None:
    locked = {canonicalize_name(name): version for name, version in (line.split("==") for line in LINES)}
    requirement = Requirement(declared)
    assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)], prereleases=True)

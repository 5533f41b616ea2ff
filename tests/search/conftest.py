"""Checkpoints that the tests of this folder read and do not change."""

from pathlib import Path

import pytest
from checkpoints import write_checkpoint


@pytest.fixture(scope="session")
def small_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint that tests read and do not change."""
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "small")


@pytest.fixture(scope="session")
def medcpt_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both towers of MedCPT in one folder, small, their weights unlike."""
    folder = tmp_path_factory.mktemp("medcpt")
    write_checkpoint(folder / "MedCPT-Query-Encoder", "pytorch_model.bin", seed=1)
    write_checkpoint(folder / "MedCPT-Article-Encoder", "pytorch_model.bin", seed=2)
    return folder

"""A folder of vectors at other sizes, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.parity.folder import write_encoders


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of encoder vectors; not to be changed."""
    folder = tmp_path_factory.mktemp("vectors") / "encoders"
    write_encoders(folder)
    return folder


@pytest.fixture
def vectors(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(made, tmp_path / "encoders"))

"""Fixtures of all tests: reference material beside the repository, and drawn clips made once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from liveact_eval.clips.clip import Clip
from liveact_eval.datasets.open import CACHE_VARIABLE, ProtocolChanges, open_dataset

# As in every worker of a run; read by torch when a test first imports it.
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of reference vectors and sample clips that lies beside the repository, where it does."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "parity").is_dir():
        pytest.skip("the folder of reference vectors does not lie beside the repository")
    return folder


@pytest.fixture(scope="session")
def talkers(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Two drawn clips of different speakers, 5 s at 64 x 64, with their ground truth."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        dataset = open_dataset("talkers", ProtocolChanges())
    entries = dataset.entries(lambda path: "")
    return [dataset.materialise(entry) for entry in entries[:2]]


@pytest.fixture(scope="session")
def talker(talkers: list[Clip]) -> Clip:
    """The first of the drawn clips."""
    return talkers[0]

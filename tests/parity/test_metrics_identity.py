"""Identity vectors: alignment, both face networks, the rules of Human Identity; and that damage is noticed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from liveact_eval.parity.metrics.identity import replay
from liveact_eval.parity.vectors import FileResult

SALT = "lae-shared"
FILES = {
    "csim.npz",
    "iresnet50_bn.safetensors",
    "iresnet50_manifest.json",
    "resnet_face18_bn.safetensors",
    "resnet_face18_manifest.json",
    "vbench2_face18.npz",
    "vbench2_identity.npz",
}


def by_file(folder: Path, salt: str = SALT) -> dict[str, FileResult]:
    return {result.file: result for result in replay(folder, salt)}


def save(path: Path, stored: dict[str, Any]) -> None:
    np.savez(path, **stored)


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return dict(stored)


def test_every_vector_agrees(shared: Path) -> None:
    results = by_file(shared / "parity" / "metrics")
    assert results.keys() == FILES
    assert {
        name: (result.worst, result.problem) for name, result in results.items() if not result.passed
    } == {}
    assert results["csim.npz"].checked == 6
    assert results["vbench2_identity.npz"].checked == 3


# Without the embeddings no network is needed, and cases of other sizes and names are found by their keys.
@pytest.mark.parametrize("damaged", [None, "matrix128", "matrix_batch"])
def test_alignment_alone(shared: Path, tmp_path: Path, damaged: str | None) -> None:
    stored = arrays(shared / "parity" / "metrics" / "csim.npz")
    kept = {
        key: value for key, value in stored.items() if key.startswith(("landmarks", "matrix", "template"))
    }
    kept["matrix224"] = kept["matrix"] * 2
    kept["matrix_batch128"] = kept["matrix_batch"] + np.array([[0, 0, 8], [0, 0, 0]])
    if damaged:
        kept[damaged] = kept[damaged] + 2e-3
    save(tmp_path / "csim.npz", kept)
    result = by_file(tmp_path)["csim.npz"]
    assert result.checked == 6
    assert result.passed == (damaged is None)
    assert damaged is None or result.worst_tensor == damaged


@pytest.mark.parametrize("damaged", [None, "per_video", "frame_weighted"])
def test_other_numbers_of_videos(shared: Path, tmp_path: Path, damaged: str | None) -> None:
    stored = arrays(shared / "parity" / "metrics" / "vbench2_identity.npz")
    count = len(stored["per_video"])
    # Twice the same videos, so that there are more than ten: names are in order of number, not of letters.
    for key in ("feats", "nfaces"):
        stored |= {
            f"p{count * turn + i}_{key}": stored[f"p{i}_{key}"] for turn in (1, 2) for i in range(count)
        }
    stored["per_video"] = np.tile(stored["per_video"], 3)
    if damaged:
        stored[damaged] = stored[damaged] + 1e-6
    save(tmp_path / "vbench2_identity.npz", stored)
    result = by_file(tmp_path)["vbench2_identity.npz"]
    assert result.passed == (damaged is None)


def test_moments_must_be_those_of_the_network(shared: Path, tmp_path: Path) -> None:
    name = "resnet_face18_bn.safetensors"
    moments = load_file(shared / "parity" / "metrics" / name)
    del moments["bn4.running_var"]
    save_file(moments, tmp_path / name)
    result = by_file(tmp_path)[name]
    assert not result.passed
    assert "differ in 1 moments: bn4.running_var" in str(result.problem)


def test_an_array_that_nothing_uses_fails(shared: Path, tmp_path: Path) -> None:
    stored = arrays(shared / "parity" / "metrics" / "vbench2_identity.npz")
    save(tmp_path / "vbench2_identity.npz", {"unknown": np.zeros(3), **stored})
    assert by_file(tmp_path)["vbench2_identity.npz"].unreplayed == ("unknown",)


def test_a_damaged_manifest_fails(shared: Path, tmp_path: Path) -> None:
    name = "resnet_face18_manifest.json"
    shutil.copy(shared / "parity" / "metrics" / name, tmp_path)
    path = tmp_path / name
    path.chmod(0o644)
    path.write_text(path.read_text().replace('"conv1.weight"', '"conv9.weight"', 1))
    result = by_file(tmp_path)[name]
    assert result.worst_tensor in ("conv1.weight", "conv9.weight")
    assert not result.passed

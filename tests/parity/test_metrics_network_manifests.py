"""Official names and shapes of the networks, and the weights that the rule gives them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liveact_eval.parity.metrics import networks

SALT = "lae-shared"


@pytest.mark.parametrize("network", sorted(networks.NETWORKS))
def test_manifest_agrees(shared: Path, tmp_path: Path, network: str) -> None:
    name = f"{network}_manifest.json"
    (tmp_path / name).write_bytes((shared / "parity" / "metrics" / name).read_bytes())
    (result,) = networks.replay(tmp_path, SALT)
    assert (result.file, result.problem, result.passed) == (name, None, True), result.worst


@pytest.mark.parametrize("damage", ["abs_sum", "shape", "missing", "salt"])
def test_damaged_manifest_fails(shared: Path, tmp_path: Path, damage: str) -> None:
    manifest = json.loads((shared / "parity" / "metrics" / "amt_s_manifest.json").read_text())
    key = "update4.conv.weight"
    if damage == "abs_sum":
        manifest[key]["abs_sum"] *= 1 + 1e-5
    elif damage == "shape":
        manifest[key]["shape"][0] += 1
    elif damage == "missing":
        del manifest[key]
    (tmp_path / "amt_s_manifest.json").write_text(json.dumps(manifest))
    (result,) = networks.replay(tmp_path, "another" if damage == "salt" else SALT)
    assert not result.passed
    assert damage == "salt" or result.worst_tensor == key

"""Vectors of seeded networks; and that damage is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from liveact_eval.networks import amt
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.parity.metrics import networks
from liveact_eval.parity.vectors import FileResult

SALT = "lae-shared"


def replay(folder: Path, salt: str = SALT) -> dict[str, FileResult]:
    return {result.file: result for result in networks.replay(folder, salt)}


def save(path: Path, stored: dict[str, Any]) -> None:
    np.savez(path, **stored)


def part(shared: Path, *prefixes: str) -> dict[str, np.ndarray]:
    with np.load(shared / "parity" / "metrics" / "networks.npz") as stored:
        return {key: stored[key] for key in stored.files if key.startswith(prefixes)}


FAMILIES = ("dino_", "clip_vitb32_", "musiq_", "amt_", "raft_", "s3fd_", "nms_")


# One network each, so that several workers can share them: most of the time goes into drawing the weights.
@pytest.mark.parametrize("family", FAMILIES)
def test_every_output_agrees(shared: Path, tmp_path: Path, family: str) -> None:
    for name in ("raft_bn.safetensors", "resize_in_frame.png"):
        (tmp_path / name).write_bytes((shared / "parity" / "metrics" / name).read_bytes())
    save(tmp_path / "networks.npz", part(shared, family))
    results = replay(tmp_path)
    assert sorted(results) == ["networks.npz", "raft_bn.safetensors"]
    problems = {r.file: (r.worst, r.problem, r.unreplayed) for r in results.values() if not r.passed}
    assert problems == {}
    assert results["raft_bn.safetensors"].loaded == 34


def test_no_family_is_forgotten(shared: Path) -> None:
    assert part(shared, "").keys() == part(shared, *FAMILIES).keys()


@pytest.mark.parametrize("damaged", [None, "amt_pred", "amt_pred_u8", "amt_pad", "nms_keep_0.1"])
def test_damaged_outputs_fail(shared: Path, tmp_path: Path, damaged: str | None) -> None:
    stored = part(shared, "amt_", "nms_")
    if damaged:
        stored[damaged] = stored[damaged] + {"amt_pred": 3e-3, "amt_pred_u8": 2}.get(damaged, 1)
    save(tmp_path / "networks.npz", stored)
    result = replay(tmp_path)["networks.npz"]
    assert result.passed == (damaged is None)
    assert damaged is None or result.worst_tensor == damaged


def test_another_salt_size_and_stride(tmp_path: Path) -> None:
    network = amt.build_amt_s()
    fill_seeded(network, "amt_s", salt="elsewhere")
    amt.soften_seeded(network)
    generator = torch.Generator().manual_seed(0)
    before, after = torch.randint(0, 256, (2, 64, 80, 3), generator=generator, dtype=torch.uint8)
    planes = [picture.permute(2, 0, 1)[None] / 255 for picture in (before, after)]
    with torch.inference_mode():
        made = network(*planes)
    stored = {"amt_in0_u8": before.numpy(), "amt_in1_u8": after.numpy(), "amt_pred": made.numpy()}
    stored |= {"amt_pad": np.zeros(4, np.int64)}
    stored |= {"amt_pred_u8": (made[0] * 255).permute(1, 2, 0).numpy().astype(np.uint8)}
    save(tmp_path / "networks.npz", stored)
    assert replay(tmp_path, "elsewhere")["networks.npz"].passed
    assert not replay(tmp_path)["networks.npz"].passed


def test_a_picture_that_is_not_known_is_not_skipped(shared: Path, tmp_path: Path) -> None:
    stored = part(shared, "nms_") | {"dino_tall": np.zeros((1, 768), np.float32)}
    save(tmp_path / "networks.npz", stored)
    picture = shared / "parity" / "metrics" / "resize_in_frame.png"
    (tmp_path / picture.name).write_bytes(picture.read_bytes())
    assert replay(tmp_path)["networks.npz"].unreplayed == ("dino_tall",)


def test_moments_must_be_those_of_the_network(shared: Path, tmp_path: Path) -> None:
    moments = load_file(shared / "parity" / "metrics" / "raft_bn.safetensors")
    del moments["cnet.norm1.running_mean"]
    save_file(moments, tmp_path / "raft_bn.safetensors")
    assert "cnet.norm1.running_mean" in str(replay(tmp_path)["raft_bn.safetensors"].problem)

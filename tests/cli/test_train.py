"""`train`: stages from recipes, in pieces, with what they leave behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import call, refused

RECIPE = """
name: small
title: A VAE of two steps
summary: For the test.
config: liveact-mini
objective: {kind: vae, window: 1}
data: {frames: 1, size: 32, workers: 0}
optimiser: {lr: 0.001, warmup_steps: 1}
batch: 1
steps: 2
checkpoint_every: 1
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE)
    return path


def test_list() -> None:
    rows = json.loads(call("train", "--list", "--json").out)
    assert {row["name"]: row["objective"] for row in rows}["mini-neighbor"] == "neighbor"


def test_in_pieces_to_its_end(recipe: Path, tmp_path: Path) -> None:
    kit = tmp_path / "kit"
    first = call("train", recipe, "--kit", kit, "--device", "cpu", "--seconds", "0", "--json")
    assert first.code == 0
    assert json.loads(first.out)["steps"] == "1 of 2"
    assert json.loads(first.out)["device"] == "cpu"
    assert "The same command goes on" in first.err
    second = json.loads(call("train", recipe, "--kit", kit, "--device", "cpu", "--json").out)
    assert second["finished"]
    assert set(second["validation"]) == {"psnr_db", "mouth_psnr_db"}
    assert Path(second["files"]["vae"]).stat().st_size < 6 << 20
    result = json.loads((kit / "small" / "result.json").read_text())
    assert len(result["files"]["vae"]["sha256"]) == 64
    # A finished stage is not trained again.
    third = json.loads(call("train", recipe, "--kit", kit, "--device", "cpu", "--json").out)
    assert third["validation"] == pytest.approx(second["validation"], rel=1e-6)


def test_what_is_wrong_is_said(recipe: Path, tmp_path: Path) -> None:
    refused(call("train"), "No recipe is named", "train --list")
    refused(call("train", "mini-vea"), "mini-vae")
    recipe.write_text(RECIPE.replace("steps: 2", "step: 2"))
    refused(call("train", recipe), "unknown field `step`", "steps")
    recipe.write_text(RECIPE.replace("config: liveact-mini", "config: liveact-huge"))
    refused(call("train", recipe, "--kit", tmp_path / "kit"), "liveact-huge", "liveact-mini")
    refused(
        call("train", "mini-vae", "--kit", tmp_path / "kit", "--device", "cuda:99"),
        "--device cuda:99: Device 'cuda:99' is not there",
        "Take cpu",
    )
    assert not (tmp_path / "kit").exists()
    missing = call("train", "mini-neighbor", "--kit", tmp_path / "empty")
    refused(missing, "vae.safetensors is missing", "train --list")

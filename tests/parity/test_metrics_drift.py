"""Vectors of colour drift, LPIPS and the human dimensions; and that damage is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liveact_eval.parity.metrics import colour, human, lpips
from liveact_eval.parity.vectors import FileResult

SALT = "lae-shared"


def save(path: Path, stored: dict[str, Any]) -> None:
    np.savez(path, **stored)


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return dict(stored)


@pytest.mark.parametrize(
    ("replay", "files"),
    [
        (colour.replay, ["deltae.npz"]),
        (lpips.replay, ["lpips.npz", "lpips_alex_manifest.json", "lpips_vgg_manifest.json"]),
        (human.replay, ["vbench2_human.json"]),
    ],
)
def test_every_vector_agrees(shared: Path, replay: Callable[..., Any], files: list[str]) -> None:
    results: list[FileResult] = list(replay(shared / "parity" / "metrics", SALT))
    assert sorted(result.file for result in results) == files
    assert {r.file: (r.worst, r.problem, r.unreplayed) for r in results if not r.passed} == {}


@pytest.mark.parametrize(
    "damaged", [None, "sharma", "lab_b", "deltae_ab", "per_frame_of_mean_colour", "last25pct_pixel_mean"]
)
def test_damaged_colours_fail(shared: Path, tmp_path: Path, damaged: str | None) -> None:
    stored = arrays(shared / "parity" / "metrics" / "deltae.npz")
    if damaged:
        stored[damaged] = stored[damaged] + 2e-4
    save(tmp_path / "deltae.npz", stored)
    (result,) = colour.replay(tmp_path, SALT)
    assert result.passed == (damaged is None)
    assert damaged is None or result.worst_tensor == damaged


@pytest.mark.parametrize("damaged", [None, "alex_adjacent_2_5", "alex_lin0", "alex_pair_3_4"])
def test_other_pairs_and_a_single_trunk(shared: Path, tmp_path: Path, damaged: str | None) -> None:
    folder = shared / "parity" / "metrics"
    stored = {key: value for key, value in arrays(folder / "lpips.npz").items() if key.startswith("alex_lin")}
    adjacent = arrays(folder / "lpips.npz")["alex_adjacent_0_8"]
    stored |= {"alex_adjacent_2_5": adjacent[2:5], "alex_pair_3_4": adjacent[3]}
    if damaged:
        stored[damaged] = stored[damaged] * 1.1
    save(tmp_path / "lpips.npz", stored)
    np.savez(tmp_path / "deltae.npz", crops_u8=arrays(folder / "deltae.npz")["crops_u8"])
    (result,) = lpips.replay(tmp_path, SALT)
    assert result.passed == (damaged is None)


def test_lpips_without_its_pictures_says_so(shared: Path, tmp_path: Path) -> None:
    save(tmp_path / "lpips.npz", arrays(shared / "parity" / "metrics" / "lpips.npz"))
    (result,) = lpips.replay(tmp_path, SALT)
    assert "The vectors lack deltae.npz" in str(result.problem)


Change = Callable[[dict[str, Any]], None]


def _crop(stored: dict[str, Any]) -> None:
    stored["anatomy"]["square_crops"][0]["crop_xyxy"][0] += 1


def _person(stored: dict[str, Any]) -> None:
    stored["anatomy"]["frames"][0]["persons"][0]["scores"]["face"][0][0] = 0.99


def _answer(stored: dict[str, Any]) -> None:
    stored["clothes"]["answers"]["q0"][2] = 0


def _group(stored: dict[str, Any]) -> None:
    stored["aggregate"][1]["physics"] += 1e-9


def _detection(stored: dict[str, Any]) -> None:
    stored["anatomy"]["detections"].pop()


def _section(stored: dict[str, Any]) -> None:
    stored["unknown"] = 1


@pytest.mark.parametrize("change", [_crop, _person, _answer, _group, _detection, _section])
def test_damaged_rules_fail(shared: Path, tmp_path: Path, change: Change) -> None:
    stored = json.loads((shared / "parity" / "metrics" / "vbench2_human.json").read_text())
    change(stored)
    (tmp_path / "vbench2_human.json").write_text(json.dumps(stored))
    (result,) = human.replay(tmp_path, SALT)
    assert not result.passed

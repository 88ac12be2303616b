"""Vectors of VBench's arithmetic; and that damage, or a name that is not known, is noticed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liveact_eval.parity.metrics import vbench
from liveact_eval.parity.vectors import FileResult

SALT = "lae-shared"


@pytest.fixture
def folder(shared: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    for name in ("vbench.npz", "vbench_dynamic_degree.json", "vbench_aggregate.json", "resize_in_frame.png"):
        (tmp_path / name).write_bytes((shared / "parity" / "metrics" / name).read_bytes())
    return tmp_path


def replay(folder: Path) -> dict[str, FileResult]:
    return {result.file: result for result in vbench.replay(folder, SALT)}


def change(folder: Path, **arrays: Any) -> None:
    path = folder / "vbench.npz"
    with np.load(path) as stored:
        everything = dict(stored) | arrays
    np.savez(path, **everything)


def test_every_vector_agrees(folder: Path) -> None:
    results = replay(folder)
    assert sorted(results) == ["vbench.npz", "vbench_aggregate.json", "vbench_dynamic_degree.json"]
    problems = {r.file: (r.worst, r.problem, r.unreplayed) for r in results.values() if not r.passed}
    assert problems == {}
    assert results["vbench.npz"].checked == 38


@pytest.mark.parametrize(
    ("key", "by"),
    [
        ("cons_subject_overall", 2e-6),
        ("cons_background_per_video", 2e-6),
        ("flicker_mae_seq", 2e-5),
        ("flicker_avg", 2e-6),
        ("tf_wide_dino_s4", 2e-4),
        ("tf_sq_clip_s4", 2e-4),
        ("iq_shorter_centercrop_s8", 2e-4),
        ("frame_idx_middle_8_of_125", 1),
        ("frame_idx_fps2_of_125_at25", 1),
        ("dd_flow_top5", 4e-6),
        ("ms_T23_input_idx", 1),
        ("ms_T9_score", 2e-6),
    ],
)
def test_damaged_numbers_fail(folder: Path, key: str, by: float) -> None:
    with np.load(folder / "vbench.npz") as stored:
        change(folder, **{key: stored[key] + by})
    result = replay(folder)["vbench.npz"]
    assert not result.passed
    assert result.worst_tensor == key


def test_other_cases_are_found_by_their_names(folder: Path) -> None:
    feats = np.array([[1.0, 0.0], [-1.0, 0.1], [0.0, 2.0]], np.float32)
    with np.load(folder / "vbench.npz") as stored:
        kept = {key: stored[key] for key in stored.files if key.startswith("flicker")}
    kept |= {"cons_v0_feats": feats, "cons_v12_feats": feats[1:], "frame_idx_middle_2_of_9": np.array([1, 6])}
    cosine = 0.2 / (2 * np.sqrt(1.01))
    kept |= {"cons_subject_per_video": np.array([cosine / 4, cosine])}
    kept |= {"cons_subject_overall": np.array(cosine / 2)}
    np.savez(folder / "vbench.npz", **kept)
    result = replay(folder)["vbench.npz"]
    assert (result.worst, result.unreplayed, result.problem, result.passed)[1:] == ((), None, True)


def test_an_unknown_array_and_a_missing_picture_fail(folder: Path) -> None:
    change(folder, surprise=np.zeros(3))
    assert replay(folder)["vbench.npz"].unreplayed == ("surprise",)
    (folder / "resize_in_frame.png").unlink()
    assert "The vectors lack resize_in_frame.png" in str(replay(folder)["vbench.npz"].problem)


@pytest.mark.parametrize(("key", "value"), [("moves", None), ("sampled", 7), ("thres", 6.5), ("new", 1)])
def test_damaged_verdicts_fail(folder: Path, key: str, value: object) -> None:
    path = folder / "vbench_dynamic_degree.json"
    cases = json.loads(path.read_text())
    cases[2][key] = value
    path.write_text(json.dumps(cases))
    result = replay(folder)["vbench_dynamic_degree.json"]
    assert (result.passed, result.worst_tensor) == (False, f"2: {key}")


def test_damaged_scores_and_tables_fail(folder: Path, tmp_path: Path) -> None:
    path = folder / "vbench_aggregate.json"
    original = json.loads(path.read_text())
    for place, name in (
        (("cases", 1, "total"), "1: total"),
        (("normalise", "scene", "Max"), "scene"),
        (("i2v", "weight", "Video-Text Camera Motion"), "i2v: Video-Text Camera Motion"),
        (("quality_weight",), "quality_weight"),
    ):
        stored = json.loads(json.dumps(original))
        part = stored
        for step in place[:-1]:
            part = part[step]
        part[place[-1]] += 1e-9
        path.write_text(json.dumps(stored))
        result = replay(folder)["vbench_aggregate.json"]
        assert (result.passed, result.worst_tensor) == (False, name)
    assert replay(shutil.copytree(folder, tmp_path / "again"))["vbench.npz"].passed

"""`liveact-eval import`: numbers and videos of others as runs that every other command takes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.helpers import QUICK, call, make_clip, refused, results, row

VIDEOS = [{"video_path": f"v/{name}.mp4", "video_results": value} for name, value in (("a", 0.9), ("b", 0.8))]


@pytest.fixture
def vbench(tmp_path: Path) -> Path:
    path = tmp_path / "theirs_eval_results.json"
    path.write_text(json.dumps({"temporal_flickering": [0.85, VIDEOS]}), encoding="utf-8")
    return path


def test_vbench_becomes_a_run(vbench: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    answer = call("import", "vbench", vbench, "--out", out)
    assert answer.code == 0, answer.err
    assert "Temporal flickering" in answer.out
    found = row(out, "theirs", "temporal_flickering")
    assert (found["value"], found["n"]) == (pytest.approx(0.85), 2)
    assert found["protocol"].startswith("imported-vbench@1:")
    assert results(out)["name"] == "run"
    assert (out / "tables" / "results.tex").is_file()
    assert (out / "results.parquet").is_file()
    assert call("runs", "validate", out).code == 0
    assert call("import", "vbench", vbench, "--out", out, "--json").json["clips"] == ["a", "b"]


def test_two_imports_compare(vbench: Path, tmp_path: Path) -> None:
    other = shutil.copy(vbench, tmp_path / "ours_eval_results.json")
    call("import", "vbench", vbench, "--out", tmp_path / "one")
    call("import", "vbench", other, "--out", tmp_path / "two")
    answer = call("compare", tmp_path / "one", tmp_path / "two")
    assert answer.code == 0, answer.err
    assert "theirs" in answer.out


def test_theval_becomes_a_run(tmp_path: Path) -> None:
    path = tmp_path / "raw.csv"
    path.write_text("Model,Lip sync\nours,0.25\n", encoding="utf-8")
    answer = call("import", "theval", path, "--out", tmp_path / "run")
    assert answer.code == 0, answer.err
    assert row(tmp_path / "run", "ours", "theval_lip_sync")["value"] == 0.25
    assert "neither n nor an interval" in answer.out
    assert call("runs", "validate", tmp_path / "run").code == 0


def test_a_run_of_something_else_is_not_overwritten(vbench: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    call("import", "vbench", vbench, "--out", out)
    before = (out / "results.json").read_bytes()
    path = tmp_path / "raw.csv"
    path.write_text("Model,Lip sync\nours,0.25\n", encoding="utf-8")
    refused(call("import", "theval", path, "--out", out), "Give another folder with --out")
    assert (out / "results.json").read_bytes() == before
    refused(call("import", "vbench", tmp_path / "no.json", "--out", out), "cannot be read")


def test_folders_of_videos_are_rows_of_one_run(clips: Callable[[Path], Path], tmp_path: Path) -> None:
    real, ours, theirs = clips(tmp_path / "real"), clips(tmp_path / "ours"), tmp_path / "theirs"
    theirs.mkdir()
    make_clip(theirs / "a.mp4", speaker=5)
    words = ("import", "videos", ours, theirs, "--reference", real, *QUICK, "--out", tmp_path / "run")
    answer = call(*words)
    assert answer.code == 3, answer.err
    assert [model["name"] for model in results(tmp_path / "run")["models"]] == ["real", "ours", "theirs"]
    assert row(tmp_path / "run", "ours", "psnr_db")["n"] == 3
    found = row(tmp_path / "run", "theirs", "psnr_db")
    assert (found["n"], found["failures"]) == (1, {"missing_video": 2})
    assert found["value"] < row(tmp_path / "run", "ours", "psnr_db")["value"]
    before = results(tmp_path / "run")["clip_values"]
    assert call(*words).code == 3
    assert results(tmp_path / "run")["clip_values"] == before
    copy = clips(tmp_path / "x" / "ours")
    refused(call("import", "videos", ours, copy, "--reference", real), "Two folders would be the row 'ours'")


@pytest.mark.parametrize("verb", ["vbench", "theval", "videos"])
def test_help_shows_an_example(verb: str) -> None:
    answer = call("import", verb, "--help")
    assert f"liveact-eval import {verb}" in " ".join(answer.out.split("Examples", 1)[1].split())

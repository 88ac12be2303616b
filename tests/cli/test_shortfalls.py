"""What a run says before it starts of numbers that it will not have, and of weights that cannot be used."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.cli.helpers import Answer, call, make_clip, refused, results, row

MADE_OF = "motion_smoothness,dynamic_degree,subject_consistency,background_consistency,temporal_quality_a4"


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of weights, on a machine with all packages."""
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(tmp_path / "w"))
    package = ModuleType("onnxruntime")
    package.__spec__ = ModuleSpec("onnxruntime", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", package)
    return tmp_path / "w"


def said(answer: Answer) -> dict[str, dict[str, Any]]:
    """What will be missing, by reason."""
    assert answer.code == 0, answer.err
    found = answer.json["will_be_missing"]
    assert len({one["reason"] for one in found}) == len(found)
    return {one["reason"]: one for one in found}


def plan(*words: str | Path) -> dict[str, dict[str, Any]]:
    return said(call(*words, "--plan", "--json"))


def test_missing_weights_are_said_with_their_command(tiny: Path, weights: Path, tmp_path: Path) -> None:
    words = (
        "run", "--dataset", tiny, *("--model", "still"), "--metrics", f"psnr,csim,{MADE_OF}", "--out", tmp_path / "run"
    )  # fmt: skip
    found = plan(*words)
    assert set(found) == {"no_weights", "part_missing"}
    # Real clips and controls of a drawn set bring their faces: nobody searches for them.
    assert "csim" in found["no_weights"]["metrics"] and "psnr" not in found["no_weights"]["metrics"]
    assert found["part_missing"]["metrics"] == ["temporal_quality_a4"]
    content = call(*words, "--plan", "--json").json
    assert content["weights_missing"] == ["amt_s", "clip_vitb32", "dino_vitb16", "iresnet50", "raft"]
    text = " ".join(call(*words, "--plan").out.split())
    assert "weights missing" in text and "will be missing: no_weights). Fetch them with: " in text
    assert "liveact-eval metrics fetch" in text


def test_a_run_says_it_once_on_stderr(tiny: Path, weights: Path, tmp_path: Path) -> None:
    words = (
        "run",
        "--dataset",
        tiny,
        "--model",
        "still",
        "--limit",
        "1",
        "--metrics",
        "psnr,aesthetic_quality",
    )
    answer = call(*words, "--out", tmp_path / "run", "--workers", "1")
    assert answer.code == 0, answer.err
    line = "weights missing: clip_vitl14, aesthetic (aesthetic_quality will be missing: no_weights). "
    assert f"{line}Fetch them with: liveact-eval metrics fetch clip_vitl14 aesthetic\n" in answer.err
    assert row(tmp_path / "run", "still", "aesthetic_quality")["failures"] == {"no_weights": 1}
    assert call(*words, "--out", tmp_path / "run", "--quiet", "--workers", "1").err == ""


def test_videos_alone_have_no_reference_whatever_weights_there_are(
    clips: Callable[[Path], Path], weights: Path, tmp_path: Path
) -> None:
    names = "psnr,csim,fid,fid_face,av_offset,csim_first,face_coverage,human_clothes"
    words = ("score", clips(tmp_path / "made"), "--metrics", names, "--limit", "1", "--out", tmp_path / "run")
    found = plan(*words)
    by_reason = {reason: one["metrics"] for reason, one in found.items()}
    assert by_reason == {
        "no_reference": ["csim", "fid", "fid_face", "psnr"],
        "no_truth": ["av_offset"],
        "no_weights": ["csim_first", "face_coverage"],
        "no_answerer": ["human_clothes"],
    }
    assert found["no_weights"]["networks"] == ["iresnet50", "yunet"]
    assert "--reference" in found["no_reference"]["message"]
    assert "networks.answerer=" in found["no_answerer"]["message"]
    # Each clip says what was announced.
    assert call(*words, "--workers", "1").code == 0
    for reason, metrics in by_reason.items():
        for metric in metrics:
            name = {"psnr": "psnr_db", "av_offset": "av_offset_frames"}.get(metric, metric)
            found_row = row(tmp_path / "run", "made", name)
            assert reason in (*found_row["failures"], found_row["value_reason"]), metric


def test_a_rate_that_a_metric_does_not_know_is_said(tiny: Path, weights: Path, tmp_path: Path) -> None:
    words = (
        "run",
        "--dataset",
        tiny,
        "--metrics",
        "sync",
        "--set",
        "protocol.fps=20",
        "--out",
        tmp_path / "run",
    )
    found = plan(*words)
    assert set(found) == {"wrong_rate"}
    assert "20 frames per second" in found["wrong_rate"]["message"]
    assert "--set protocol.fps=25" in found["wrong_rate"]["message"]


def test_what_is_there_is_not_told(tiny: Path, tmp_path: Path) -> None:
    words = ("run", "--dataset", tiny, "--metrics", "csim,fid,psnr", "--set", "networks.mode=seeded")
    assert plan(*words, "--out", tmp_path / "run") == {}


def test_an_answerer_that_does_not_exist_is_refused(tiny: Path, tmp_path: Path) -> None:
    words = ("run", "--dataset", tiny, "--set", "networks.answerer=[no-such-program, worker.py]")
    answer = call(*words, "--metrics", "human_clothes", "--out", tmp_path / "run")
    refused(answer, "there is no program 'no-such-program'", "human_clothes", "Correct the path")
    assert list(tmp_path.iterdir()) == []
    # Nobody would ask it here.
    assert call(*words, "--metrics", "psnr", "--out", tmp_path / "run", "--plan").code == 0


def test_a_weight_file_of_junk_is_named_with_its_cure(weights: Path, tmp_path: Path) -> None:
    junk = weights / "lalala125" / "AMT" / "main" / "amt-s.pth"
    junk.parent.mkdir(parents=True)
    junk.write_bytes(random.Random(0).randbytes(5_000))
    (tmp_path / "made").mkdir()
    words = ("score", make_clip(tmp_path / "made" / "a.mp4", size=64).parent, "--workers", "1")
    answer = call(*words, "--metrics", "motion_smoothness,temporal_flickering", "--out", tmp_path / "run")
    assert answer.code == 3, answer.err
    failed = results(tmp_path / "run")["failed"]
    assert {failure["reason"] for failure in failed} == {"bad_weights"}
    for text in (answer.err, failed[0]["message"]):
        assert str(junk) in text
        assert "then: liveact-eval metrics fetch amt_s" in text
        assert "weights_only" not in text
    assert row(tmp_path / "run", "made", "temporal_flickering")["n"] == 1


@pytest.mark.parametrize("command", ["run", "score"])
def test_workers_are_an_option(command: str, clips: Callable[[Path], Path], tmp_path: Path) -> None:
    given = ("run", "--dataset") if command == "run" else ("score",)
    answer = call(
        *given, clips(tmp_path / "made"), "--workers", "3", "--out", tmp_path / "run", "--plan", "--json"
    )
    assert answer.json["workers"] == 3

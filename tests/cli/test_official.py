"""`score --backend`: the whole way with a stand-in for VBench in a real environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from liveact_eval.environments.store import write_record
from tests.cli.helpers import call, results, row
from tests.unit.environments.test_environment_store import record
from tests.unit.environments.test_vbench_official import TORCH, UTILS

FLICKERING = """
import os
def cal_score(video):
    if os.path.basename(video) == 'b.mp4' and not os.path.exists(os.environ['VBENCH_CACHE_DIR']):
        raise AssertionError('no frames')
    return 0.5
"""
NAME = "temporal_flickering"
WORDS = ("--set", "workers=1", "--set", "statistics.resamples=200", "--quiet")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment named vbench, whose packages are stand-ins; returns its home."""
    folder = tmp_path / "envs" / "vbench"
    venv = folder / "b" / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "vbench").mkdir()
    (site / "vbench" / "__init__.py").write_text("", encoding="utf-8")
    (site / "vbench" / "utils.py").write_text(UTILS, encoding="utf-8")
    (site / "vbench" / "temporal_flickering.py").write_text(FLICKERING, encoding="utf-8")
    (site / "torch.py").write_text(TORCH, encoding="utf-8")
    packages = [{"name": "vbench", "version": "0.1.5"}]
    write_record(folder, record(name="vbench", python=str(venv / "bin" / "python"), packages=packages))
    monkeypatch.setenv("LIVEACT_EVAL_ENVIRONMENTS", str(tmp_path / "envs"))
    return folder / "home"


def test_the_official_backend_makes_a_run(home: Path, clips: Callable[[Path], Path], tmp_path: Path) -> None:
    videos, out = clips(tmp_path / "mine"), tmp_path / "run"
    words = ("score", videos, "--backend", "vbench-official", "--metrics", NAME, *WORDS, "--out", out)
    answer = call(*words)
    assert answer.code == 3, answer.err
    found = row(out, "mine", NAME)
    assert (found["value"], found["n"], found["failures"]) == (0.5, 2, {"tool_failed": 1})
    assert found["recipe"].startswith("vbench-official-0.1.5-temporal_flickering@1+lock:")
    assert "failed" in answer.err
    assert "AssertionError: no frames" in answer.err
    assert call("runs", "validate", out).code == 0
    # The tool works now: only what failed is asked again.
    (home / "vbench").mkdir(parents=True)
    assert call(*words).code == 0
    assert row(out, "mine", NAME)["n"] == 3
    assert results(out)["protocol"].startswith("folder@1:")


def test_both_say_how_far_they_are_apart(home: Path, clips: Callable[[Path], Path], tmp_path: Path) -> None:
    (home / "vbench").mkdir(parents=True)
    videos, out = clips(tmp_path / "mine"), tmp_path / "run"
    words = ("score", videos, "--backend", "both", "--metrics", f"{NAME},imaging_quality", *WORDS)
    answer = call(*words, "--out", out, "--json")
    assert answer.code == 0, answer.err
    first, second = answer.json
    native = {v["clip"]: v["value"] for v in results(out)["clip_values"] if v["metric"] == NAME}
    gaps = {clip: value - 0.5 for clip, value in native.items()}
    assert (first["metric"], first["n"], first["official"]) == (NAME, 3, 0.5)
    assert first["native"] == pytest.approx(row(out, "mine", NAME)["value"])
    assert first["mean_difference"] == pytest.approx(sum(gaps.values()) / 3)
    assert first["largest_difference"] == pytest.approx(max(map(abs, gaps.values())))
    assert (second["metric"], second["n"]) == ("imaging_quality", 0)
    assert "official: no_weights" in second["reason"]
    assert json.loads((out / "backends.json").read_text(encoding="utf-8")) == answer.json
    assert results(out)["protocol"] == results(out / "vbench-official")["protocol"]
    assert row(out / "vbench-official", "mine", "imaging_quality")["failures"] == {"no_weights": 3}
    table = call(*words, "--out", out).out
    assert "mean difference" in table
    assert "imaging_quality of mine: " in table


def test_a_plan_starts_nothing(home: Path, clips: Callable[[Path], Path], tmp_path: Path) -> None:
    videos = clips(tmp_path / "mine")
    words = ("score", videos, "--backend", "vbench-official", "--plan", "--out", tmp_path / "run")
    shown = call(*words, "--json").json
    assert "weights_missing:" in call(*words).out
    assert shown["clips"] == ["a", "b", "c"]
    assert len(shown["metrics"]) == 7
    assert NAME not in shown["weights_missing"]
    assert "liveact-eval metrics fetch musiq" in shown["weights_missing"]["imaging_quality"]
    seeded = call(*words, "--json", "--set", "networks.mode=seeded").json
    assert seeded["weights_missing"] == {}
    assert seeded["metrics"]["imaging_quality"].endswith("+musiq:seeded")
    assert not (home / "seeded").exists()
    assert not (tmp_path / "run").exists()

"""`--log-to` and `runs log`: to TensorBoard for real; refused before anything is done where a library is missing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.cli.helpers import QUICK, call, refused


def test_run_and_log_again(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    out = tmp_path / "run"
    words = ("--dataset", tiny, "--model", "still", *QUICK, "--limit", "2", "--out", out)
    answer = call("run", *words, "--log-to", "tensorboard")
    assert answer.code == 0, answer.err
    assert f"tensorboard: {out / 'tensorboard'} (tensorboard --logdir " in answer.err
    (written,) = (out / "tensorboard" / "still").iterdir()
    before = written.name
    again = call("runs", "log", out, "--to", "tensorboard")
    assert again.code == 0, again.err
    assert again.out.startswith(f"tensorboard: {out / 'tensorboard'} ")
    (written,) = (out / "tensorboard" / "still").iterdir()
    assert written.name != before


def test_missing_library_stops_before_the_start(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "wandb" else found(name))
    out = tmp_path / "run"
    for words in (("run", "--dataset", tiny), ("score", tmp_path)):
        answer = call(*words, *QUICK, "--out", out, "--log-to", "wandb")
        refused(answer, "wandb is not installed", "pip install 'liveact-eval[trackers]'")
    assert not out.exists()


def test_unknown_tracker(tiny: Path, tmp_path: Path) -> None:
    answer = call("run", "--dataset", tiny, "--out", tmp_path / "run", "--log-to", "tensorbord")
    refused(answer, "log_to", "'tensorboard', 'wandb' or 'mlflow'")
    refused(call("runs", "log", tmp_path, "--to", "tensorbord"), "tensorboard")


def test_no_finished_run(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    refused(call("runs", "log", tmp_path / "none", "--to", "tensorboard"), "No run at")

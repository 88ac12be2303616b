"""Trackers get the numbers of a finished run; TensorBoard for real, the others where they are installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liveact_eval.errors import UserError
from liveact_eval.trackers.content import content_of
from liveact_eval.trackers.named import TRACKERS, check_trackers, log_run
from tests.made_runs import SCRIPT, Table, made_results, made_run

TABLE: Table = {
    "high": {"real": [9.0, 9.0], "one": [3.0, 1.0]},
    "low": {"real": [0.0, 0.0], "one": [None, None]},
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = made_run(tmp_path / "a run", made_results(TABLE, clips=["first", SCRIPT]))
    (folder / "plots").mkdir(exist_ok=True)
    Image.fromarray(np.full((8, 12, 3), 200, np.uint8)).save(folder / "plots" / "metrics.png")
    return folder


def test_content(run: Path) -> None:
    content = content_of(run)
    assert content.numbers == {
        "real/high": 9.0,
        "real/high.ci_low": 8.5,
        "real/high.ci_high": 9.25,
        "one/high": 2.0,
        "one/high.ci_low": 1.5,
        "one/high.ci_high": 2.25,
        "real/low": 0.0,
        "real/low.ci_low": -0.5,
        "real/low.ci_high": 0.25,
    }
    assert content.settings["protocol"] == "made@1:00000000"
    assert {"results.json", "results.md", "metrics.png"} <= {path.name for path in content.files}
    assert "| HIGH ↑ |" in content.table


def test_missing_library_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name in TRACKERS:
        with pytest.raises(UserError, match=r"pip install 'liveact-eval\[trackers\]'"):
            check_trackers([name])
    with pytest.raises(UserError, match=r"tensorbord.*tensorboard"):
        check_trackers(["tensorbord"])


def test_no_finished_run(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with pytest.raises(UserError, match="No run at"):
        log_run(tmp_path / "none", ["tensorboard"])


def test_tensorboard(run: Path) -> None:
    board = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for _ in range(2):
        (line,) = log_run(run, ["tensorboard"])
    assert line == f"tensorboard: {run / 'tensorboard'} (tensorboard --logdir {run / 'tensorboard'})"
    events = board.EventAccumulator(str(run / "tensorboard" / "one"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"high", "intervals/high.low", "intervals/high.high"}
    assert [(e.step, e.value) for e in events.Scalars("high")] == [(0, 2.0)]
    assert events.Scalars("intervals/high.low")[0].value == 1.5
    whole = board.EventAccumulator(str(run / "tensorboard"))
    whole.Reload()
    assert set(whole.Tags()["tensors"]) == {"table/text_summary", "settings/text_summary"}
    assert whole.Tags()["images"] == ["metrics"]
    assert b"HIGH" in whole.Tensors("table/text_summary")[0].tensor_proto.string_val[0]
    # Logged twice, and there once.
    assert len(list((run / "tensorboard" / "one").iterdir())) == 1


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_PROJECT", "trial")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def test_wandb(run: Path, offline: Path) -> None:
    wandb = pytest.importorskip("wandb", reason="wandb is not installed")
    (line,) = log_run(run, ["wandb"])
    assert line.startswith("wandb: offline in ")
    # Its own process writes to the end, which that of a command waits for.
    wandb.teardown()
    (stored,) = (run / "wandb").glob("offline-run-*/run-*.wandb")
    # A log of records whose keys stand in it as they are.
    content = stored.read_bytes()
    for name in ("one/high", "one/high.ci_low", "results", "metrics", "made@1:00000000", "results.json"):
        assert name.encode() in content, name
    (listed,) = (run / "wandb").glob("offline-run-*/files/media/table/results_*.table.json")
    table = json.loads(listed.read_text(encoding="utf-8"))
    assert len(table["data"]) == 3
    assert dict(zip(table["columns"], table["data"][1], strict=True))["value"] == 2.0


def test_mlflow(run: Path, offline: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    (line,) = log_run(run, ["mlflow"])
    again = log_run(run, ["mlflow"])
    assert again == [line]
    identity = line.split()[2]
    logged = mlflow.get_run(identity)
    assert logged.data.metrics["one/high"] == 2.0
    assert logged.data.metrics["one/high.ci_high"] == 2.25
    assert (
        logged.data.tags["protocol"] == "made@1_00000000" or logged.data.tags["protocol"] == "made@1:00000000"
    )
    assert mlflow.get_experiment(logged.info.experiment_id).name == "liveact-eval"
    names = {item.path for item in mlflow.artifacts.list_artifacts(run_id=identity)}
    assert {"table.md", "results.json", "tables", "plots"} <= names
    shutil.rmtree(run)


def test_mlflow_that_cannot_be_reached(run: Path, offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://x")
    with pytest.raises(UserError, match=r"mlflow: .*The run itself is finished and kept.*runs log"):
        log_run(run, ["mlflow"])

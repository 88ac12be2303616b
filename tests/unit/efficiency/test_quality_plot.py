"""Quality against cost: who is drawn, and where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from liveact_eval.efficiency.quality_plot import open_runs, points_of, write_quality_plot
from liveact_eval.efficiency.schema import Efficiency
from liveact_eval.errors import UserError
from liveact_eval.results.folder import Layout
from liveact_eval.results.journal import Journal, Unit
from tests.unit.efficiency.test_bench_files import benchmark

DETAILS = {
    "frames": 100,
    "fps": 25.0,
    "first_frame_s": 1.0,
    "condition_s": 0.0,
    "dit_s": 8.0,
    "vae_s": 2.0,
    "host_s": 0.0,
}


@pytest.fixture(scope="module")
def measured() -> Efficiency:
    return benchmark()


@pytest.fixture
def run_folder(tmp_path: Path, measured: Efficiency) -> Path:
    """A run of the benchmarked model, one more native model with times, and a control."""
    from liveact_eval.efficiency.gate_run import write_gate_run

    root = tmp_path / "run"
    write_gate_run(measured, root)
    layout = Layout(root)
    text = layout.results.read_text(encoding="utf-8")
    names = [f"liveact-tiny-{case}" for case in ("64x64-6+8", "32x32-6+8", "64x64-8+4")]
    for name, new in zip(names, ("liveact-tiny", "other", "still"), strict=True):
        text = text.replace(json.dumps(name), json.dumps(new))
    text = text.replace('"direction": "none"', '"direction": "up"')
    layout.results.write_text(text, encoding="utf-8")
    unit = Unit(
        key="k", model="other", clip="c", stage="generate", payload={"seconds": 1, "details": DETAILS}
    )
    with Journal(layout.journal) as journal:
        journal.record([unit])
    return root


def test_models_stand_at_their_cost(run_folder: Path, measured: Efficiency, tmp_path: Path) -> None:
    runs = open_runs([run_folder], "liveact-tiny")
    found = {metric.name: points for metric, points in points_of(measured, runs)}
    assert set(found) == {"fps_sustained", "ttff_ms", "block_p95_ms"}
    own, other = found["fps_sustained"]
    frame_ms = next(figure for figure in measured.cases[0].figures if figure.name == "frame_ms").value
    assert frame_ms is not None
    assert own.seconds_per_frame == pytest.approx(frame_ms / 1000)
    assert other.seconds_per_frame == pytest.approx(0.1)
    write_quality_plot(measured, runs, tmp_path / "quality.png")
    with Image.open(tmp_path / "quality.png") as picture:
        assert min(picture.size) > 200


def test_a_run_without_a_cost_is_told_first(run_folder: Path) -> None:
    assert len(open_runs([run_folder], "another")) == 1
    Layout(run_folder).journal.unlink()
    with pytest.raises(UserError, match="neither another nor times of another native model"):
        open_runs([run_folder], "another")


def test_a_run_without_scores(run_folder: Path, measured: Efficiency, tmp_path: Path) -> None:
    results = Layout(run_folder).results
    text = results.read_text(encoding="utf-8").replace('"direction": "up"', '"direction": "none"')
    results.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="no model with a known cost has a score"):
        write_quality_plot(measured, open_runs([run_folder], "liveact-tiny"), tmp_path / "quality.png")


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No run at"):
        open_runs([tmp_path / "nothing"], "liveact-tiny")

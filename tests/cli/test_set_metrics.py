"""Metrics of sets of videos: distance to the real ones, floor, warning, resuming, comparisons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.helpers import call, results, row

Fill = Callable[[Path], Path]

METRIC = '''
"""Distance between mean colours, as sets."""

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import ClipScore, Missing, Output
from liveact_eval.metrics.registry import register
from liveact_eval.metrics.set_metric import SetMetric


@register
class ColourDistance(SetMetric):
    """Distance between the mean colours of two sets."""

    name = "colour_distance"
    outputs = (Output(name="colour_distance", title="Colours", direction="down"),)
    needs = {"frames": FrameNeed()}
    recipe = "mean-colour@1"
    summary = "Distance of mean colours."
    source = "made up"

    def features(self, need, batch):
        return batch.windows[:, 0].float().mean(dim=(1, 2))

    def score(self, rows, clip):
        return ClipScore(values={}, parts={"colour_distance": rows["frames"].mean(axis=0)})

    def distances(self, output, real, generated, weights):
        weights = np.ones((1, len(real))) if weights is None else weights
        share = weights / weights.sum(axis=1, keepdims=True)
        return np.abs(share @ np.stack(real) - share @ np.stack(generated)).sum(axis=1)

    def floor(self, output, real, speakers):
        return float(np.abs(real[0] - real[1]).sum()) if len(real) > 1 else None

    def warning(self, output, value, parts):
        return f"only {len(parts)} clips"
'''


@pytest.fixture
def metric(tmp_path: Path) -> Path:
    path = tmp_path / "colours.py"
    path.write_text(METRIC, encoding="utf-8")
    return path


def test_a_distance_with_its_floor_its_interval_and_its_warning(
    clips: Fill, metric: Path, tmp_path: Path
) -> None:
    real, out = clips(tmp_path / "real"), tmp_path / "run"
    words = ("run", "--dataset", real, "--model", "noise", "--model", "blur", "--metrics", f"{metric},psnr")

    answer = call(*words, "--out", out)

    assert answer.code == 0, answer.err
    made, floor = (row(out, name, "colour_distance") for name in ("noise", "real"))
    assert made["value"] > 0 and made["n"] == 3
    assert made["ci_low"] <= made["value"] * 1.5 and made["ci_high"] > 0
    assert made["note"] == "only 3 clips"
    assert floor["value"] > 0 and "floor" in floor["note"] and floor["ci_low"] is None
    assert "only 3 clips" in answer.out
    compared = [c for c in results(out)["comparisons"] if c["metric"] == "colour_distance"]
    assert {frozenset((c["model"], c["other"])) for c in compared} == {frozenset(("noise", "blur"))}

    before = results(out)["rows"]
    assert call(*words, "--out", out).code == 0
    assert results(out)["rows"] == before
    alone = tmp_path / "alone"
    assert call(*words, "--out", alone, "--set", "workers=1").code == 0
    assert results(alone)["rows"] == before


def test_without_real_videos_there_is_no_distance(clips: Fill, metric: Path, tmp_path: Path) -> None:
    mine, out = clips(tmp_path / "mine"), tmp_path / "run"

    assert call("score", mine, "--metrics", metric, "--out", out).code == 0

    found = row(out, "mine", "colour_distance")
    assert (found["value"], found["value_reason"], found["failures"]) == (
        None,
        "no_reference",
        {"no_reference": 3},
    )


def test_networks_without_weights_are_missing_with_the_command_that_fetches(
    clips: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEACT_EVAL_WEIGHTS", str(tmp_path / "no-weights"))
    real, out = clips(tmp_path / "real"), tmp_path / "run"

    answer = call("run", "--dataset", real, "--model", "blur", "--metrics", "fvd,psnr", "--out", out)

    assert answer.code == 0, answer.err
    assert row(out, "blur", "fvd")["failures"] == {"no_weights": 3}
    assert row(out, "blur", "psnr_db")["n"] == 3
    assert "Not measured (no_weights): fvd." in answer.out
    assert "Fetch them with: liveact-eval metrics fetch i3d_script" in answer.out


def test_seeded_networks_run_without_a_download_and_say_so(clips: Fill, tmp_path: Path) -> None:
    real, out = clips(tmp_path / "real"), tmp_path / "run"
    words = ("--metrics", "fvd", "--set", "networks.mode=seeded", "--limit", "2", "--set", "workers=1")

    answer = call("run", "--dataset", real, "--model", "blur", *words, "--out", out)

    assert answer.code == 0, answer.err
    found = row(out, "blur", "fvd")
    assert found["recipe"].endswith("+i3d_script:seeded")
    assert "not trained ones: fvd. These values mean nothing." in answer.out
    assert found["value"] is not None or found["value_reason"] == "too_few_clips"

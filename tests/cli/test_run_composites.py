"""A composite in a run: its row and the rows of its parts, its clips, and what is measured for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.helpers import call, results, row, units

Fill = Callable[[Path], Path]

METRIC = '''
"""Likeness and calm in one number, and a number that not every clip has."""

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import ClipScore, Metric, Missing, Output
from liveact_eval.metrics.composite import CompositeMetric
from liveact_eval.metrics.registry import register


@register
class Bright(Metric):
    """Mean luma, of clips that are not too dark."""

    name = "bright"
    outputs = (Output(name="bright", title="Bright", direction="up"),)
    needs = {"frames": FrameNeed(colour="luma")}
    recipe = "bright@1"
    summary = "Mean luma."
    source = "made up"

    def features(self, need, batch):
        return batch.windows.flatten(1).mean(dim=1)

    def score(self, rows, clip):
        value = float(rows["frames"].mean())
        return ClipScore(values={"bright": Missing("too_dark", "") if value < LIMIT else value})


@register
class Calm(CompositeMetric):
    """Brightness and likeness of neighbours."""

    name = "calm"
    outputs = (Output(name="calm", title="Calm", direction="up"),)
    parts = ("bright", "adjacent_ssim")
    recipe = "calm@1"
    summary = "Brightness times likeness of neighbours."
    source = "made up"

    def combine(self, values):
        return values[..., 0] * values[..., 1]
'''


@pytest.fixture
def metric(tmp_path: Path) -> Callable[[float], Path]:
    def write(limit: float) -> Path:
        path = tmp_path / "calm.py"
        path.write_text(METRIC.replace("LIMIT", str(limit)), encoding="utf-8")
        return path

    return write


def test_a_composite_stands_beside_its_parts(
    clips: Fill, metric: Callable[[float], Path], tmp_path: Path
) -> None:
    real, out = clips(tmp_path / "real"), tmp_path / "run"
    words = ("run", "--dataset", real, "--model", "still", "--set", "workers=1", "--out", out)

    answer = call(*words, "--metrics", metric(0.0))

    assert answer.code == 0, answer.err
    for model in ("real", "still"):
        whole, bright, calm = (row(out, model, name) for name in ("calm", "bright", "adjacent_ssim"))
        assert whole["value"] == pytest.approx(bright["value"] * calm["value"], rel=1e-12)
        assert (whole["n"], whole["n_total"], whole["n_speakers"]) == (3, 3, 3)
        assert whole["ci_low"] < whole["value"] < whole["ci_high"]
        assert whole["recipe"].startswith("calm@1+parts:")
        values = {
            (value["clip"], value["metric"]): value["value"]
            for value in results(out)["clip_values"]
            if value["model"] == model
        }
        for clip in "abc":
            expected = values[clip, "bright"] * values[clip, "adjacent_ssim"]
            assert values[clip, "calm"] == pytest.approx(expected, rel=1e-12)
        assert whole["value"] != np.mean([values[clip, "calm"] for clip in "abc"])
    (compared,) = [c for c in results(out)["comparisons"] if c["metric"] == "calm"]
    difference = row(out, "real", "calm")["value"] - row(out, "still", "calm")["value"]
    assert compared["difference"] == pytest.approx(difference) and compared["n"] == 3
    assert {unit.stage for unit in units(out).values()} == {
        "generate", "survey", "measure:adjacent", "measure:bright",
    }  # fmt: skip
    assert "| Calm ↑ |" in (out / "tables" / "results.md").read_text(encoding="utf-8")

    before = units(out)
    assert call(*words, "--metrics", metric(0.0)).code == 0
    assert units(out) == before, "a finished run does nothing"


def test_what_a_part_lacks_the_composite_lacks(
    clips: Fill, metric: Callable[[float], Path], tmp_path: Path
) -> None:
    real, out = clips(tmp_path / "real"), tmp_path / "run"
    words = ("run", "--dataset", real, "--model", "still", "--set", "workers=1")

    answer = call(*words, "--out", out, "--metrics", metric(999.0))

    assert answer.code == 0, answer.err
    found = row(out, "still", "calm")
    assert (found["value"], found["n"], found["value_reason"]) == (None, 0, "part_missing")
    assert found["failures"] == {"too_dark": 3}
    assert found["note"] == "bright is missing (too_dark)"
    assert "Not measured (too_dark): bright, calm." in answer.out
    assert "Calm of Real, Still: bright is missing (too_dark)." in answer.out
    assert row(out, "still", "adjacent_ssim")["n"] == 3


def test_a_plan_names_the_parts_too(clips: Fill, metric: Callable[[float], Path], tmp_path: Path) -> None:
    real = clips(tmp_path / "real")
    shown = call(
        "run", "--dataset", real, "--model", "still", "--metrics", f"{metric(0.0)},temporal_quality",
        "--set", "networks.mode=seeded", "--plan", "--json",
    ).json["metrics"]  # fmt: skip
    assert list(shown) == [
        "adjacent", "background_consistency", "bright", "calm", "dynamic_degree", "motion_smoothness",
        "subject_consistency", "temporal_flickering", "temporal_quality",
    ]  # fmt: skip
    recipe = shown["temporal_quality"]
    assert recipe.startswith("vbench-temporal_quality-A5-x100@1+parts:")
    assert recipe.endswith("+dino_vitb16:seeded+clip_vitb32:seeded+amt_s:seeded+raft:seeded")


def test_lists_name_the_parts_and_what_these_need() -> None:
    shown = {found["name"]: found for found in call("metrics", "list", "--json").json}
    assert shown["framewise_quality"]["parts"] == ["aesthetic_quality", "imaging_quality"]
    assert shown["framewise_quality"]["networks"] == ["clip_vitl14", "aesthetic", "musiq"]
    assert shown["psnr"]["parts"] == []
    one = call("metrics", "show", "framewise_quality", "--json").json
    assert one["parts"] == ["aesthetic_quality", "imaging_quality"]
    assert [network["name"] for network in one["networks"]] == ["clip_vitl14", "aesthetic", "musiq"]

"""Metrics by name and by file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liveact_eval.errors import UserError
from liveact_eval.metrics.base import Metric
from liveact_eval.metrics.registry import networks_of, register, select, shipped
from liveact_eval.networks.catalogue import catalogue

PLUGIN = """
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import ClipScore, Metric, Output
from liveact_eval.metrics.psnr import Psnr  # only imported: not a metric of this file
from liveact_eval.metrics.registry import register


@dataclass
class Helper:
    factor: float = 2.0


@register
class Bright(Metric):
    name = "{name}"
    outputs = (Output(name="bright", title="Bright", direction="none"),)
    needs = {{"frames": FrameNeed(colour="luma")}}
    recipe = summary = source = "test"

    def features(self, need, batch):
        return Helper().factor * batch.windows.flatten(1).mean(dim=1)

    def score(self, rows, clip):
        return ClipScore(values={{"bright": float(np.mean(rows["frames"]))}})
"""


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "bright.py"
    path.write_text(PLUGIN.format(name="bright"))
    return str(path)


def test_shipped_metrics_are_complete_and_their_outputs_unique() -> None:
    metrics = shipped()
    assert list(metrics) == sorted(metrics) and len(metrics) >= 9
    outputs = [output.name for metric in metrics.values() for output in metric.outputs]
    assert len(outputs) == len(set(outputs))
    assert len({metric.recipe for metric in metrics.values()}) == len(metrics)
    for name, metric in metrics.items():
        assert metric.name == name and "@" in metric.recipe and metric.summary.endswith(".")
        json.dumps(metric.describe(), default=str)


def test_all_is_everything_once() -> None:
    wanted = [name for name, metric in shipped().items() if not metric.by_name_only]
    assert [metric.name for metric in select(["all", "psnr", "all-offline"])] == wanted


def test_all_offline_needs_no_download() -> None:
    offline = select(["all-offline"])
    known = shipped()
    own = {name for name, entry in catalogue().items() if entry.shipped}
    expected = {
        name
        for name, metric in known.items()
        if own.issuperset(networks_of(metric, known)) and not metric.by_name_only
    }
    assert "mini_sync" in expected and "mini_syncnet" in own
    assert {metric.name for metric in offline} == expected
    assert 0 < len(offline) < len(known)
    assert expected.isdisjoint({"temporal_quality", "image_quality", "vbench_quality"})


def test_an_unknown_name_comes_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"Unknown metric 'psrn'\. Did you mean 'psnr'"):
        select(["psrn"])


def test_a_metric_from_a_file(plugin: str) -> None:
    assert [metric.name for metric in select(["psnr", plugin])] == ["bright", "psnr"]
    assert [metric.name for metric in select([plugin])] == ["bright"]


def test_a_file_may_not_take_the_name_of_a_shipped_metric(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.format(name="ssim"))
    with pytest.raises(UserError, match="Two metrics are named 'ssim'"):
        select([str(path)])


def test_two_outputs_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.format(name="mine").replace('name="bright"', 'name="psnr_db"'))
    assert [metric.name for metric in select([str(path), "ssim"])] == ["mine", "ssim"]
    with pytest.raises(UserError, match="'psnr_db' is given twice, by 'mine' and by 'psnr'"):
        select([str(path), "psnr"])


def test_a_file_that_is_not_there_or_holds_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No metric file"):
        select([str(tmp_path / "none.py")])
    (tmp_path / "empty.py").write_text("from liveact_eval.metrics.psnr import Psnr\n")
    with pytest.raises(UserError, match="no class with @register found"):
        select([str(tmp_path / "empty.py")])


def test_a_metric_without_a_recipe_is_refused() -> None:
    with pytest.raises(TypeError, match="Half has no `recipe`"):

        @register
        class Half(Metric):
            name, outputs, needs = "half", (), {}

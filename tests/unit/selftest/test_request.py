"""What a self-test is asked for: which metrics it can run here."""

from __future__ import annotations

from pathlib import Path

from liveact_eval.selftest.run import build_request

METRIC = """
from liveact_eval.metrics.base import ClipScore, Metric, Output
from liveact_eval.metrics.composite import CompositeMetric
from liveact_eval.metrics.registry import register


@register
class Bright(Metric):
    name = "bright"
    outputs = (Output(name="bright", title="Bright", direction="up"),)
    needs = {}
    recipe = "bright@1"
    summary = "None."
    source = "made up"

    def features(self, need, batch):
        return batch.windows

    def score(self, rows, clip):
        return ClipScore(values={"bright": 1.0})


@register
class Calm(CompositeMetric):
    name = "calm"
    outputs = (Output(name="calm", title="Calm", direction="up"),)
    parts = ("bright", "ssim")
    recipe = "calm@1"
    summary = "None."
    source = "made up"

    def combine(self, values):
        return values.mean(axis=-1)
"""


def test_a_composite_may_be_made_of_what_its_own_file_brings(tmp_path: Path) -> None:
    (tmp_path / "calm.py").write_text(METRIC, encoding="utf-8")
    path = str(tmp_path / "calm.py")
    request = build_request({"metrics": [path, "csim"]}, [], [], 5)
    assert request.config.metrics == (path,)
    assert [lacking.metric for lacking in request.unavailable] == ["csim"]

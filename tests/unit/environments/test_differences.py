"""How far two backends are apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liveact_eval.environments.differences import FILE, columns, differences, write_differences
from tests.made_runs import made_results

CLIPS = ["a", "b", "c"]


def test_clips_that_both_have(tmp_path: Path) -> None:
    native = made_results({"m": {"x": [1.0, 2.0, None]}, "k": {"x": [None, None, None]}}, clips=CLIPS)
    official = made_results({"m": {"x": [0.5, 2.25, 9.0]}, "k": {"x": [1.0, 1.0, 1.0]}}, clips=CLIPS)
    first, second = differences(native, official)
    assert (first.metric, first.model, first.n) == ("m", "x", 2)
    assert first.mean_difference == pytest.approx((0.5 - 0.25) / 2)
    assert (first.largest_difference, first.largest_clip) == (0.5, "a")
    assert (second.n, second.mean_difference, second.largest_clip) == (0, None, None)
    assert second.reason is not None
    assert second.reason.startswith("native: ")
    assert len(first.texts()) == len(columns())
    write_differences([first, second], tmp_path)
    assert json.loads((tmp_path / FILE).read_text(encoding="utf-8"))[0]["largest_clip"] == "a"

"""What a metric returns is checked at once: a wrong type costs that metric alone, with what was seen and expected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from liveact_eval.measure.engine import Job, measure
from liveact_eval.measure.needs import FrameNeed, Need
from liveact_eval.measure.score_check import checked
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.psnr import Psnr
from liveact_eval.metrics.registry import shipped
from tests.helpers import clip_of, moving_square, numbers, write_av

A = Missing("too_short", "why")


class Own(Metric):
    """Says whatever it is told to."""

    name = "own"
    outputs = (Output(name="x", title="X", direction="up"), Output(name="y", title="Y", direction="up"))
    needs: ClassVar[Mapping[str, Need]] = {"frames": FrameNeed(colour="luma")}
    recipe = summary = source = "test"

    def __init__(self, said: Any = None) -> None:
        self.said = said

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        return batch.windows.flatten(1).mean(dim=1)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        said: ClipScore = self.said
        return said


def both(x: Any, **fields: Any) -> ClipScore:
    return ClipScore(values={"x": x, "y": A}, **fields)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.float64(2), np.int64(2)])
def test_real_numbers_become_floats(value: Any) -> None:
    found = checked(Own(), both(value, curves={"any": np.arange(3), "column": np.zeros((3, 1))}))
    assert type(found.values["x"]) is float and found.values["x"] == 2.0
    assert found.values["y"] is A
    assert found.statistics["x"].tolist() == [2.0, 1.0] and "y" not in found.statistics


def test_what_is_not_finite_stays_for_its_own_reason() -> None:
    found = checked(Own(), both(np.nan, curves={"any": np.array([np.nan, 1.0])}))
    assert np.isnan(float(found.values["x"])) and not found.statistics  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (None, "returned None; expected a ClipScore"),
        ({"x": 1.0}, "returned the dict .*; expected a ClipScore"),
        (both(None), "returned None for 'x'; expected a number or Missing"),
        (both("1"), "returned the str '1' for 'x'"),
        (both(True), "returned the bool True for 'x'"),
        (both(np.array(1.5)), r"numpy.ndarray .*1.5.* for 'x'.*call float\(...\)"),
        (both(torch.tensor(1.5)), r"torch.Tensor tensor\(1.5000\) for 'x'.*call float\(...\)"),
        (both(torch.zeros(2, 3)), r"a torch.Tensor of shape \(2, 3\) and type torch.float32 for 'x'"),
        (both(Missing("")), "expected Missing"),
        (both(Missing(None)), "expected Missing"),  # type: ignore[arg-type]
        (ClipScore(values={"x": 1.0}), "returned x; expected each of x, y once"),
        (ClipScore(values={}), "returned no output; expected each of x, y"),
        (ClipScore(values={"x": 1.0, "y": 1.0, "z": 1.0}), "returned x, y, z; expected each of x, y once"),
        (both(1.0, parts={"x": np.zeros(2)}), "returned x, y, x; expected each of x, y once"),
        (ClipScore(values={"x": 1.0}, parts={"y": np.zeros(2)}), "only a SetMetric has parts"),
        (both(1.0, curves={"c": [1.0, 2.0]}), "the list .* for the curve 'c'; expected .* a NumPy array"),
        (both(1.0, curves={"c": np.zeros((3, 2, 1))}), r"shape \(3, 2, 1\) .* for the curve 'c'"),
        (both(1.0, curves={"c": np.float64(1)}), "for the curve 'c'"),
        (both(1.0, curves={"c": np.array(["a"])}), "for the curve 'c'"),
        (both(1.0, curves={1: np.zeros(3)}), "for the curve 1"),
        (both(1.0, statistics={"z": np.zeros(2)}), "returned statistics for z, which has no value"),
        (both(1.0, statistics={"x": np.array([np.nan, 1])}), r"in statistics\['x'\]; expected finite"),
        (both(1.0, statistics={"x": [1.0, 1.0]}), r"in statistics\['x'\]; expected a NumPy array \(d,\)"),
    ],
)
def test_anything_else_is_refused(score: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        checked(Own(), score)
    assert "\n" not in str(caught.value)


def test_a_set_metric_gives_parts_or_says_why_not() -> None:
    fid = shipped()["fid"]
    names = [output.name for output in fid.outputs]
    parts = {name: np.zeros(3) for name in names}
    assert checked(fid, ClipScore(values={}, parts=parts)).parts == parts
    with pytest.raises(ValueError, match="of a SetMetric expected a part, or a Missing"):
        checked(fid, ClipScore(values=dict.fromkeys(names, 1.0)))
    with pytest.raises(TypeError, match=r"parts\['fid'\]; expected a NumPy array"):
        checked(fid, ClipScore(values={}, parts=parts | {"fid": np.zeros((3, 3))}))


def test_a_wrong_score_costs_its_metric_alone(tmp_path: Path) -> None:
    video = write_av(tmp_path / "v.mp4", moving_square(5))
    wrong = both(torch.tensor(1.5))
    found = measure(Job(clip=clip_of(video), video=video, metrics=[Own(wrong), Psnr()]))
    assert set(found.traces) == {"own"} and numbers(found)["psnr_db"] == 100.0
    missing = found.scores["own"].values["x"]
    assert isinstance(missing, Missing) and missing.reason == "internal_error"
    assert "returned the torch.Tensor tensor(1.5000) for 'x'" in missing.detail

"""Metrics whose reference implementation reads by OpenCV get BT.601, the others what the stream states; in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import av
import numpy as np
import pytest

from liveact_eval.measure import engine
from liveact_eval.measure.engine import Job, measure
from liveact_eval.measure.feeds import Feed, frame_sources
from liveact_eval.measure.needs import FrameNeed, Need
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Output, Rows
from liveact_eval.metrics.registry import select, shipped
from tests.helpers import clip_of, moving_square, numbers, write_av
from tests.unit.environments.native_flickering import native_flickering

BY_OPENCV = {"temporal_flickering", "motion_smoothness", "dynamic_degree", "human_anatomy"}
FLICKERING = {
    "halfbody_a": 0.9944329641616432,
    "portrait_a": 0.9898625558059181,
    "portrait_b": 0.9910707545335751,
    "portrait_c": 0.992256640563553,
}
"""VBench's formula over the frames of `cv2.VideoCapture`, OpenCV 4.12.0 and 4.10.0; the first clip states BT.709."""


class Red(Metric):
    """Mean red level, by both matrices and twice by each."""

    name = "red"
    outputs = (
        Output(name="stated", title="S", direction="none"),
        Output(name="bt601", title="B", direction="none"),
    )
    needs: ClassVar[Mapping[str, Need]] = {
        "stated": FrameNeed(),
        "bt601": FrameNeed(matrix="bt601"),
        "stated small": FrameNeed(size=(16, 16)),
        "bt601 small": FrameNeed(size=(16, 16), matrix="bt601"),
    }
    recipe = "red@1"
    summary = source = "a test"

    def features(self, need: str, batch: Batch) -> Any:
        return batch.windows[:, 0, :, :, 0].double().mean(dim=(1, 2))

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        for name in ("stated", "bt601"):
            assert np.abs(rows[name] - rows[f"{name} small"]).max() < 1
            assert len(rows[name]) == clip.frames
        return ClipScore(values={name: float(rows[name].mean()) for name in ("stated", "bt601")})


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """The same stream twice, where the first states BT.709."""
    pictures = moving_square(40)
    stated = {"crf": "4", "x264-params": "colormatrix=bt709"}
    return (
        write_av(tmp_path / "stated.mp4", pictures, options=stated),
        write_av(tmp_path / "silent.mp4", pictures, options={"crf": "4"}),
    )


def test_each_metric_has_its_matrix_in_one_decode(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    original = av.open

    def counting(file: Any, *arguments: Any, **options: Any) -> Any:
        opened.append(str(file))
        return original(file, *arguments, **options)

    monkeypatch.setattr(av, "open", counting)
    stated, silent = (
        numbers(measure(Job(clip=clip_of(path), video=path, metrics=[Red(), *select(["psnr", "adjacent"])])))
        for path in pair
    )
    assert len(opened) == 2
    assert silent["stated"] == silent["bt601"] == stated["bt601"]
    assert abs(stated["stated"] - stated["bt601"]) > 0.3
    assert stated["psnr_db"] == silent["psnr_db"]
    assert stated["adjacent_mae"] != silent["adjacent_mae"]


@pytest.mark.parametrize("run_bytes", [1, 1 << 30])
def test_flickering_does_not_see_what_is_stated(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, run_bytes: int
) -> None:
    monkeypatch.setattr(engine, "RUN_BYTES", run_bytes)
    assert native_flickering(pair[0]) == native_flickering(pair[1])


def test_where_both_are_the_same_nothing_is_made_twice() -> None:
    needs = {"a": FrameNeed(window=2), "b": FrameNeed(window=2, matrix="bt601")}
    feeds = [Feed(Red(), name, need, Red().collector(name)) for name, need in needs.items()]
    (one,) = frame_sources(feeds, 25.0)
    assert [feed.name for feed in one.feeds] == ["a", "b"]
    assert len(frame_sources(feeds, 25.0, bt601=True)) == 2


def test_nobody_else_asks_for_bt601() -> None:
    asking = {
        name
        for name, metric in shipped().items()
        for need in metric.needs.values()
        if isinstance(need, FrameNeed) and need.matrix == "bt601"
    }
    assert asking == BY_OPENCV


@pytest.mark.parametrize(
    "fields", [{"region": "face", "size": (112, 112)}, {"paired": True}, {"anchor": True}]
)
def test_what_nobody_makes_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected region 'frame', neither paired nor with an anchor"):
        FrameNeed(matrix="bt601", **fields)


@pytest.mark.parametrize("name", sorted(FLICKERING))
def test_flickering_equals_what_opencv_reads(name: str, shared: Path) -> None:
    path = shared / "clips" / f"{name}.mp4"
    assert native_flickering(path) == pytest.approx(FLICKERING[name], abs=1e-9)

"""A need may ask for so many frames a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from liveact_eval.clips.clip import Clip
from liveact_eval.measure.engine import Job, measure
from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Output, Rows
from tests.helpers import read_all


class Sampled(Metric):
    """Mean level of some frames, and of the real ones beside them."""

    name = recipe = summary = source = "sampled"
    outputs = (Output(name="sampled", title="Sampled", direction="none"),)
    needs = {"frames": FrameNeed(per_second=8, paired=True)}

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """Both means."""
        assert batch.reference is not None
        return torch.stack(
            [x.flatten(1).double().mean(dim=1) for x in (batch.windows, batch.reference)], dim=1
        )

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """All of them as curves."""
        found = rows["frames"]
        return ClipScore(values={"sampled": 0.0}, curves={"video": found[:, 0], "real": found[:, 1]})


def test_every_kth_frame_of_both_videos_is_handed_over(talkers: list[Clip]) -> None:
    clip, other = (replace(clip, seconds=2) for clip in talkers)
    assert clip.video is not None and other.video is not None
    score = measure(Job(clip=clip, video=other.video, metrics=[Sampled()])).scores["sampled"]
    for name, path in (("video", other.video), ("real", clip.video)):
        means = [frame.rgb.mean() for frame in read_all(path, seconds=2, sound=False)[0]]
        assert len(means) == 50
        np.testing.assert_allclose(score.curves[name], means[::3])


@pytest.mark.parametrize(("fps", "interval"), [(5, 1), (12, 2), (20, 2), (24, 3), (25, 3), (28, 4), (60, 8)])
def test_interval(fps: float, interval: int) -> None:
    assert FrameNeed(per_second=8).interval(fps) == interval
    assert FrameNeed().interval(fps) == 1

"""An offset needs a mouth that follows the script and a sound that is the driving one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from liveact_eval.clips.faces import FaceTrack
from liveact_eval.clips.truth import ClipTruth
from liveact_eval.metrics.av_offset import AvOffset
from liveact_eval.metrics.base import ClipContext, Missing

Curve = NDArray[np.float64]
FRAMES = 125


def context(script: NDArray[np.float64]) -> ClipContext:
    boxes = np.zeros((FRAMES, 4), np.float32)
    faces = FaceTrack(
        boxes=boxes, mouth_boxes=boxes, landmarks=np.zeros((FRAMES, 5, 2), np.float32), source="truth"
    )
    truth = ClipTruth(mouth_opening=script.astype(np.float32), faces=faces, fps=25.0)
    return ClipContext(fps=25.0, truth=truth)


def offset(sound: Callable[[Curve], Curve], mouth_lag: int = 0) -> float | Missing:
    stream = np.random.RandomState(0)
    script = np.convolve(stream.uniform(0, 1, FRAMES + 4), np.ones(5) / 5, "valid")
    driving = np.convolve(stream.uniform(20, 70, 4 * FRAMES + 9), np.ones(10) / 10, "valid")
    rows = {
        "mouth": np.roll(script, mouth_lag)[:, None],
        "sound": sound(driving)[:, None],
        "driving": driving[:, None],
    }
    return AvOffset().score(rows, context(script)).values["av_offset_frames"]


@pytest.mark.parametrize("frames", [-14, -3, 0, 5, 14])
def test_the_sound_may_run_ahead_or_behind(frames: int) -> None:
    assert offset(lambda driving: np.roll(driving, -4 * frames)) == pytest.approx(frames)


def test_a_late_mouth_counts_like_an_early_sound() -> None:
    assert offset(lambda driving: driving, mouth_lag=3) == pytest.approx(3)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros_like,
        lambda driving: np.random.RandomState(5).uniform(20, 70, len(driving)),
        lambda driving: np.roll(driving, -4 * 30),
        lambda driving: np.roll(driving, -4 * 15),
    ],
    ids=["silence", "another sound", "out of reach", "at the edge"],
)
def test_without_the_driving_sound_there_is_no_offset(sound: Callable[[Curve], Curve]) -> None:
    found = offset(sound)
    assert isinstance(found, Missing) and found.reason == "no_sync"

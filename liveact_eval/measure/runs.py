"""Runs of frames: what is decoded, held and looked at together."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.video import Sound, VideoFile


class Run(NamedTuple):
    """Consecutive frames, and the sound that came between."""

    frames: NDArray[np.uint8] | None
    """(N, H, W, 3); `None`: only sound is left."""
    bt601: NDArray[np.uint8] | None
    """The same by the matrix of BT.601, where that was asked for."""
    sound: list[NDArray[np.int16]]


def runs_of(
    video: VideoFile, rate: Fraction | None, seconds: float | None, *, bt601: bool, run_bytes: int
) -> Iterator[Run]:
    """The frames of a video in runs of bounded size: at least two frames and at most 32.

    Args:
        video: opened, and not read yet.
        rate: frames per second; `None`: the video's own frames.
        seconds: length to read; `None`: all of it.
        bt601: whether frames are wanted by the matrix of BT.601 too, where another is stated.
        run_bytes: decoded bytes of a run, not counting those.
    """
    frames: list[NDArray[np.uint8]] = []
    others: list[NDArray[np.uint8]] = []
    sound: list[NDArray[np.int16]] = []
    limit = 0
    for item in video.read(rate=rate, seconds=seconds, bt601=bt601):
        if isinstance(item, Sound):
            sound.append(item.samples)
            continue
        limit = limit or max(2, min(32, run_bytes // item.rgb.nbytes))
        frames.append(item.rgb)
        if item.bt601 is not None:
            others.append(item.bt601)
        if len(frames) == limit:
            yield _run(frames, others, sound)
            frames, others, sound = [], [], []
    yield _run(frames, others, sound)


def _run(
    frames: list[NDArray[np.uint8]], others: list[NDArray[np.uint8]], sound: list[NDArray[np.int16]]
) -> Run:
    return Run(np.stack(frames) if frames else None, np.stack(others) if others else None, sound)

"""What a clip gives to a generator: its rate, its length, its reference picture, its sound."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.image import load_image
from liveact_eval.clips.video import SOUND_RATE_HZ, Frame, VideoFile
from liveact_eval.errors import ClipError
from liveact_eval.generators.driving import DrivingSound

DEFAULT_RATE = Fraction(25)
"""Frames per second where neither the protocol nor a real video says."""


def rate_of(clip: Clip) -> Fraction:
    """Frames per second of the video that is to be made."""
    if clip.rate is not None:
        return clip.rate
    if clip.video is None:
        return DEFAULT_RATE
    with VideoFile(clip.video) as video:
        return video.rate


def first_picture(clip: Clip) -> NDArray[np.uint8]:
    """The first frame of the real video, (H, W, 3) RGB.

    Raises:
        ClipError: `no_image` or `no_frames`.
    """
    if clip.video is None:
        raise ClipError("no_image", "there is neither a reference image nor a real video")
    with VideoFile(clip.video) as video:
        first = next((item for item in video.read(sound=False) if isinstance(item, Frame)), None)
    if first is None:
        raise ClipError("no_frames", f"{clip.video.name!r} holds no frame")
    return first.rgb


def reference_picture(clip: Clip) -> NDArray[np.uint8]:
    """The reference image, or the first frame of the real video."""
    return load_image(clip.image) if clip.image is not None else first_picture(clip)


def driving_sound(clip: Clip) -> DrivingSound:
    """The sound that drives the video, at the rate at which videos are written.

    Raises:
        ClipError: `no_audio`, `missing_file`, `unreadable` or `empty_audio`.
    """
    source = clip.audio or clip.video
    if source is None:
        raise ClipError("no_audio", "there is neither driving audio nor a real video")
    seconds = None if clip.seconds is None else Fraction(clip.seconds).limit_denominator(10**6)
    return DrivingSound.open(source, rate=SOUND_RATE_HZ, seconds=seconds)

"""Videos whose every frame says its number, whose picture flashes and whose sound beeps at the same moments."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from liveact_eval.datasets.published.source_clip import PixelBox, SourceClip
from tests.helpers import write_av

BITS = 8
BOX = PixelBox(x=16, y=0, width=64, height=64)
"""The square of a 96 x 64 picture that holds the number above and the flash below."""


def numbered(number: int, *, flash: bool = False, size: tuple[int, int] = (96, 64)) -> NDArray[np.uint8]:
    """A picture with its number as bars in the upper half of the middle square, and a flash in the lower half."""
    width, height = size
    side = min(size)
    picture = np.full((height, width, 3), 60, np.uint8)
    left, bar = (width - side) // 2, side // BITS
    for bit in range(BITS):
        level = 220 if number >> bit & 1 else 20
        picture[: side // 2, left + bit * bar : left + (bit + 1) * bar] = level
    picture[side // 2 : side, left : left + side] = 235 if flash else 16
    return picture


def number_of(square: NDArray[np.uint8]) -> int:
    """The number in a square picture."""
    side = square.shape[0]
    bar = side / BITS
    rows = square[side // 8 : 3 * side // 8].astype(float).mean(axis=(0, 2))
    return sum(
        1 << bit
        for bit in range(BITS)
        if rows[round((bit + 0.35) * bar) : round((bit + 0.65) * bar)].mean() > 120
    )


def flashes(square: NDArray[np.uint8]) -> bool:
    """Whether the lower half is lit."""
    side = square.shape[0]
    return bool(square[5 * side // 8 : 7 * side // 8].mean() > 120)


def beeps(seconds: float, rate_hz: int, moments: tuple[float, ...]) -> NDArray[np.int16]:
    """1 kHz of 30 ms at each moment."""
    samples = np.zeros(round(seconds * rate_hz), np.int16)
    tone = (
        24_000 * np.sign(np.sin(2 * np.pi * 1000 * (np.arange(round(0.03 * rate_hz)) + 0.5) / rate_hz))
    ).astype(np.int16)
    for moment in moments:
        first = round(moment * rate_hz)
        samples[first : first + tone.size] = tone[: max(0, samples.size - first)]
    return samples


def beep_times(samples: NDArray[np.int16], rate_hz: int = 16_000) -> list[float]:
    """When sound sets in after at least 0.1 s of silence, in seconds."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 6000)
    return [at / rate_hz for n, at in enumerate(loud) if n == 0 or at - loud[n - 1] > rate_hz // 10]


def make_video(
    path: Path,
    *,
    rate: Fraction | int = 25,
    seconds: float = 3.0,
    size: tuple[int, int] = (96, 64),
    moments: tuple[float, ...] = (0.0, 1.0, 2.0),
    times: list[Fraction] | None = None,
    sound_hz: int | None = 44_100,
    sound_codec: str = "aac",
    **options: Any,
) -> Path:
    """Write a video that flashes for 40 ms and beeps at each moment."""
    at = times if times is not None else [n / Fraction(rate) for n in range(round(seconds * rate))]
    lit = {
        n
        for n, time in enumerate(at)
        for moment in moments
        if 0 <= time - Fraction(moment).limit_denominator(1000) < Fraction(1, 25)
    }
    pictures = [numbered(n, flash=n in lit, size=size) for n in range(len(at))]
    path.parent.mkdir(parents=True, exist_ok=True)
    fields: dict[str, Any] = {"options": {"crf": "12", "g": "40", "preset": "veryfast"}}
    if sound_hz is not None:
        fields |= {
            "sound": beeps(seconds, sound_hz, moments),
            "sound_rate": sound_hz,
            "sound_codec": sound_codec,
            "layout": "stereo",
        }
    return write_av(path, pictures, times=at, rate=rate, **(fields | options))


def bar_of(field: int) -> int:
    """First column of the bar in a field."""
    return 6 * field % 72


def combed(number: int) -> NDArray[np.uint8]:
    """A frame of two fields, the lower one first."""
    picture = np.full((64, 96, 3), 20, np.uint8)
    for field in range(2):
        first = bar_of(2 * number + field)
        picture[1 - field :: 2, first : first + 16] = 230
    return picture


def make_interlaced(path: Path, *, frames: int = 50) -> Path:
    """A video of fields, the lower one first, whose bar moves by six columns from field to field."""
    with av.open(f"file:{path}", "w") as out:
        video: Any = out.add_stream("libx264", rate=25, options={"crf": "4"})
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        video.codec_context.flags |= 0x40000  # AV_CODEC_FLAG_INTERLACED_DCT
        for n in range(frames):
            frame = av.VideoFrame.from_ndarray(combed(n), format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def source_clip(name: str = "talk_0", **fields: Any) -> SourceClip:
    """A clip of the first two seconds of the video `talk`, listed for 64 lines."""
    given: dict[str, Any] = {
        "id": name,
        "dataset": "hdtf",
        "video_id": "talkIdtalkI",
        "video_name": "talk",
        "url": "https://www.youtube.com/watch?v=talkIdtalkI",
        "start_s": Fraction(0),
        "end_s": Fraction(2),
        "crop": BOX,
        "listed_height": 64,
        "crop_rule": "pixels",
        "subset": "WDA",
        "speaker": "talk",
        "prompt": "A person is talking.",
    }
    return SourceClip(**(given | fields))

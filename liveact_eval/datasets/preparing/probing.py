"""Opening a source video, and what its header says."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from liveact_eval.clips.alignment import start_of
from liveact_eval.clips.media import open_input, reason_of
from liveact_eval.errors import ClipError

LARGEST_PICTURE = (7680, 4320)
"""Pictures with more pixels than this are refused: a small file can hold pictures that fill the memory."""

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What the header of a video says."""

    fps: float
    """Average frames per second."""
    seconds: float
    """Length from the first frame on."""
    codec: str
    """Video codec."""
    size: tuple[int, int]
    """Width and height as stored; pictures may have to be turned."""


def probe(path: Path) -> Probe:
    """What a video says about itself; nothing is decoded.

    Raises:
        ClipError: `missing_file`, `unreadable`, `no_video_stream`, `too_large`.
    """
    with open_video(path) as container:
        video = picture_stream(container, path)
        seconds = Fraction(0)
        if video.duration is not None and video.time_base is not None:
            seconds = video.duration * video.time_base
        elif container.duration is not None:
            seconds = Fraction(container.duration, 1_000_000) - start_of(video)
        return Probe(
            fps=float(video.average_rate or video.guessed_rate or 0),
            seconds=float(seconds),
            codec=video.codec_context.name,
            size=(video.codec_context.width, video.codec_context.height),
        )


def open_video(path: Path) -> InputContainer:
    """Open a video; `missing_file` or `unreadable` as a `ClipError`."""
    import av

    if not path.is_file():
        raise ClipError("missing_file", f"there is no file {path.name!r} in {str(path.parent)!r}")
    try:
        return open_input(path)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ClipError(
            "unreadable", f"{path.name!r} is not a video that can be read: {reason_of(error)}"
        ) from error


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """The pictures of an opened video; `no_video_stream` or `too_large` as a `ClipError`."""
    if not container.streams.video:
        raise ClipError("no_video_stream", f"{path.name!r} holds no video stream")
    video = container.streams.video[0]
    width, height = video.codec_context.width, video.codec_context.height
    most = LARGEST_PICTURE[0] * LARGEST_PICTURE[1]
    if width * height > most:
        raise ClipError(
            "too_large",
            f"{path.name!r} has {width}x{height} pixels, expected at most as many as {LARGEST_PICTURE[0]}x"
            f"{LARGEST_PICTURE[1]}. Make a smaller copy of it",
        )
    # Pictures may be larger than the header says.
    video.codec_context.options = {"max_pixels": str(most)}
    video.thread_type = "SLICE"
    return video

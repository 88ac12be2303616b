"""A window of a long video: upright pictures at a constant rate, found by decoding, whatever the file is like.

Seeking only chooses where decoding begins; which picture is shown at a tick is decided by timestamps. So a cut is
exact to the frame in files of variable rate, with open groups of pictures, or without an index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.alignment import start_of
from liveact_eval.clips.media import reason_of
from liveact_eval.clips.resample import ConstantRate
from liveact_eval.datasets.preparing.deinterlacing import Deinterlacer
from liveact_eval.datasets.preparing.probing import open_video, picture_stream
from liveact_eval.errors import ClipError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from av.video.stream import VideoStream

_Timed: TypeAlias = "tuple[Fraction, Fraction, VideoFrame]"
"""Time, duration, frame."""
_FIRST_STEP_S = Fraction(2)
"""How much earlier decoding begins when it began too late; doubled each time."""


@dataclass(kw_only=True)
class Seen:
    """What was met while decoding."""

    size: tuple[int, int] | None = None
    """Width and height, upright; `None` until the first picture."""
    rotation: int = 0
    """Degrees by which pictures had to be turned."""
    interlaced: bool = False
    """Whether pictures came as fields."""


def read_window(
    path: Path, start: Fraction, frames: int, rate: Fraction, seen: Seen, *, every: int = 1
) -> Iterator[NDArray[np.uint8]]:
    """The pictures shown at `start`, `start` + 1 / `rate` and so on, upright RGB (H, W, 3).

    A picture is at the tick nearest to its timestamp and stays until the next one (`ConstantRate`). Time zero is the
    video's first frame.

    Args:
        path: the video.
        start: of the window, in seconds.
        frames: number of ticks.
        rate: ticks per second.
        seen: is told size, rotation and interlacing.
        every: yield only each so many-th tick; the others are not converted.

    Raises:
        ClipError: `missing_file`, `unreadable`, `no_video_stream`, `corrupt`, `size_changes`, or `too_short`: the
            video ends before the window does.
    """
    import av

    back = Fraction(0)
    given = 0
    while True:
        # A decoder that has begun cannot be set back in every format: each try opens the file anew.
        with open_video(path) as container:
            video = picture_stream(container, path)
            reader = _Window(container, video, start, rate, seen)
            try:
                if not reader.seek(back):
                    back = max(_FIRST_STEP_S, 2 * back)
                    continue
                for tick, rgb in reader.pictures(frames, every):
                    given = tick + 1
                    yield rgb
            except (av.error.FFmpegError, OSError) as error:
                raise ClipError(
                    "corrupt",
                    f"{path.name!r} cannot be decoded from {float(start + given / rate):.2f} s on: {reason_of(error)}",
                ) from error
            finally:
                # While the file is open: a decoder that outlives it waits for the garbage collector.
                reader.close()
            if reader.ticks < frames:
                raise ClipError(
                    "too_short",
                    f"{path.name!r} ends after {float(reader.end):.2f} s; the clip needs it up to "
                    f"{float(start + frames / rate):.2f} s",
                )
            return


class _Window:
    """One try to read a window."""

    def __init__(
        self, container: InputContainer, video: VideoStream, start: Fraction, rate: Fraction, seen: Seen
    ) -> None:
        from av.video.reformatter import VideoReformatter

        self._container, self._video = container, video
        self._start, self._rate, self._seen = start, rate, seen
        self._origin = start_of(video)
        self._avi = container.format.name == "avi"
        self._begun = False
        self._deinterlacer = Deinterlacer(video)
        self._reformatter: VideoReformatter = VideoReformatter()
        self._decoded: Iterator[_Timed] = iter(())
        self.ticks = 0
        """Ticks of the window that the video has pictures for."""
        self.end = Fraction(0)
        """Up to where pictures were decoded, in seconds."""

    def close(self) -> None:
        """Stop decoding."""
        self._decoded = iter(())

    def seek(self, back: Fraction) -> bool:
        """Begin to decode so much before the window; whether that was early enough."""
        base = self._video.time_base
        target = self._start - back
        # AVI has no presentation times: decoding begins with its first picture.
        from_start = target <= 0 or base is None or self._avi
        if not from_start and base is not None:
            self._container.seek(
                int((self._origin + target) / base), stream=self._video, backward=True, any_frame=False
            )
        self._decoded = self._frames(whole=from_start)
        first = next(self._decoded, None)
        if first is None:
            return from_start
        if first[0] > self._start and not from_start:
            return False
        self._decoded = _chain(first, self._decoded)
        return True

    def pictures(self, frames: int, every: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """(tick, picture) from tick 0 on."""
        clock: ConstantRate[VideoFrame] = ConstantRate(self._rate)
        last: VideoFrame | None = None
        rgb: NDArray[np.uint8] | None = None
        for time, frame in _shown(clock, self._decoded, self._start):
            tick = int(time * self._rate)
            if tick < 0:
                continue
            if tick >= frames:
                return
            self.ticks = tick + 1
            if tick % every:
                continue
            if frame is not last or rgb is None:
                rgb, last = self._upright(frame), frame
            yield tick, rgb

    def _frames(self, *, whole: bool) -> Iterator[_Timed]:
        """(time, duration, frame) in order; without fields."""
        step = 1 / Fraction(self._video.average_rate or self._video.guessed_rate or 25)
        previous: Fraction | None = -step if whole else None
        for frame in self._container.decode(self._video):
            if not self._seen.rotation:
                # Filters do not pass it on.
                self._seen.rotation = round(frame.rotation) % 360
            for item in self._deinterlacer.push(frame):
                previous = self._time(item, previous, step)
                yield self._timed(previous, step, item)
        for item in self._deinterlacer.finish():
            previous = self._time(item, previous, step)
            yield self._timed(previous, step, item)

    def _timed(self, time: Fraction, step: Fraction, frame: VideoFrame) -> _Timed:
        duration = step
        if frame.duration and frame.time_base is not None:
            duration = Fraction(frame.duration) * frame.time_base
        self.end = time + duration
        return time, duration, frame

    def _time(self, frame: VideoFrame, previous: Fraction | None, step: Fraction) -> Fraction:
        # AVI has no presentation times, and those guessed for B-frames jump; its frames are in order anyway.
        stamp = frame.dts if self._avi else frame.pts
        if stamp is not None and frame.time_base is not None:
            if self._avi and not self._begun:
                # Decoders with delay name the packet that pushed a picture out, not its own.
                self._origin, self._begun = Fraction(stamp) * frame.time_base, True
            return Fraction(stamp) * frame.time_base - self._origin
        # Behind everything: where decoding began in the middle, one begins anew from the start.
        return previous + step if previous is not None else self._start + 1

    def _upright(self, frame: VideoFrame) -> NDArray[np.uint8]:
        rgb: NDArray[np.uint8] = np.asarray(
            self._reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray(), dtype=np.uint8
        )
        seen = self._seen
        if seen.rotation:
            rgb = np.ascontiguousarray(np.rot90(rgb, k=round(seen.rotation / 90)))
        seen.interlaced = self._deinterlacer.active
        size = (rgb.shape[1], rgb.shape[0])
        if seen.size is not None and seen.size != size:
            raise ClipError(
                "size_changes",
                f"the picture changes from {seen.size[0]}x{seen.size[1]} to {size[0]}x{size[1]} inside the clip",
            )
        seen.size = size
        return rgb


def _shown(
    clock: ConstantRate[VideoFrame],
    decoded: Iterator[_Timed],
    start: Fraction,
) -> Iterator[tuple[Fraction, VideoFrame]]:
    for time, duration, frame in decoded:
        yield from clock.push(time - start, duration, frame)
    yield from clock.finish()


def _chain(first: _Timed, rest: Iterator[_Timed]) -> Iterator[_Timed]:
    yield first
    yield from rest

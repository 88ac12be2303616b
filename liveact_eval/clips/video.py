"""Reading a video: one open, one pass, frames and sound together, with exact timestamps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.alignment import SoundTrack, start_of
from liveact_eval.clips.colour import states_bt601, to_rgb
from liveact_eval.clips.media import open_input, reason_of
from liveact_eval.clips.resample import ConstantRate
from liveact_eval.errors import ClipError

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.frame import VideoFrame

SOUND_RATE_HZ = 16_000


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What the container says about itself, before anything is decoded."""

    width: int
    """Pixels as stored; rotation is known with the first frame only."""
    height: int
    """Pixels as stored."""
    rate: Fraction
    """Average frames per second."""
    declared_frames: int | None
    """Number of frames, where the container states it."""
    video_seconds: float | None
    """Length of the video stream."""
    sound_seconds: float | None
    """Length of the audio stream; `None`: not stated, or no audio."""
    has_sound: bool
    """Whether there is an audio stream."""
    codec: str
    """Video codec."""
    pixel_format: str
    """Pixel format as stored."""


@dataclass(frozen=True)
class Frame:
    """One picture: RGB, uint8, (H, W, 3), and its time in seconds from the first frame."""

    rgb: NDArray[np.uint8]
    time: Fraction
    bt601: NDArray[np.uint8] | None = None
    """The same picture by the matrix of BT.601, where that was asked for and the stream states another."""


@dataclass(frozen=True)
class Sound:
    """A run of samples: mono, int16, 16 kHz, aligned so that sample 0 is at the first frame's time."""

    samples: NDArray[np.int16]


class VideoFile:
    """A video opened once. Use as a context manager; `read` may be called once.

    Colours are converted by libswscale with the matrix and range that the stream states, BT.601 limited
    where it states none (as ffmpeg does). Rotation metadata is applied.

    Raises:
        ClipError: `missing_file`, `unreadable`, `no_video_stream`, or while reading `no_frames`,
            `truncated`, `corrupt`, `size_changes`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._container = _open(path)
        if not self._container.streams.video:
            self.close()
            raise ClipError("no_video_stream", f"{path.name!r} holds no video stream")
        self._video = self._container.streams.video[0]
        self._video.thread_type = "SLICE"
        self._sound = self._container.streams.audio[0] if self._container.streams.audio else None

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._container.close()

    @property
    def rate(self) -> Fraction:
        """Average frames per second as the container states it."""
        return Fraction(self._video.average_rate or self._video.guessed_rate or 25)

    @property
    def is_bt601(self) -> bool:
        """Whether the stream is converted by BT.601 anyway: it states that, or no matrix, or holds RGB."""
        return states_bt601(self._video.codec_context)

    @property
    def info(self) -> VideoInfo:
        """What the container says."""
        video, sound = self._video, self._sound
        return VideoInfo(
            width=video.codec_context.width,
            height=video.codec_context.height,
            rate=self.rate,
            declared_frames=video.frames or None,
            video_seconds=_seconds(video.duration, video.time_base) or _seconds(self._container.duration),
            sound_seconds=_seconds(sound.duration, sound.time_base) if sound is not None else None,
            has_sound=sound is not None,
            codec=video.codec_context.name,
            pixel_format=video.codec_context.pix_fmt or "unknown",
        )

    def read(
        self,
        *,
        rate: Fraction | None = None,
        seconds: float | None = None,
        sound: bool = True,
        bt601: bool = False,
    ) -> Iterator[Frame | Sound]:
        """Frames and sound in the order of the file, in bounded memory.

        Args:
            rate: constant frames per second to resample to by timestamp (`ConstantRate`);
                `None` yields the frames as they are.
            seconds: stop after this length, of frames and of sound; the rest of the file is not read.
            sound: whether to decode the audio too.
            bt601: whether frames come by the matrix of BT.601 too, where the stream states another.
        """
        limit = None if seconds is None else Fraction(seconds).limit_denominator(10**6)
        frames, samples = 0, 0
        seen = False
        heard = not sound or self._sound is None
        for item in self._resampled(rate, sound, bt601 and not self.is_bt601):
            if limit is None:
                frames += isinstance(item, Frame)
                yield item
            elif isinstance(item, Frame):
                seen = seen or item.time >= limit
                if not seen:
                    frames += 1
                    yield item
            else:
                left = round(limit * SOUND_RATE_HZ) - samples
                samples += item.samples.size
                heard = item.samples.size >= left
                if left > 0:
                    yield Sound(item.samples[:left])
            if seen and heard:
                return
        if frames == 0:
            raise ClipError("no_frames", f"{self.path.name!r} has a video stream without a single frame")

    def _resampled(self, rate: Fraction | None, sound: bool, bt601: bool) -> Iterator[Frame | Sound]:
        if rate is None:
            yield from (item if isinstance(item, Sound) else item[0] for item in self._decode(sound, bt601))
            return
        clock: ConstantRate[Frame] = ConstantRate(rate)
        for item in self._decode(sound, bt601):
            if isinstance(item, Sound):
                yield item
                continue
            frame, duration = item
            for time, shown in clock.push(frame.time, duration, frame):
                yield replace(shown, time=time)
        for time, shown in clock.finish():
            yield replace(shown, time=time)

    def _decode(self, sound: bool, bt601: bool) -> Iterator[tuple[Frame, Fraction] | Sound]:
        """Decoded frames with their durations, and sound, in file order."""
        import av
        from av.video.reformatter import VideoReformatter

        stated, other = VideoReformatter(), VideoReformatter()
        streams: list[av.VideoStream | av.AudioStream] = [self._video]
        track = (
            SoundTrack(self._sound, start_of(self._video), SOUND_RATE_HZ)
            if sound and self._sound is not None
            else None
        )
        if track is not None and self._sound is not None:
            streams.append(self._sound)
        first: Fraction | None = None
        previous = Fraction(-1)
        end = Fraction(0)
        decoded = 0
        shape: tuple[int, ...] | None = None
        try:
            for packet in self._container.demux(streams):
                for item in packet.decode():
                    if isinstance(item, av.AudioFrame):
                        if track is not None and (samples := track.push(item)).size:
                            yield Sound(samples)
                    elif isinstance(item, av.VideoFrame):
                        time, duration = self._timing(item, previous)
                        first = time if first is None else first
                        previous = time
                        end = time - first + duration
                        rgb = to_rgb(item, stated)
                        if shape is not None and rgb.shape != shape:
                            raise ClipError(
                                "size_changes",
                                f"{self.path.name!r} changes size at frame {decoded}: "
                                f"{shape[1]}x{shape[0]} to {rgb.shape[1]}x{rgb.shape[0]}",
                            )
                        shape = rgb.shape
                        decoded += 1
                        beside = to_rgb(item, other, bt601=True) if bt601 else None
                        yield Frame(rgb, time - first, beside), duration
        except av.error.FFmpegError as error:
            raise ClipError(
                "corrupt", f"{self.path.name!r} breaks off after {decoded} frames: {reason_of(error)}"
            ) from error
        if track is not None and (samples := track.finish()).size:
            yield Sound(samples)
        self._check_whole(decoded, end)

    def _check_whole(self, decoded: int, end: Fraction) -> None:
        """Whether all is there that the header promises: `decoded` frames that end at `end` seconds.

        Frames alone do not tell: a file that was cut without being encoded anew keeps frames before the cut
        that are counted but never shown. Matroska states no number of frames, but the length of each stream.
        """
        video, name = self._video, repr(self.path.name)
        if video.frames:
            promised = _seconds(video.duration, video.time_base)
            short = promised is None or end < promised - 1.5 / self.rate
            if short and decoded < video.frames - 1:
                raise ClipError("truncated", f"{name} holds {decoded} of its {video.frames} declared frames")
        elif decoded:
            promised = _tagged_seconds(video.metadata) - float(start_of(self._video))
            if end < promised - 0.5:
                held = f"{float(end):.2f} of its {promised:.2f} declared seconds"
                raise ClipError("truncated", f"{name} holds {held}")

    def _timing(self, frame: VideoFrame, previous: Fraction) -> tuple[Fraction, Fraction]:
        """Time and duration in seconds; a frame without a timestamp follows its predecessor."""
        step = 1 / self.rate
        base = frame.time_base
        # AVI has no presentation times, and those guessed for B-frames jump; its frames are in order anyway.
        stamp = frame.dts if self._container.format.name == "avi" else frame.pts
        if stamp is None or base is None:
            return previous + step if previous >= 0 else Fraction(0), step
        duration = Fraction(frame.duration) * base if frame.duration else step
        return Fraction(stamp) * base, duration


def _open(path: Path) -> InputContainer:
    import av

    if not path.is_file():
        raise ClipError("missing_file", f"there is no file {path.name!r} in {str(path.parent)!r}")
    try:
        return open_input(path)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ClipError(
            "unreadable", f"{path.name!r} is not a video that can be read: {reason_of(error)}"
        ) from error


def _tagged_seconds(tags: Mapping[str, str]) -> float:
    """Where a Matroska stream ends, by its own tag; 0 if there is none."""
    match = re.match(r"(\d+):(\d+):(\d+(?:\.\d+)?)", tags.get("DURATION", ""))
    if match is None:
        return 0.0
    hours, minutes, seconds = map(float, match.groups())
    return 3600 * hours + 60 * minutes + seconds


def _seconds(duration: int | None, base: Fraction | None = None) -> float | None:
    """A stream's duration in seconds; without a time base it is in container units (microseconds)."""
    if duration is None:
        return None
    return float(duration * (base if base is not None else Fraction(1, 1_000_000)))

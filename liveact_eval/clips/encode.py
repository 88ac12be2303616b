"""Writing videos, near-lossless and whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.video import SOUND_RATE_HZ
from liveact_eval.errors import ClipError
from liveact_eval.files import atomic_path, full_disk, is_full

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream

_TICKS = 90_000


class VideoWriter:
    """Frames and sound into one H.264 file. Use inside `atomic_path`, as a context manager.

    Pictures are stored as 4:2:0 where both sides are even and as 4:4:4 where not (4:2:0 cannot hold odd
    sizes). One encoder thread, so that the same frames give the same bytes on every machine.
    """

    def __init__(
        self, path: Path, *, size: tuple[int, int], rate: Fraction, encoding: Encoding, sound: bool
    ) -> None:
        import av

        self.path = path
        self._rate = rate
        self._container: OutputContainer = av.open(f"file:{path}", "w")
        # x264 and B-frames want a stable rate hint; true times go in with each frame.
        video: VideoStream = self._container.add_stream(encoding.codec, rate=rate)
        video.width, video.height = size
        video.pix_fmt = "yuv420p" if size[0] % 2 == 0 and size[1] % 2 == 0 else "yuv444p"
        # x264's macroblock tree reads past the row in pictures of few macroblocks: bytes would vary by chance.
        video.options = {"crf": str(encoding.crf), "preset": encoding.preset, "x264-params": "mbtree=0"}
        video.codec_context.thread_count = 1
        video.codec_context.time_base = Fraction(1, _TICKS)
        self._video = video
        self._sound: AudioStream | None = None
        if sound:
            self._sound = self._container.add_stream(encoding.audio_codec, rate=SOUND_RATE_HZ, layout="mono")
            self._sound.codec_context.format = av.AudioFormat("s16")
        self._frames = 0
        self._samples = 0

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._mux(self._video.encode(None))
                if self._sound is not None:
                    self._mux(self._sound.encode(None))
        finally:
            self._close()

    def write(self, rgb: NDArray[np.uint8], time: Fraction | None = None) -> None:
        """Add one frame, (H, W, 3) RGB uint8, at `time` in seconds (default: the next tick of the rate)."""
        import av

        if rgb.dtype != np.uint8:
            raise ClipError("not_8_bit", f"a frame must be uint8 in 0..255, not {rgb.dtype}; see to_uint8")
        wanted = (self._video.height, self._video.width, 3)
        if rgb.shape != wanted:
            # libswscale would resize it without a word.
            raise ClipError("wrong_size", f"frame {self._frames} is {rgb.shape}, the video {wanted}")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        frame.time_base = Fraction(1, _TICKS)
        frame.pts = round((time if time is not None else self._frames / self._rate) * _TICKS)
        self._frames += 1
        self._mux(self._video.encode(frame))

    def write_sound(self, samples: NDArray[np.int16]) -> None:
        """Add samples, mono int16 at 16 kHz."""
        import av

        if self._sound is None:
            raise ValueError("this writer was opened without sound")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SOUND_RATE_HZ
        frame.time_base = Fraction(1, SOUND_RATE_HZ)
        frame.pts = self._samples
        self._samples += samples.size
        self._mux(self._sound.encode(frame))

    def _mux(self, packets: Iterable[Any]) -> None:
        import av

        try:
            for packet in packets:
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as error:
            if is_full(error):
                raise full_disk(self.path) from error
            raise

    def _close(self) -> None:
        import av

        try:
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            if is_full(error):
                raise full_disk(self.path) from error
            raise


def to_uint8(frames: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Frames in 0..1 as 8-bit levels, rounded.

    Raises:
        ClipError: `nan`: a value is not finite. Casting would turn it into plausible black.
    """
    if not np.isfinite(frames).all():
        bad = int((~np.isfinite(frames)).sum())
        raise ClipError("nan", f"{bad} of {frames.size} values are not finite")
    levels: NDArray[np.uint8] = np.clip(np.rint(frames * 255), 0, 255).astype(np.uint8)
    return levels


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    *,
    size: tuple[int, int],
    rate: Fraction,
    encoding: Encoding,
    samples: NDArray[np.int16] | None = None,
) -> int:
    """Write a short video with its sound, atomically; returns the number of frames."""
    count = 0
    with atomic_path(path) as temporary:
        with VideoWriter(
            temporary, size=size, rate=rate, encoding=encoding, sound=samples is not None
        ) as writer:
            if samples is not None:
                writer.write_sound(samples)
            for rgb in frames:
                writer.write(rgb)
                count += 1
        if count == 0:
            raise ClipError("no_frames", "nothing to write: the generator made no frame")
    return count

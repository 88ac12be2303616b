"""The sound that drives a video: read in runs as often as it is needed, and written beside the frames in step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.encode import VideoWriter
from liveact_eval.clips.media import open_input, reason_of
from liveact_eval.clips.sound import read_sound
from liveact_eval.errors import ClipError

HIGHEST_RATE_HZ = 48_000
"""Sound at a higher rate is written at this one: MP4 cannot say more."""


@dataclass(frozen=True, kw_only=True)
class DrivingSound:
    """Sound of a file, mono; sample 0 of a video's is at its first frame."""

    path: Path
    """A sound file, or a video with sound."""
    rate: int
    """Samples per second at which it is read."""
    seconds: Fraction
    """Length that is used, from the start."""

    @classmethod
    def open(cls, path: Path, *, rate: int | None = None, seconds: Fraction | None = None) -> DrivingSound:
        """Decode a file once to learn how long it is.

        Args:
            path: a sound file, or a video with sound.
            rate: samples per second; `None`: the file's own, 48 000 at most.
            seconds: use this length from the start; `None`, or more than there is: all of it.

        Raises:
            ClipError: `missing_file`, `unreadable`, `no_audio`, or `empty_audio`.
        """
        rate = rate or _own_rate(path)
        samples = sum(run.size for run in read_sound(path, rate))
        if samples == 0:
            raise ClipError("empty_audio", f"{path.name!r} holds no sample of sound")
        whole = Fraction(samples, rate)
        return cls(path=path, rate=rate, seconds=whole if seconds is None else min(whole, seconds))

    def runs(self) -> Iterator[NDArray[np.int16]]:
        """All samples that are used, in runs; each call reads the file anew."""
        left = round(self.seconds * self.rate)
        for run in read_sound(self.path, self.rate):
            if left <= 0:
                return
            yield run[:left]
            left -= run.size


class SoundInStep:
    """Writes driving sound up to the end of the frames that are written, never ahead of them."""

    def __init__(self, sound: DrivingSound, writer: VideoWriter) -> None:
        self._runs = sound.runs()
        self._rate = sound.rate
        self._writer = writer
        self._rest = np.zeros(0, np.int16)
        self._written = 0

    def write_until(self, time: Fraction) -> None:
        """Write what is heard before `time`, in seconds."""
        wanted = round(time * self._rate) - self._written
        while wanted > 0:
            if not self._rest.size:
                run = next(self._runs, None)
                if run is None:
                    return
                self._rest = run
            piece, self._rest = self._rest[:wanted], self._rest[wanted:]
            self._writer.write_sound(piece)
            self._written += piece.size
            wanted -= piece.size


class MovieWriter(VideoWriter):
    """A video whose sound keeps its own rate. Use inside `atomic_path`, as a context manager."""

    def __init__(
        self, path: Path, *, size: tuple[int, int], rate: Fraction, encoding: Encoding, sound_rate: int
    ) -> None:
        import av

        super().__init__(path, size=size, rate=rate, encoding=encoding, sound=False)
        self._sound_rate = sound_rate
        self._sound = self._container.add_stream(encoding.audio_codec, rate=sound_rate, layout="mono")
        self._sound.codec_context.format = av.AudioFormat("s16")

    def write_sound(self, samples: NDArray[np.int16]) -> None:
        """Add samples, mono int16 at the rate of the sound."""
        import av

        assert self._sound is not None
        if not samples.size:
            return
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = self._sound_rate, Fraction(1, self._sound_rate)
        frame.pts = self._samples
        self._samples += samples.size
        self._mux(self._sound.encode(frame))


def _own_rate(path: Path) -> int:
    import av

    if not path.is_file():
        raise ClipError("missing_file", f"there is no file {path.name!r} in {str(path.parent)!r}")
    try:
        with open_input(path) as container:
            if not container.streams.audio:
                raise ClipError("no_audio", f"{path.name!r} holds no audio stream")
            return min(container.streams.audio[0].rate or HIGHEST_RATE_HZ, HIGHEST_RATE_HZ)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ClipError:
    return ClipError("unreadable", f"{path.name!r} is not sound that can be read: {reason_of(error)}")

"""Sound beside pictures: one clock for both streams of a file."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av


class SoundTrack:
    """Audio frames to mono int16 at `rate`, cut or padded so that sample 0 is at `start` seconds."""

    def __init__(self, stream: av.AudioStream, start: Fraction, rate: int) -> None:
        import av

        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        lag = start_of(stream) - start
        self._skip = max(0, round(-lag * rate))
        self._pad = max(0, round(lag * rate))

    def push(self, frame: av.AudioFrame) -> NDArray[np.int16]:
        """Take the next frame of sound; return the samples that are now known, perhaps none."""
        return self._collect(frame)

    def finish(self) -> NDArray[np.int16]:
        """The samples that the resampler still holds."""
        return self._collect(None)

    def _collect(self, frame: av.AudioFrame | None) -> NDArray[np.int16]:
        parts = [part.to_ndarray().reshape(-1).astype(np.int16) for part in self._resampler.resample(frame)]
        if self._pad and parts:
            parts.insert(0, np.zeros(self._pad, np.int16))
            self._pad = 0
        samples = np.concatenate(parts) if parts else np.zeros(0, np.int16)
        skipped = min(self._skip, samples.size)
        self._skip -= skipped
        return samples[skipped:]


def start_of(stream: av.VideoStream | av.AudioStream) -> Fraction:
    """When a stream starts, in seconds on the clock of its container."""
    base = stream.time_base if stream.time_base is not None else Fraction(1)
    return Fraction(stream.start_time or 0) * base

"""Sound as it arrives, to the speech features of each block of video.

Features come at 25 a second. For video at another rate the sound is brought to that pace first (`tempo`), so that
feature k belongs to video frame k at any rate.
"""

from __future__ import annotations

import threading
from collections import deque
from fractions import Fraction
from typing import Any, Literal, Protocol, get_args

import av
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.tempo import SAMPLE_RATE, TimeStretch

FEATURE_RATE = 25
"""Features per second of stretched sound."""
SAMPLES_PER_FRAME = SAMPLE_RATE // FEATURE_RATE
"""Samples per video frame, after stretching."""
EXTRA_FRAMES = 2
"""Frames behind a block's windows that `windowed` waits for and encodes."""

SpeechMode = Literal["whole", "windowed"]
"""What is encoded at once: all of the sound, or what each block looks at."""


class Encoder(Protocol):
    """What is needed of a speech encoder."""

    def encode(self, samples: NDArray[np.float32] | Tensor, frames: int | None = None) -> Tensor:
        """Features [frames, layers, width] of samples [n] at 16 kHz."""
        ...


class SpeechInput:
    """Takes mono sound at any rate and gives the windows of features of spans of video frames.

    `feed` and `close` may be called by another thread than the one that asks for windows. Spans must not go
    backwards: sound before the start of the last one is forgotten.

    Args:
        encoder: makes features of sound.
        fps: frames per second of the video.
        mode: `whole` encodes all of the sound once it is closed, as the official program does by default; it
            holds all of it and all its features. `windowed` encodes for each block the sound of its span and
            two frames more, each time standardised anew, as the official program does when streaming; it holds
            what it has not used yet.
        window: features around each video frame, odd.

    Raises:
        LiveActError: unknown mode, or a frame rate that no voice survives.
    """

    def __init__(
        self, encoder: Encoder, *, fps: Fraction, mode: SpeechMode = "whole", window: int = 5
    ) -> None:
        if mode not in get_args(SpeechMode):
            raise LiveActError(f"Speech mode {mode!r}; known: {', '.join(get_args(SpeechMode))}")
        self.mode = mode
        self._encoder = encoder
        self._window = window
        self._stretch = None if fps == FEATURE_RATE else TimeStretch(float(FEATURE_RATE / fps))
        self._resampler: Any = None
        self._rate: int | None = None
        self._fed = 0
        self._sound = _Tape()
        self._closed = False
        self._arrival = threading.Condition()
        # Features of the last span (windowed) or of everything (whole), and the video frame they begin with.
        self._features: tuple[int, Tensor] | None = None

    @property
    def closed(self) -> bool:
        """Whether all of the sound is there."""
        return self._closed

    @property
    def seconds(self) -> Fraction:
        """Length of the sound that was fed, at its own pace."""
        return Fraction(self._fed, self._rate) if self._rate else Fraction(0)

    @property
    def held(self) -> int:
        """Samples at 16 kHz that are held."""
        return len(self._sound)

    def feed(self, samples: NDArray[np.float32] | NDArray[np.int16], rate: int) -> None:
        """Append sound.

        Args:
            samples: [n] mono, float32 in [-1, 1] or int16.
            rate: samples per second; the same in every call.

        Raises:
            LiveActError: other type or shape, numbers that are not finite, another rate, or after `close`.
        """
        wave = _as_float(samples)
        with self._arrival:
            if self._closed:
                raise LiveActError("Sound was fed after close(). Start another stream")
            if rate < 1 or (self._rate is not None and rate != self._rate):
                expected = "a positive number" if self._rate is None else f"{self._rate} as before"
                raise LiveActError(f"Sound at {rate} samples per second was fed; expected {expected}")
            self._rate = rate
            self._fed += len(wave)
            self._append(self._to_16k(wave))
            self._arrival.notify_all()

    def close(self) -> None:
        """Say that no more sound will come.

        What a block then lacks is silence (`windowed`) or the last feature again (`whole`).
        """
        with self._arrival:
            if self._closed:
                return
            self._append(self._to_16k(None))
            if self._stretch is not None:
                self._sound.append(self._stretch.finish())
            self._closed = True
            self._arrival.notify_all()

    def ready(self, span: range) -> bool:
        """Whether the sound for these video frames is there."""
        if self.mode == "whole" or self._closed:
            return self._closed
        return self._sound.end >= (span.stop + EXTRA_FRAMES) * SAMPLES_PER_FRAME

    def wait(self, span: range) -> None:
        """Sleep until the sound for these video frames is there or the sound is closed."""
        with self._arrival:
            self._arrival.wait_for(lambda: self._closed or self.ready(span))

    def windows(self, span: range) -> Tensor | None:
        """Windows of features [1, frames, window, layers, width] of these video frames; `None`: not enough sound yet.

        Raises:
            LiveActError: the sound is too short for the encoder, or the span goes backwards.
        """
        with self._arrival:
            if not self.ready(span):
                return None
            sound = self._cut(span)
        if sound is not None:
            start, samples, frames = sound
            self._features = start, self._encoder.encode(samples, frames)
        assert self._features is not None
        start, features = self._features
        return audio_windows(features, span.start - start, len(span), self._window)

    def _cut(self, span: range) -> tuple[int, NDArray[np.float32], int | None] | None:
        """The sound that is to be encoded: its first video frame, samples, number of frames; `None`: it was before."""
        if self.mode == "whole":
            if self._features is not None:
                return None
            samples = self._sound.read(0, self._sound.end)
            self._sound.forget(self._sound.end)
            return 0, samples, None
        if self._features is not None and self._features[0] == span.start:
            return None
        frames = len(span) + EXTRA_FRAMES
        start = span.start * SAMPLES_PER_FRAME
        self._sound.forget(start)
        return span.start, self._sound.read(start, start + frames * SAMPLES_PER_FRAME), frames

    def _append(self, samples: NDArray[np.float32]) -> None:
        self._sound.append(samples if self._stretch is None else self._stretch.push(samples))

    def _to_16k(self, wave: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Samples at 16 kHz; `None` for what the filter still holds."""
        nothing = np.zeros(0, np.float32)
        if self._rate is None or self._rate == SAMPLE_RATE:
            return nothing if wave is None else wave
        if self._resampler is None:
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        frame = None
        if wave is not None:
            if not len(wave):
                return nothing
            frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="flt", layout="mono")
            frame.sample_rate = self._rate
        parts = [part.to_ndarray().reshape(-1) for part in self._resampler.resample(frame)]
        return np.concatenate(parts) if parts else nothing


class _Tape:
    """Samples by their number, of which the oldest may be forgotten. Silence follows the end."""

    def __init__(self) -> None:
        self._runs: deque[NDArray[np.float32]] = deque()
        self._start = 0
        self.end = 0

    def __len__(self) -> int:
        return self.end - self._start

    def append(self, samples: NDArray[np.float32]) -> None:
        if len(samples):
            self._runs.append(samples)
            self.end += len(samples)

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        if start < self._start:
            raise LiveActError(
                f"Sound from sample {start} was asked for; only that from {self._start} is held"
            )
        out = np.zeros(stop - start, np.float32)
        at = self._start
        for run in self._runs:
            low, high = max(start, at), min(stop, at + len(run))
            if low < high:
                out[low - start : high - start] = run[low - at : high - at]
            at += len(run)
        return out

    def forget(self, before: int) -> None:
        """Let samples go by whole runs, so that nothing is copied."""
        while self._runs and self._start + len(self._runs[0]) <= before:
            self._start += len(self._runs.popleft())


def _as_float(samples: NDArray[Any]) -> NDArray[np.float32]:
    if samples.ndim != 1 or samples.dtype not in (np.float32, np.int16):
        raise LiveActError(
            f"Sound of type {samples.dtype} and shape {list(samples.shape)} was fed; expected float32 or int16, "
            "[samples]"
        )
    if samples.dtype == np.int16:
        return (samples.astype(np.float32) / 32768).astype(np.float32)
    if not np.isfinite(samples).all():
        raise LiveActError("The sound holds samples that are not finite. Decode it again.")
    return np.array(samples, dtype=np.float32)

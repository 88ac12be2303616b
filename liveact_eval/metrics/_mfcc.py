"""Mel-frequency cepstral coefficients as SyncNet was trained on: 13 per 10 ms, of int16 samples at 16 kHz.

Equal to python_speech_features 0.6 with its defaults: pre-emphasis 0.97, rectangular 25 ms windows every 10 ms, power
spectrum of 512 points, 26 mel triangles up to 8 kHz, logarithm, orthonormal DCT-II, lifter 22, and the logarithm of the
frame's energy in place of the first coefficient.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, rfft

RATE_HZ = 16_000
HOP = 160
"""Samples from one step to the next."""
FRAME = 400
"""Samples in a frame."""
STEPS_HZ = RATE_HZ // HOP
COEFFICIENTS = 13
WINDOW_STEPS = 20
"""Steps that SyncNet hears at once."""
STEPS_PER_FRAME = 4
"""Steps from one video frame to the next, at 25 frames per second."""

_POINTS = 512
_FILTERS = 26
_PRE_EMPHASIS = 0.97
_LIFTER = 22
_BLOCK = 4096
"""Frames transformed at a time: 16 MB of windows."""

Samples = NDArray[np.int16]
Table = NDArray[np.float64]


def mfcc(samples: NDArray[Any]) -> Table:
    """Coefficients of a whole signal, (steps, 13) float64.

    There are 1 + ceil((n - 400) / 160) steps and at least one; the last frame is filled up with zeros.

    Args:
        samples: (n,) in the range of int16; not scaled to 1.
    """
    stream = MfccStream()
    return np.concatenate([stream.push(samples), stream.finish()])


class MfccStream:
    """The same over sound that arrives in runs of any length, in bounded memory.

    Args:
        previous: the sample before the first; 0 at the beginning of a signal.
    """

    def __init__(self, previous: float = 0.0) -> None:
        self._kept = np.zeros(0)
        self._previous = previous
        self._steps = 0

    def push(self, samples: NDArray[Any]) -> Table:
        """Take (n,) samples; return the steps that are now complete, (m, 13)."""
        if len(samples):
            now = samples.astype(np.float64)
            before = np.concatenate([[self._previous], now[:-1]])
            self._kept = np.concatenate([self._kept, now - _PRE_EMPHASIS * before])
            self._previous = float(now[-1])
        count = max(0, (len(self._kept) - FRAME) // HOP + 1)
        return self._emit(count)

    def finish(self) -> Table:
        """The step that ends in padding, if there is one, (0 or 1, 13)."""
        # What is kept reaches one frame less a sample at most, but its first FRAME - HOP samples are in the last step.
        rest = len(self._kept) - (FRAME - HOP if self._steps else 0)
        if rest <= 0 and self._steps:
            return np.zeros((0, COEFFICIENTS))
        self._kept = np.concatenate([self._kept, np.zeros(FRAME - len(self._kept))])
        return self._emit(1)

    def _emit(self, count: int) -> Table:
        if not count:
            return np.zeros((0, COEFFICIENTS))
        frames = np.lib.stride_tricks.sliding_window_view(self._kept, FRAME)[::HOP][:count]
        made = [_cepstrum(frames[start : start + _BLOCK]) for start in range(0, count, _BLOCK)]
        self._kept = self._kept[count * HOP :].copy()
        self._steps += count
        return np.concatenate(made)


def sound_windows(steps: Table, count: int, first: int = 0) -> Table:
    """What SyncNet hears beside video windows: steps (S, 13) to (count, 20, 13).

    Args:
        steps: coefficients of a signal that begins with frame 0.
        count: number of windows.
        first: video frame that the first window begins with.

    Raises:
        ValueError: the signal is shorter.
    """
    start = first * STEPS_PER_FRAME
    end = start + (count - 1) * STEPS_PER_FRAME + WINDOW_STEPS
    if count < 1:
        return np.zeros((0, WINDOW_STEPS, COEFFICIENTS))
    if end > len(steps):
        raise ValueError(f"{count} windows from frame {first} on need {end} steps; there are {len(steps)}")
    windows = np.lib.stride_tricks.sliding_window_view(steps[start:end], WINDOW_STEPS, axis=0)
    # Copied: the view is read-only, which tensors cannot be.
    return windows[::STEPS_PER_FRAME].transpose(0, 2, 1).copy()


def mel_filters() -> Table:
    """Weight of each point of the power spectrum in each of 26 triangles, (26, 257)."""
    top = 2595 * np.log10(1 + RATE_HZ / 2 / 700)
    edges_hz = 700 * (10 ** (np.linspace(0, top, _FILTERS + 2) / 2595) - 1)
    edges = np.floor((_POINTS + 1) * edges_hz / RATE_HZ)
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    point = np.arange(_POINTS // 2 + 1)
    rising = np.where((point >= low) & (point < peak), (point - low) / (peak - low), 0.0)
    falling = np.where((point >= peak) & (point < high), (high - point) / (high - peak), 0.0)
    return np.asarray(rising + falling)


def _cepstrum(frames: Table) -> Table:
    """(m, 400) frames after pre-emphasis to (m, 13)."""
    power = np.abs(rfft(frames, _POINTS)) ** 2 / _POINTS
    # Not by a matrix product, whose rounding depends on how many frames come together.
    bands = np.einsum("np,fp->nf", power, mel_filters())
    tiny = np.finfo(np.float64).eps
    # Exactly zero only: faint sound below that constant keeps its own logarithm, as in the reference.
    bands = np.where(bands == 0, tiny, bands)
    energy = power.sum(axis=1)
    energy = np.where(energy == 0, tiny, energy)
    cepstrum = dct(np.log(bands), type=2, axis=1, norm="ortho")[:, :COEFFICIENTS]
    lifter = 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / _LIFTER)
    cepstrum = cepstrum * lifter
    cepstrum[:, 0] = np.log(energy)
    return np.asarray(cepstrum)

"""Speech faster or slower at the same pitch, piece by piece: waveform-similarity overlap-add.

W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality
time-scale modification of speech", ICASSP 1993. Segments are taken from the input at the new pace, each moved
by at most `SEARCH` samples so that it continues the one before, and faded into each other.

FFmpeg's `atempo` was measured first: what it gives lies 14 to 43 ms early, by an amount that depends on rate
and factor and is not told, which is up to a whole video frame of lip sync. Here the segment around t seconds
comes out around t / tempo, and only the search moves it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liveact_eval.liveact.errors import LiveActError

SAMPLE_RATE = 16_000
"""Samples per second for which the lengths below are chosen."""
SEGMENT = 512
"""Samples of a segment: 32 ms, two periods of the lowest voices."""
SEARCH = 128
"""Samples by which a segment may be moved either way: 8 ms, half such a period."""
SLOWEST, FASTEST = 0.2, 5.0
"""Factors outside leave nothing of a voice."""

_HOP = SEGMENT // 2
_LEAD = _HOP + SEARCH
# Input is taken in pieces of so many samples, as an hour may come at once.
_PIECE = 1 << 14
# At equal likeness the segment that is not moved wins, in silence above all.
_PULL = 1e-3

Samples = NDArray[np.float32]


class TimeStretch:
    """Takes mono samples at 16 kHz and gives them back at another pace; the cuts between pieces do not matter.

    Args:
        tempo: how many times faster, 0.2 to 5; 1 changes nothing but delays.

    Raises:
        LiveActError: another factor.
    """

    def __init__(self, tempo: float) -> None:
        if not SLOWEST <= tempo <= FASTEST:
            raise LiveActError(f"Tempo {tempo:g}: expected {SLOWEST:g} to {FASTEST:g}")
        self._tempo = tempo
        self._fade = np.hanning(SEGMENT + 1)[:-1].astype(np.float32)
        # The input as far as it is still needed; its first sample is number `_base` of the padded input.
        self._input = np.zeros(_LEAD, np.float32)
        self._base = 0
        self._taken = 0
        self._given = 0
        self._segments = 0
        self._last = _LEAD
        self._overlap = np.zeros(_HOP, np.float32)

    def push(self, samples: Samples) -> Samples:
        """Take samples in [-1, 1]; give those that are final now, perhaps none."""
        self._taken += len(samples)
        parts: list[Samples] = []
        for start in range(0, len(samples), _PIECE):
            self._input = np.concatenate([self._input, samples[start : start + _PIECE]])
            while self._reach() <= self._base + len(self._input):
                parts.append(self._next())
            self._forget()
        return self._count(parts)

    def finish(self) -> Samples:
        """The rest. In all, n samples become round(n / tempo)."""
        total = round(self._taken / self._tempo)
        parts: list[Samples] = []
        missing = total - self._given
        while missing > 0:
            short = self._reach() - self._base - len(self._input)
            if short > 0:
                self._input = np.concatenate([self._input, np.zeros(short, np.float32)])
            parts.append(self._next()[:missing])
            missing -= len(parts[-1])
        return self._count(parts)

    def _centre(self) -> int:
        """Where the next segment would lie unmoved, in the padded input."""
        return _LEAD + round(self._segments * _HOP * self._tempo)

    def _reach(self) -> int:
        """The end of what the next segment's choice looks at."""
        return max(self._centre() + SEARCH, self._last + _HOP) + _HOP

    def _next(self) -> Samples:
        """Choose and fade in a segment; the hop of output before its centre becomes final."""
        centre = self._centre()
        if self._segments:
            centre += self._best_shift(centre)
        segment = self._at(centre, _HOP) * self._fade
        final = self._overlap + segment[:_HOP]
        self._overlap = segment[_HOP:]
        self._last = centre
        first = self._segments == 0
        self._segments += 1
        # The first segment's centre is the first sample: what lies before it is no output.
        return final[:0] if first else final

    def _best_shift(self, centre: int) -> int:
        """The shift at which the input is most like what followed the last segment."""
        wanted = self._at(self._last + _HOP, _HOP)
        field = self._at(centre, _HOP + SEARCH)
        likeness = np.correlate(field, wanted, mode="valid")
        energy = np.concatenate([[0.0], np.cumsum(np.square(field, dtype=np.float64))])
        sizes = np.sqrt(
            np.maximum(energy[SEGMENT:] - energy[:-SEGMENT], 0.0) * float(np.square(wanted).sum())
        )
        shifts = np.arange(-SEARCH, SEARCH + 1)
        scores = likeness / (sizes + 1e-9) - _PULL * np.abs(shifts) / SEARCH
        return int(shifts[np.argmax(scores)])

    def _at(self, centre: int, reach: int) -> Samples:
        """The input from `reach` samples before a place to `reach` after it."""
        start = centre - reach - self._base
        return self._input[start : start + 2 * reach]

    def _forget(self) -> None:
        """Let go of input that no later segment looks at."""
        keep = min(self._centre() - SEARCH, self._last + _HOP) - _HOP
        if keep > self._base:
            self._base, self._input = keep, self._input[keep - self._base :].copy()

    def _count(self, parts: list[Samples]) -> Samples:
        samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        self._given += len(samples)
        return samples

"""Sound that was heard and may still be needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLES = 640
"""Samples of a frame, at 16 kHz and 25 frames per second."""

Samples = NDArray[np.int16]


class SoundTape:
    """Samples by their number in the video, from the earliest that nobody has said to forget."""

    def __init__(self) -> None:
        self._kept: Samples = np.zeros(0, np.int16)
        self._first = 0

    @property
    def end(self) -> int:
        """Samples that there were in all."""
        return self._first + len(self._kept)

    def push(self, samples: Samples) -> None:
        """Take the next samples, (n,)."""
        self._kept = np.concatenate([self._kept, samples])

    def read(self, start: int, stop: int) -> Samples:
        """Samples `start` to `stop`, as far as they are there already.

        Raises:
            ValueError: some of them were forgotten.
        """
        if start < self._first:
            raise ValueError(f"samples from {start} on are asked for; those before {self._first} are gone")
        return self._kept[start - self._first : max(start, stop) - self._first]

    def forget(self, before: int) -> None:
        """Drop what comes before a sample."""
        if before > self._first:
            dropped = min(before, self.end) - self._first
            self._kept = self._kept[dropped:].copy()
            self._first += dropped

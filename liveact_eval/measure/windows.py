"""Consecutive windows over a stream that arrives in runs of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


class FrameWindows:
    """Windows of frames as a strided view: no frame is copied more than once, whatever the overlap."""

    def __init__(self, window: int, hop: int) -> None:
        self._window, self._hop = window, hop
        self._kept: torch.Tensor | None = None
        self._skip = 0

    def push(self, frames: torch.Tensor) -> torch.Tensor | None:
        """Take (n, ...) frames; return (m, window, ...) windows that are now complete, or `None`."""
        import torch

        if self._skip:
            skipped = min(self._skip, len(frames))
            frames, self._skip = frames[skipped:], self._skip - skipped
        held = frames if self._kept is None else torch.cat([self._kept, frames])
        count = (len(held) - self._window) // self._hop + 1 if len(held) >= self._window else 0
        used = count * self._hop
        self._skip += max(0, used - len(held))
        # Cloned, or the kept tail would hold on to the whole run that it is a view of.
        self._kept = held[used:].clone() if used < len(held) else None
        if count == 0:
            return None
        # unfold puts the window last; it belongs right behind the count.
        return held.unfold(0, self._window, self._hop).movedim(-1, 1)[:count]


class SoundWindows:
    """The same over samples: (n,) in, (m, window) out."""

    def __init__(self, window: int, hop: int) -> None:
        self._window, self._hop = window, hop
        self._kept = np.zeros(0, np.int16)
        self._skip = 0

    def push(self, samples: NDArray[np.int16]) -> NDArray[np.int16] | None:
        """Take (n,) samples; return (m, window) windows that are now complete, or `None`."""
        if self._skip:
            skipped = min(self._skip, len(samples))
            samples, self._skip = samples[skipped:], self._skip - skipped
        held = np.concatenate([self._kept, samples])
        count = (len(held) - self._window) // self._hop + 1 if len(held) >= self._window else 0
        used = count * self._hop
        self._skip += max(0, used - len(held))
        self._kept = held[used:].copy()
        if count == 0:
            return None
        return np.lib.stride_tricks.sliding_window_view(held, self._window)[:: self._hop][:count]

"""Consecutive windows over a stream that arrives in runs of any length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


class FrameWindows:
    """Windows of frames as a strided view: no frame is copied more than once, whatever the overlap.

    Args:
        window: frames in a window.
        hop: frames from one window's start to the next.
        every: frames from one that counts to the next, from the first of the stream on.
        at_once: windows come in numbers that this divides; only the last may be fewer.
    """

    def __init__(self, window: int, hop: int, every: int = 1, at_once: int = 1) -> None:
        self._window, self._hop, self._every, self._at_once = window, hop, every, at_once
        self._seen = 0
        self._kept: torch.Tensor | None = None
        self._skip = 0

    def push(self, frames: torch.Tensor) -> torch.Tensor | None:
        """Take (n, ...) frames; return (m, window, ...) windows that are now complete, or `None`."""
        import torch

        seen, self._seen = self._seen, self._seen + len(frames)
        frames = frames[-seen % self._every :: self._every]
        if self._skip:
            skipped = min(self._skip, len(frames))
            frames, self._skip = frames[skipped:], self._skip - skipped
        held = frames if self._kept is None else torch.cat([self._kept, frames])
        count = _whole(len(held), self._window, self._hop)
        return self._take(held, count - count % self._at_once)

    def finish(self) -> torch.Tensor | None:
        """The windows that waited for more, or `None`."""
        if self._kept is None:
            return None
        return self._take(self._kept, _whole(len(self._kept), self._window, self._hop))

    def _take(self, held: torch.Tensor, count: int) -> torch.Tensor | None:
        used = count * self._hop
        self._skip += max(0, used - len(held))
        # Cloned, or the kept tail would hold on to the whole run that it is a view of.
        self._kept = held[used:].clone() if used < len(held) else None
        if count == 0:
            return None
        # unfold puts the window last; it belongs right behind the count.
        return held.unfold(0, self._window, self._hop).movedim(-1, 1)[:count]


class SoundWindows:
    """The same over samples: (n,) in, (m, window) out.

    Args:
        window: samples in a window.
        hop: samples from one window's start to the next.
        lead: zeros before the first sample, with which the first window begins.
        at_once: as for frames.
    """

    def __init__(self, window: int, hop: int, lead: int = 0, at_once: int = 1) -> None:
        self._window, self._hop, self._at_once = window, hop, at_once
        self._kept = np.zeros(lead, np.int16)
        self._skip = 0

    def push(self, samples: NDArray[np.int16]) -> NDArray[np.int16] | None:
        """Take (n,) samples; return (m, window) windows that are now complete, or `None`."""
        if self._skip:
            skipped = min(self._skip, len(samples))
            samples, self._skip = samples[skipped:], self._skip - skipped
        held = np.concatenate([self._kept, samples])
        count = _whole(len(held), self._window, self._hop)
        return self._take(held, count - count % self._at_once)

    def finish(self) -> NDArray[np.int16] | None:
        """The windows that waited for more, or `None`."""
        return self._take(self._kept, _whole(len(self._kept), self._window, self._hop))

    def _take(self, held: NDArray[np.int16], count: int) -> NDArray[np.int16] | None:
        used = count * self._hop
        self._skip += max(0, used - len(held))
        self._kept = held[used:].copy()
        if count == 0:
            return None
        return np.lib.stride_tricks.sliding_window_view(held, self._window)[:: self._hop][:count]


def _whole(length: int, window: int, hop: int) -> int:
    """Windows that a stretch of a stream holds."""
    return (length - window) // hop + 1 if length >= window else 0

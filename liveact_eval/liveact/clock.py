"""Where the time of a block goes. On a GPU the clock waits for the work that it measures."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class BlockTimings:
    """Seconds of one block, by part."""

    condition_s: float
    """Speech features, and where they are new: reference picture, text and image conditions."""
    dit_s: float
    """All denoising steps."""
    vae_s: float
    """Decoding to frames."""
    host_s: float
    """Rounding to 8 bits and the copy to the host."""

    @property
    def total_s(self) -> float:
        """All of it."""
        return self.condition_s + self.dit_s + self.vae_s + self.host_s


class LapClock:
    """Measures one stretch of work after the other."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._last = self.now()

    def now(self) -> float:
        """Seconds, once all work of the device is done."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap, or since the clock was made."""
        before, self._last = self._last, self.now()
        return self._last - before

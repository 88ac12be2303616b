"""How fast a run goes, and how much of a GPU's memory it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import torch

from liveact_eval.training.devices import peak_gib


class Speed(NamedTuple):
    """What one process knows of it."""

    samples_per_s: float
    """Samples of all processes per second of training since the last report: waiting for batches counts; validation
    and checkpoints do not."""
    peak_vram_gib: float | None
    """Most memory of its GPU in use at once since the run began; `None` on a CPU."""


SPEED = frozenset(Speed._fields)
"""Names of these numbers in a log, where they stand beside losses."""


class Pace:
    """Counts the steps of a process, and the seconds that they take.

    Args:
        device: where it computes.
        batch: samples of a step, over all processes.
    """

    def __init__(self, device: torch.device, batch: int) -> None:
        self._device, self._batch = device, batch
        self._steps, self._seconds = 0, 0.0
        self._began = time.monotonic()

    def begin(self) -> None:
        """From now on, time is training's."""
        self._began = time.monotonic()

    def step(self) -> None:
        """A step has ended; its numbers are on the host, so that the device is done too."""
        self._steps, self._seconds = self._steps + 1, self._seconds + time.monotonic() - self._began

    def report(self) -> Speed:
        """The speed since the last report, or since the beginning."""
        speed = Speed(self._batch * self._steps / max(self._seconds, 1e-9), peak_gib(self._device))
        self._steps, self._seconds = 0, 0.0
        return speed


def of_all(speeds: Sequence[Speed]) -> dict[str, float]:
    """What is logged of the speeds of all processes: that of the first, and the memory of whichever takes the most."""
    peaks = [speed.peak_vram_gib for speed in speeds if speed.peak_vram_gib is not None]
    told = {"samples_per_s": speeds[0].samples_per_s}
    return told | ({"peak_vram_gib": max(peaks)} if peaks else {})

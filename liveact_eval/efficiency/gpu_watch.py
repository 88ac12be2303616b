"""What a GPU is like while it works. Before and behind the work it idles, and nothing holds its clocks down."""

from __future__ import annotations

import statistics
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType

from pydantic import BaseModel, ConfigDict

from liveact_eval.efficiency.nvml import GpuState

_EVERY_S = 0.5
"""A look takes the driver about a millisecond, on a thread of its own."""


class GpuLoad(BaseModel):
    """A GPU over the time in which videos were made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    looks: int
    """How often the driver was asked."""
    sm_clock_low_mhz: int | None
    sm_clock_median_mhz: float | None
    sm_clock_high_mhz: int | None
    power_mean_w: float | None
    power_high_w: float | None
    temperature_high_c: int | None
    throttled: dict[str, int] | None
    """In how many looks something held the clocks down, by what; `null`: the driver does not say."""


def load_of(states: Sequence[GpuState]) -> GpuLoad | None:
    """What many looks come to; `None` where there is none."""
    if not states:
        return None
    clocks = [state.sm_clock_mhz for state in states if state.sm_clock_mhz is not None]
    powers = [state.power_w for state in states if state.power_w is not None]
    temperatures = [state.temperature_c for state in states if state.temperature_c is not None]
    said = [state.throttled_by for state in states if state.throttled_by is not None]
    return GpuLoad(
        looks=len(states),
        sm_clock_low_mhz=min(clocks, default=None),
        sm_clock_median_mhz=statistics.median(clocks) if clocks else None,
        sm_clock_high_mhz=max(clocks, default=None),
        power_mean_w=statistics.fmean(powers) if powers else None,
        power_high_w=max(powers, default=None),
        temperature_high_c=max(temperatures, default=None),
        throttled=dict(Counter(reason for reasons in said for reason in reasons)) if said else None,
    )


class GpuWatch:
    """Looks at a GPU from a thread of its own. Use as a context manager.

    Args:
        look: gives its state; `None`: there is nothing to look at.
        every_s: seconds between two looks.
    """

    def __init__(self, look: Callable[[], GpuState] | None, every_s: float = _EVERY_S) -> None:
        self._look = look
        self._every_s = every_s
        self._left = threading.Event()
        self._states: list[GpuState] = []
        self._thread = threading.Thread(target=self._watch, name="gpu watch")

    def __enter__(self) -> GpuWatch:
        if self._look is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        if self._look is not None:
            self._thread.join()

    def load(self) -> GpuLoad | None:
        """What was seen so far."""
        return load_of(self._states)

    def _watch(self) -> None:
        assert self._look is not None
        while not self._left.wait(self._every_s):
            self._states.append(self._look())

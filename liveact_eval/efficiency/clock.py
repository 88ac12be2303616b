"""What time it is: a clock that can be replaced, so that tests know every duration beforehand."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only grow."""

    def now(self) -> float:
        """Seconds since some moment."""
        ...


class MonotonicClock:
    """The machine's own."""

    def now(self) -> float:
        """See `Clock.now`."""
        return time.perf_counter()

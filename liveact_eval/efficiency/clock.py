"""What time it is: a clock that can be replaced, so that tests know every duration beforehand."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only grow."""

    def now(self) -> float:
        """Seconds since some moment."""
        ...


class LiveClock(Clock, Protocol):
    """A clock that one can wait by."""

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        """Wait so long, or until the event is set; not at all for 0 or less."""
        ...


class MonotonicClock:
    """The machine's own."""

    def now(self) -> float:
        """See `Clock.now`."""
        return time.perf_counter()

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        """See `LiveClock.sleep`."""
        if seconds > 0:
            unless.wait(seconds)

"""Time for two threads that goes on only when both wait for it: a live call takes no time and has one outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from liveact_eval.efficiency.streaming import MadeBlock
from tests.unit.efficiency.fake_stream import FPS, RATE, Plan

_THREADS = 2
_POLL_S = 0.005
"""Of real time: an event that is set tells nobody."""


class VirtualTime:
    """A clock that jumps to the next moment at which somebody has something to do."""

    def __init__(self) -> None:
        self._seconds = 100.0
        self._changed = threading.Condition()
        self._due: list[float] = []
        self._wanted: list[Callable[[], bool]] = []
        self._threads = _THREADS

    def now(self) -> float:
        return self._seconds

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        """As `LiveClock.sleep`."""
        if seconds <= 0 or unless.is_set():
            return
        with self._changed:
            due = self._seconds + seconds
            self._due.append(due)
            self._turn()
            while self._seconds < due and not unless.is_set():
                self._changed.wait(_POLL_S)
            if due in self._due:
                self._due.remove(due)

    def wait_for(self, wanted: Callable[[], bool]) -> None:
        """Until something is so."""
        with self._changed:
            self._wanted.append(wanted)
            self._turn()
            self._changed.wait_for(wanted, timeout=20)
            self._wanted.remove(wanted)
            assert wanted(), "both threads wait for each other"

    def leave(self) -> None:
        """One of the threads waits for nothing any more."""
        with self._changed:
            self._threads = 1
            self._turn()

    def _turn(self) -> None:
        """Go on where all wait and none of them has what it waits for."""
        if any(wanted() for wanted in self._wanted):
            self._changed.notify_all()
        elif self._due and len(self._due) + len(self._wanted) >= self._threads:
            self._seconds = min(self._due)
            self._due = [due for due in self._due if due > self._seconds]
            self._changed.notify_all()


class LiveFake:
    """Gives planned blocks to a thread that waits for them, while another one feeds."""

    def __init__(
        self,
        time: VirtualTime,
        plans: Sequence[Plan],
        *,
        open_s: float = 0.0,
        deaf_after_s: float = 1e9,
        fails_at: int = -1,
    ) -> None:
        self.time, self.plans, self.open_s, self.deaf_after_s = time, plans, open_s, deaf_after_s
        self.fails_at = fails_at
        self.settling = 2
        self.streams: list[LiveFakeStream] = []

    def open(self, seed: int) -> LiveFakeStream:
        self.time._seconds += self.open_s
        self.streams.append(LiveFakeStream(self))
        return self.streams[-1]


class LiveFakeStream:
    """One video of it."""

    fps = FPS

    def __init__(self, generator: LiveFake) -> None:
        self._of = generator
        self._next = 0
        self.samples = 0
        self.closed = False
        self.fed_by: set[str] = set()

    @property
    def done(self) -> bool:
        return self._next == len(self._of.plans)

    def feed(self, samples: NDArray[np.int16], rate: int) -> None:
        self.fed_by.add(threading.current_thread().name)
        if self.samples >= self._of.deaf_after_s * RATE:
            raise ValueError("this sound cannot be taken")
        self.samples += len(samples)

    def close(self) -> None:
        self.closed = True
        self._of.time.leave()

    def blocks(self, *, wait: bool = False) -> Iterator[MadeBlock]:
        assert wait
        while not self.done:
            plan = self._of.plans[self._next]
            needed = round(plan.heard_s * RATE)
            self._of.time.wait_for(lambda needed=needed: self.closed or self.samples >= needed)  # type: ignore[misc]
            if self.samples < needed:
                return
            if self._next == self._of.fails_at:
                raise KeyboardInterrupt
            for _, seconds in plan.stages:
                self._of.time.sleep(seconds, threading.Event())
            self._next += 1
            yield MadeBlock(np.zeros((plan.frames, 2, 2, 3), np.uint8), plan.stages)

    def kv_bytes(self) -> None:
        return None

    def model_calls(self) -> None:
        return None

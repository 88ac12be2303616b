"""A generator whose every duration is known, a clock that it moves, and meters that tell what they are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from liveact_eval.efficiency.measure import record
from liveact_eval.efficiency.samples import Recording
from liveact_eval.efficiency.streaming import MadeBlock

RATE = 1000
"""Samples per second: 10 in a packet."""
FPS = Fraction(20)


class FakeClock:
    """Stands still until somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass(frozen=True)
class Plan:
    """One block of the fake: what it needs, and what each stage takes."""

    frames: int
    heard_s: float
    stages: tuple[tuple[str, float], ...]
    unclaimed_s: float = 0.0


class FakeGenerator:
    """Gives planned blocks once enough sound was fed."""

    def __init__(
        self,
        clock: FakeClock,
        plans: Sequence[Plan],
        *,
        open_s: float = 0.0,
        feed_s: float = 0.0,
        settling: int = 2,
    ) -> None:
        self.clock, self.plans, self.open_s, self.feed_s = clock, plans, open_s, feed_s
        self.settling = settling

    def open(self, seed: int) -> FakeStream:
        self.clock.sleep(self.open_s)
        return FakeStream(self)


class FakeStream:
    """One video of the fake."""

    fps = FPS

    def __init__(self, generator: FakeGenerator) -> None:
        self._of = generator
        self._next = 0
        self._samples = 0
        self._closed = False

    @property
    def done(self) -> bool:
        return self._next == len(self._of.plans)

    def feed(self, samples: NDArray[np.int16], rate: int) -> None:
        assert rate == RATE
        self._samples += len(samples)
        self._of.clock.sleep(self._of.feed_s)

    def close(self) -> None:
        self._closed = True

    def blocks(self, *, wait: bool = False) -> Iterator[MadeBlock]:
        assert not wait
        while not self.done:
            plan = self._of.plans[self._next]
            if not self._closed and self._samples < round(plan.heard_s * RATE):
                return
            for _, seconds in plan.stages:
                self._of.clock.sleep(seconds)
            self._of.clock.sleep(plan.unclaimed_s)
            self._next += 1
            yield MadeBlock(np.zeros((plan.frames, 2, 2, 3), np.uint8), plan.stages)

    def kv_bytes(self) -> int:
        return 3 * 2**20

    def model_calls(self) -> int:
        return 3 * self._next


class FakeMemory:
    """Grows by a MiB with every look at the host."""

    def __init__(self) -> None:
        self.resets = 0
        self._host = 0

    def reset(self) -> None:
        self.resets += 1
        self._host = 0

    def device_peak_bytes(self) -> int:
        return 5 * 2**30

    def host_bytes(self) -> int:
        self._host += 2**20
        return self._host

    def host_peak_bytes(self) -> int:
        return 7 * 2**30


class SlowSink:
    """Takes a known time to encode a block."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self.firsts: list[int] = []

    def write_block(self, frames: NDArray[np.uint8], first_frame: int) -> None:
        self.firsts.append(first_frame)
        self._clock.sleep(self._seconds)


def steady_plans(compute_s: Sequence[float], *, look_ahead_s: float = 0.1) -> list[Plan]:
    """Blocks of 21, then 32 frames; 70 % of each in `step_0`, 20 % in `vae`, 10 % in `host`."""
    plans, frames = [], 0
    for index, seconds in enumerate(compute_s):
        count = 21 if index == 0 else 32
        frames += count
        stages = (("step_0", 0.7 * seconds), ("vae", 0.2 * seconds), ("host", 0.1 * seconds))
        plans.append(Plan(count, float(frames / FPS) + look_ahead_s, stages))
    return plans


def made(
    plans: Sequence[Plan],
    *,
    open_s: float = 0.0,
    feed_s: float = 0.0,
    encode_s: float | None = None,
    watts: float | None = None,
) -> Recording:
    """What is recorded of the fake."""
    clock = FakeClock()
    generator = FakeGenerator(clock, plans, open_s=open_s, feed_s=feed_s)
    seconds = max(plan.heard_s for plan in plans) + 1.0
    return record(
        generator,
        np.zeros(round(seconds * RATE), np.int16),
        RATE,
        seed=0,
        clock=clock,
        memory=FakeMemory(),
        sink=None if encode_s is None else SlowSink(clock, encode_s),
        energy=None if watts is None else (lambda: watts * clock.now()),
    )

"""Where the time of a block goes. On a GPU the clock counts the work that it measures, not its being asked for.

A `StageClock` is started with a block. Whoever does the work names it with `stage`, and need not know the clock:

    with stage("memory"):
        positions = memory.begin_block(...)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import torch

OTHER = "other"
"""What no stage claims."""
_DIT = ("rollout", "memory", "context_pass")


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
    stages: tuple[tuple[str, float], ...] = ()
    """(stage, seconds), in the order in which they first came: `speech`, `reference`, `image`, `text`, `step_0` and
    further denoising steps without their `memory`, `context_pass`, `rollout` for what is left of the transformer's
    work, `vae`, `host`, and `other`. No time is in two of them, so that they sum to the total."""

    @classmethod
    def of(cls, stages: tuple[tuple[str, float], ...]) -> BlockTimings:
        """The four parts of all stages."""
        parts = {"condition_s": 0.0, "dit_s": 0.0, "vae_s": 0.0, "host_s": 0.0}
        for name, seconds in stages:
            parts[_part(name)] += seconds
        return cls(**parts, stages=stages)

    @property
    def total_s(self) -> float:
        """All of it."""
        return self.condition_s + self.dit_s + self.vae_s + self.host_s


def _part(name: str) -> str:
    if name in ("vae", "host"):
        return f"{name}_s"
    return "dit_s" if name in _DIT or name.startswith("step_") else "condition_s"


class Ticker(Protocol):
    """Marks moments in the order of the work."""

    def tick(self) -> Any:
        """A mark behind all work that was asked for so far."""
        ...

    def settle(self, last: Any) -> None:
        """Wait until a mark and all before it were reached."""
        ...

    def seconds(self, before: Any, after: Any) -> float:
        """Seconds between two marks that were reached."""
        ...


class HostTicker:
    """The monotonic clock of the host, for work that is done when its call returns."""

    def tick(self) -> float:
        """Seconds now."""
        return time.perf_counter()

    def settle(self, last: float) -> None:
        """Nothing to wait for."""

    def seconds(self, before: float, after: float) -> float:
        """Their difference."""
        return after - before


class EventTicker:
    """Events in the queue of a GPU: the host does not wait for work only because it is measured."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def tick(self) -> Any:
        """An event behind all work of the current stream."""
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        return event

    def settle(self, last: Any) -> None:
        """Wait for the event."""
        last.synchronize()

    def seconds(self, before: Any, after: Any) -> float:
        """Seconds of the GPU between two events, its waiting for the host included."""
        return float(before.elapsed_time(after)) / 1000.0


class StageClock:
    """Says of all time from its making to `finish` which stage it belongs to: the one that was entered last.

    Args:
        ticker: marks moments.
    """

    def __init__(self, ticker: Ticker) -> None:
        self._ticker = ticker
        self._open = [OTHER]
        self._marks: list[tuple[str, Any]] = [(OTHER, ticker.tick())]

    @classmethod
    def on(cls, device: torch.device) -> StageClock:
        """A clock for work on a device."""
        return cls(EventTicker(device) if device.type == "cuda" else HostTicker())

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Charge what happens inside to a stage, but for stages within it."""
        self._open.append(name)
        self._marks.append((name, self._ticker.tick()))
        try:
            yield
        finally:
            self._open.pop()
            self._marks.append((self._open[-1], self._ticker.tick()))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of every `stage` that is named inside, whoever names it."""
        before = _LISTENING.set(self)
        try:
            yield
        finally:
            _LISTENING.reset(before)

    def finish(self) -> BlockTimings:
        """The block is done."""
        last = self._ticker.tick()
        self._ticker.settle(last)
        found: dict[str, float] = {}
        for (name, before), (_, after) in pairwise([*self._marks, (OTHER, last)]):
            found[name] = found.get(name, 0.0) + self._ticker.seconds(before, after)
        return BlockTimings.of(tuple(found.items()))


_LISTENING: ContextVar[StageClock | None] = ContextVar("stage clock", default=None)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Name work for the clock of the block that it belongs to; nothing happens where no clock listens."""
    clock = _LISTENING.get()
    if clock is None:
        yield
        return
    with clock.stage(name):
        yield


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

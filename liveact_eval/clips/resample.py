"""Constant frame rate by timestamp: which source frame is shown at each tick."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Generic, TypeVar

T = TypeVar("T")


class ConstantRate(Generic[T]):
    """Repeats and drops frames so that they come at a constant rate; no interpolation.

    The rule is that of ffmpeg's `fps` filter with its default rounding: a frame moves to the tick nearest
    to its timestamp (halves upwards), stays until the next frame's tick, and of two frames on one tick the
    later wins. Arithmetic is exact, so an hour drifts by nothing.
    """

    def __init__(self, rate: Fraction) -> None:
        self._rate = rate
        self._held: tuple[int, T] | None = None
        self._end = Fraction(0)

    def push(self, time: Fraction, duration: Fraction, item: T) -> Iterator[tuple[Fraction, T]]:
        """Take the next frame; yield (time in seconds, frame) for every tick that is now decided."""
        tick = _nearest(time * self._rate)
        self._end = time + duration
        held, self._held = self._held, (tick, item)
        if held is not None:
            start, previous = held
            for n in range(start, tick):
                yield n / self._rate, previous
            if tick < start:
                self._held = (start, item)

    def finish(self) -> Iterator[tuple[Fraction, T]]:
        """The ticks of the last frame: up to the end of its duration, at least one if none came before."""
        if self._held is None:
            return
        start, item = self._held
        self._held = None
        end = max(_nearest(self._end * self._rate), 1 if start == 0 else start)
        for n in range(start, end):
            yield n / self._rate, item


def _nearest(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))

"""A live call in real time: a worker thread feeds sound at the speed of speech while frames are made.

The simulator works out the same from blocks that were timed one after the other, and nobody waits for it. Here sound,
its resampling and the model share the machine as they do in a call, and it is written down when frames really came.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from liveact_eval.efficiency.clock import LiveClock
from liveact_eval.efficiency.measure import PACKET_S
from liveact_eval.efficiency.simulator import Emission, Timeline
from liveact_eval.efficiency.streaming import BlockStream, StreamingGenerator
from liveact_eval.errors import LiveactEvalError
from liveact_eval.liveact.errors import LiveActError


@dataclass(frozen=True, kw_only=True)
class LiveCall:
    """One video that was made while its sound was spoken."""

    timeline: Timeline
    """When its blocks came, in seconds since the first sample was spoken."""
    open_s: float
    """Seconds from the request until the first sample was spoken."""
    late_s: float
    """By how much sound was fed later than it was spoken, at most: a busy machine holds the worker thread up."""


def call(
    generator: StreamingGenerator,
    sound: NDArray[np.int16],
    rate: int,
    *,
    seed: int,
    clock: LiveClock,
    told: Callable[[int], None] | None = None,
) -> LiveCall:
    """Make a video in real time.

    Args:
        generator: makes it.
        sound: [n] mono, spoken from the moment on at which the stream is open.
        rate: samples per second.
        seed: of the video.
        clock: what time it is, and how to wait.
        told: hears how many frames each block has.

    Raises:
        LiveActError: whatever the stream says of its sound, in the worker thread too.
    """
    began = clock.now()
    stream = generator.open(seed)
    spoken = clock.now()
    emissions: list[Emission] = []
    first = 0
    with _Speaker(stream, sound, rate, clock, spoken) as speaker:
        for block in stream.blocks(wait=True):
            frames = len(block.frames)
            emissions.append(Emission(first_frame=first, frames=frames, at_s=clock.now() - spoken))
            first += frames
            if told is not None:
                told(frames)
    return LiveCall(
        timeline=Timeline(tuple(emissions), float(stream.fps)), open_s=spoken - began, late_s=speaker.late_s
    )


class _Speaker:
    """Feeds a stream from a worker thread, each packet when its last sample was spoken. Use as a context manager.

    Leaving the context ends the thread, in the middle of a word if need be, and raises what it could not do.
    """

    def __init__(
        self, stream: BlockStream, sound: NDArray[np.int16], rate: int, clock: LiveClock, spoken: float
    ) -> None:
        self._stream, self._sound, self._rate, self._clock, self._spoken = stream, sound, rate, clock, spoken
        self._left = threading.Event()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="speaker")
        self.late_s = 0.0

    def __enter__(self) -> _Speaker:
        self._spoken_all = self._worker.submit(self._speak)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        self._worker.shutdown()
        # A reader that found too little sound tells of the consequence only; Ctrl-C is not to be replaced.
        if value is None or isinstance(value, Exception):
            self._spoken_all.result()

    def _speak(self) -> None:
        with contextlib.ExitStack() as failing:
            # Or a reader whose source has failed sleeps for ever; what it says of too little sound is no news then.
            failing.callback(self._hang_up)
            self._feed()
            failing.pop_all()

    def _hang_up(self) -> None:
        with contextlib.suppress(LiveactEvalError, LiveActError):
            self._stream.close()

    def _feed(self) -> None:
        packet = max(1, round(PACKET_S * self._rate))
        for start in range(0, len(self._sound), packet):
            stop = min(start + packet, len(self._sound))
            due = self._spoken + stop / self._rate
            self._clock.sleep(due - self._clock.now(), self._left)
            if self._left.is_set():
                return
            self.late_s = max(self.late_s, self._clock.now() - due)
            self._stream.feed(self._sound[start:stop], self._rate)
        self._stream.close()

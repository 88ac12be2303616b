"""Making one video with a clock beside it: sound goes in as a microphone gives it, each block is timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from liveact_eval.efficiency.clock import Clock
from liveact_eval.efficiency.memory import MemoryMeter
from liveact_eval.efficiency.samples import SOUND, BlockSample, Recording
from liveact_eval.efficiency.streaming import BlockStream, MadeBlock, StreamingGenerator

PACKET_S = 0.01
"""Seconds of sound that are fed at a time, as a live source gives it: what a block needs is known to that."""
EnergyMeter = Callable[[], "float | None"]
"""Joules since some moment; `None`: not counted."""
Told = Callable[[int], None]
"""Hears of every block when it was made: how many frames it has."""


class FrameSink(Protocol):
    """Takes frames to write them."""

    def write_block(self, frames: NDArray[np.uint8], first_frame: int) -> None:
        """Encode the frames [F, H, W, 3] of a block."""
        ...


def record(
    generator: StreamingGenerator,
    sound: NDArray[np.int16],
    rate: int,
    *,
    seed: int,
    clock: Clock,
    memory: MemoryMeter,
    sink: FrameSink | None = None,
    energy: EnergyMeter | None = None,
    told: Told | None = None,
    blocks: int | None = None,
) -> Recording:
    """Make a video and time every block of it.

    Args:
        generator: makes it.
        sound: [n] mono.
        rate: samples per second.
        seed: of the video.
        clock: what time it is, once the work of a block is done.
        memory: how much is in use.
        sink: where frames are encoded, beside the measured time.
        energy: of the device.
        told: hears of every block.
        blocks: stop after so many.
    """
    memory.reset()
    before_j = None if energy is None else energy()
    started = clock.now()
    stream = generator.open(seed)
    open_s = clock.now() - started
    taker = _Taker(clock, memory, sink)
    samples: list[BlockSample] = []
    for sample in taker.blocks(stream, sound, rate):
        samples.append(sample)
        if told is not None:
            told(sample.frames)
        if len(samples) == blocks:
            break
    after_j = None if energy is None else energy()
    return Recording(
        fps=stream.fps,
        open_s=open_s,
        blocks=tuple(samples),
        settling=generator.settling,
        kv_bytes=stream.kv_bytes(),
        energy_j=None if before_j is None or after_j is None else after_j - before_j,
        device_peak_bytes=memory.device_peak_bytes(),
        host_peak_bytes=memory.host_peak_bytes(),
    )


class _Taker:
    """Feeds one stream and times what comes out. Taking sound counts with the block that follows."""

    def __init__(self, clock: Clock, memory: MemoryMeter, sink: FrameSink | None) -> None:
        self._clock, self._memory, self._sink = clock, memory, sink
        self._feeding_s = 0.0
        self._calls: int | None = 0
        self._frames = 0
        self._made = 0

    def blocks(self, stream: BlockStream, sound: NDArray[np.int16], rate: int) -> Iterator[BlockSample]:
        packet = max(1, round(PACKET_S * rate))
        for start in range(0, len(sound), packet):
            began = self._clock.now()
            stream.feed(sound[start : start + packet], rate)
            self._feeding_s += self._clock.now() - began
            yield from self._ready(stream, min(start + packet, len(sound)) / rate)
            if stream.done:
                return
        began = self._clock.now()
        stream.close()
        self._feeding_s += self._clock.now() - began
        yield from self._ready(stream, len(sound) / rate)

    def _ready(self, stream: BlockStream, heard_s: float) -> Iterator[BlockSample]:
        made = stream.blocks()
        while True:
            began = self._clock.now()
            block = next(made, None)
            seconds = self._clock.now() - began
            if block is None:
                # Looking whether there is enough sound is part of taking it.
                self._feeding_s += seconds
                return
            yield self._sample(stream, block, seconds, heard_s)

    def _sample(self, stream: BlockStream, block: MadeBlock, seconds: float, heard_s: float) -> BlockSample:
        feeding, self._feeding_s = self._feeding_s, 0.0
        calls, before = stream.model_calls(), self._calls
        self._calls = calls
        began = self._clock.now()
        if self._sink is not None:
            self._sink.write_block(block.frames, self._frames)
        encode_s = self._clock.now() - began if self._sink is not None else 0.0
        sample = BlockSample(
            block=self._made,
            frames=len(block.frames),
            compute_s=feeding + seconds,
            stages=((SOUND, feeding), *block.stages),
            heard_s=heard_s,
            encode_s=encode_s,
            model_calls=None if calls is None or before is None else calls - before,
            device_bytes=self._memory.device_peak_bytes(),
            host_bytes=self._memory.host_bytes(),
        )
        self._frames += len(block.frames)
        self._made += 1
        return sample

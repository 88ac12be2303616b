"""A live call in simulated time: sound arrives at the speed of speech, and each block starts when it can.

A block starts once the sound that it takes has arrived and the block before is done; how long it then computes was
measured, or is given. Nobody waits: an hour is simulated in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from liveact_eval.efficiency.samples import Recording


@dataclass(frozen=True, kw_only=True)
class Work:
    """What one block needs."""

    frames: int
    """Frames that it gives."""
    heard_s: float
    """Seconds of sound, from its start, that must have arrived."""
    compute_s: float
    """Seconds of computing."""


@dataclass(frozen=True, kw_only=True)
class Emission:
    """A block of frames that came out."""

    first_frame: int
    """Index of its first frame in the video."""
    frames: int
    """Its frames; all come out at once."""
    at_s: float
    """Seconds since the first sample of sound was spoken."""


@dataclass(frozen=True)
class Timeline:
    """What came out when."""

    emissions: tuple[Emission, ...]
    fps: float
    """Frames per second at which the video is played."""

    def frame_times(self) -> list[float]:
        """When each frame came out, in seconds."""
        return [emission.at_s for emission in self.emissions for _ in range(emission.frames)]

    def intervals(self, first: int = 1) -> list[float]:
        """Seconds between each block from `first` on and the one before it."""
        times = [emission.at_s for emission in self.emissions]
        return [after - before for before, after in zip(times[first - 1 :], times[first:], strict=False)]


def simulate(works: Iterable[Work], fps: float) -> Timeline:
    """Run a live call.

    Args:
        works: the blocks in order.
        fps: frames per second at which the video is played.
    """
    emissions, done, first = [], 0.0, 0
    for work in works:
        done = max(done, work.heard_s) + work.compute_s
        emissions.append(Emission(first_frame=first, frames=work.frames, at_s=done))
        first += work.frames
    return Timeline(tuple(emissions), fps)


def works_of(recording: Recording) -> list[Work]:
    """The blocks of a recording. Speech begins when the stream is open, so that opening it is no part of them."""
    return [
        Work(frames=block.frames, heard_s=block.heard_s, compute_s=block.compute_s)
        for block in recording.blocks
    ]


def timeline_of(blocks: Sequence[tuple[float, int]], fps: float) -> Timeline:
    """What a program's own log says: (seconds since the first sample, frames) of each block."""
    emissions, first = [], 0
    for at_s, frames in blocks:
        emissions.append(Emission(first_frame=first, frames=frames, at_s=at_s))
        first += frames
    return Timeline(tuple(emissions), fps)

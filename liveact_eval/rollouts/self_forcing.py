"""Blocks one after the other behind a clean past, as Self Forcing rolls out (2025, algorithm 1).

A block goes through a few steps, each behind the keys and values of finished blocks; one more pass over the
finished block at timestep 0 leaves its own. Positions are absolute. The official program writes a block's keys and
values at every pass and overwrites them at the last; here only the last one writes, which is the same.

All of the past is kept: the official cache ends at 21 latent frames, the length of training, and fails beyond.
With `cache_frames` the cache rolls instead: a sink stays, the rest are the newest frames.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.rollouts.strategy import LEVELS, Entry, Look, Pass, Seen, Strategy, flat

TRAINED_FRAMES = 21
"""Latent frames that the published models of this family were trained on."""


@dataclass(frozen=True, kw_only=True)
class SelfForcingConfig:
    """What can be chosen; the defaults are published."""

    block: int = 3
    """Latent frames of a block."""
    levels: tuple[float, ...] = LEVELS
    """Timesteps of the steps of a block."""
    first_levels: tuple[float, ...] | None = None
    """Those of the first block; `None`: the same."""
    context_timestep: float = 0.0
    """Level of the past."""
    cache_frames: int | None = None
    """Latent frames that a pass sees, sink and own ones included; `None`: all."""
    sink_frames: int = 0
    """First latent frames, which a rolling cache never lets go."""
    image_first: bool = False
    """Whether latent frame 0 is the reference picture, put into the cache at timestep 0."""

    def __post_init__(self) -> None:
        if self.block < 1 or self.sink_frames < 0 or not self.levels:
            raise LiveActError(
                f"block {self.block}, sink_frames {self.sink_frames}, {len(self.levels)} levels: expected a block of 1 "
                "or more, a sink of 0 or more, and a level at least"
            )
        own = self.sink_frames + self.block
        if self.cache_frames is not None and self.cache_frames < own:
            raise LiveActError(
                f"cache_frames {self.cache_frames}: expected at least {own}, for {self.sink_frames} of a sink and "
                f"{self.block} of a block"
            )


class SelfForcing(Strategy):
    """Self Forcing, and the skeleton of what follows it."""

    def __init__(self, config: SelfForcingConfig | None = None) -> None:
        self.config = config or SelfForcingConfig()
        self.slots = self.config.cache_frames
        self.prefix = self.config.image_first
        self._first = int(self.prefix)

    def emit(self, block: int) -> range:
        """The frames of a block; the given picture leaves with the first."""
        frames = self._frames(block)
        return range(0 if block == 0 else frames.start, frames.stop)

    def levels(self, turn: int) -> tuple[Pass, ...]:
        """The steps of a block, and the pass that leaves it in the cache."""
        frames, chosen = self._frames(turn), self.config
        levels = chosen.first_levels if turn == 0 and chosen.first_levels else chosen.levels
        passes = [
            Pass(
                purpose="denoise",
                frames=tuple(frames),
                timesteps=flat(frames, level),
                following=flat(frames, after),
            )
            for level, after in zip(levels, (*levels[1:], 0.0), strict=True)
        ]
        passes.append(
            Pass(purpose="cache", frames=tuple(frames), timesteps=flat(frames, self.config.context_timestep))
        )
        if self.prefix and turn == 0:
            passes.insert(0, Pass(purpose="cache", frames=(0,), timesteps=(0.0,)))
        return tuple(passes)

    def context(self, turn: int, step: int) -> Look:
        """The sink and the newest finished frames, at the positions that they were made at."""
        frames = self.levels(turn)[step].frames
        return Look(frames, tuple(self._seen(f) for f in self._past(frames[0], len(frames))))

    def write(self, turn: int, step: int) -> tuple[Entry, ...]:
        """Clean keys and values, by the pass over the finished block."""
        part = self.levels(turn)[step]
        return tuple(Entry(f) for f in part.frames) if part.purpose == "cache" else ()

    def keep(self, turn: int) -> Collection[Entry] | None:
        """What the next block looks at."""
        if self.config.cache_frames is None:
            return None
        frames = self._frames(turn + 1)
        return {Entry(f) for f in self._past(frames.start, len(frames))}

    def oldest(self, turn: int) -> int:
        """Finished blocks are looked at through the cache alone."""
        return self._frames(turn).stop

    def _frames(self, block: int) -> range:
        start = self._first + block * self.config.block
        return range(start, start + self.config.block)

    def _past(self, start: int, own: int) -> tuple[int, ...]:
        """Frames before `start` that a pass of `own` frames sees."""
        bound, sink = self.config.cache_frames, self.config.sink_frames
        if bound is None or start + own <= bound:
            return tuple(range(start))
        return (*range(sink), *range(start - (bound - sink - own), start))

    def _seen(self, frame: int) -> Seen:
        return Seen(Entry(frame), frame, "sink" if frame < self.config.sink_frames else "past")

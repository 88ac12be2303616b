"""LongLive (2025): Self Forcing over a short window behind a sink, and a new past at a change of prompt.

At a change, the last emitted frames are run again under the new prompt, all in one pass at timestep 0 in which a
block sees itself and the blocks before it. Of what that pass computes, the frames that the next block looks at are
kept; a global sink stays as it was under the first prompt.
"""

from __future__ import annotations

from dataclasses import dataclass

from liveact_eval.rollouts.self_forcing import SelfForcing, SelfForcingConfig
from liveact_eval.rollouts.strategy import Entry, Look, Pass, Seen


@dataclass(frozen=True, kw_only=True)
class LongLiveConfig(SelfForcingConfig):
    """What can be chosen; the defaults are published (version 1.0)."""

    cache_frames: int | None = 12
    """Latent frames that a pass sees, sink and own ones included."""
    sink_frames: int = 3
    """First latent frames, which stay."""
    recache: bool = True
    """Whether the past is computed anew at a change of prompt."""
    global_sink: bool = True
    """Whether the sink outlives a change of prompt; else the oldest frames that are run again become the sink."""
    relative_rope: bool = False
    """Whether positions count within the window (the variant for endless videos) instead of within the video."""


class LongLive(SelfForcing):
    """Sink and short window."""

    def __init__(self, config: LongLiveConfig | None = None) -> None:
        self.chosen = config or LongLiveConfig()
        super().__init__(self.chosen)
        self._sink = 0
        self._changed: int | None = None

    def begin(self, latents: int | None) -> None:
        """See `Strategy.begin`."""
        del latents
        self._sink, self._changed = 0, None

    def switch(self, turn: int) -> None:
        """Compute the past anew before the block of this turn."""
        if not self.chosen.recache:
            return
        self._changed = turn
        if not self.chosen.global_sink:
            self._sink = self._again(turn).start

    def levels(self, turn: int) -> tuple[Pass, ...]:
        """Those of Self Forcing, behind the pass that follows a change of prompt."""
        passes = super().levels(turn)
        frames = self._again(turn)
        if turn != self._changed or not frames:
            return passes
        again = Pass(purpose="recache", frames=tuple(frames), timesteps=(0.0,) * len(frames))
        return (again, *passes)

    def context(self, turn: int, step: int) -> Look:
        """See `SelfForcing.context`; frames that are run again see no others."""
        part = self.levels(turn)[step]
        if part.purpose == "recache":
            look = Look(part.frames, mask=self._causal(part.frames))
        else:
            look = super().context(turn, step)
        return self._within_window(look) if self.chosen.relative_rope else look

    def write(self, turn: int, step: int) -> tuple[Entry, ...]:
        """See `SelfForcing.write`; of frames that are run again, those that the next block looks at."""
        part = self.levels(turn)[step]
        if part.purpose != "recache":
            return super().write(turn, step)
        block = self._frames(turn)
        looked_at = self._past(block.start, len(block))
        kept = self._sinks() if self.chosen.global_sink else range(0)
        return tuple(Entry(f) for f in looked_at if f in part.frames and f not in kept)

    def oldest(self, turn: int) -> int:
        """Frames that a change of prompt would run again."""
        return self._again(turn + 1).start if self.chosen.recache else super().oldest(turn)

    def _again(self, turn: int) -> range:
        """Emitted frames that are run again before a block."""
        stop = self._frames(turn).start
        length = stop if self.chosen.cache_frames is None else self.chosen.cache_frames
        return range(max(self._sink if not self.chosen.global_sink else 0, stop - length), stop)

    def _sinks(self) -> range:
        return range(self._sink, self._sink + self.chosen.sink_frames)

    def _past(self, start: int, own: int) -> tuple[int, ...]:
        bound = self.chosen.cache_frames
        if bound is None or start - self._sink + own <= bound:
            return tuple(range(self._sink, start))
        return (*self._sinks(), *range(start - (bound - self.chosen.sink_frames - own), start))

    def _seen(self, frame: int) -> Seen:
        return Seen(Entry(frame), frame, "sink" if frame in self._sinks() else "past")

    def _causal(self, frames: tuple[int, ...]) -> tuple[tuple[bool, ...], ...]:
        blocks = [(frame - self._first) // self.chosen.block for frame in frames]
        return tuple(tuple(key <= query for key in blocks) for query in blocks)

    @staticmethod
    def _within_window(look: Look) -> Look:
        past = len(look.seen)
        return Look(
            tuple(range(past, past + len(look.positions))),
            tuple(seen._replace(position=place) for place, seen in enumerate(look.seen)),
            look.mask,
        )

"""CausVid's long videos (2024): clips of 21 latent frames, each begun from the last frames of the one before.

Within a clip this is CausVid. The next clip is a rollout of its own: an empty cache, positions from 0, and the
reference picture beside its first frame, as if it began the video. Its first latent frames are the last ones of the
clip before; they go through the pass that fills the cache, block by block, and leave no second time.

The official program encodes the first of the frames that are taken over anew, from a single decoded picture, and drops
what both clips show from the pixels of the first. A rollout over latents has no VAE: here all of them are handed on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.rollouts.causal_forcing import CausVidConfig
from liveact_eval.rollouts.self_forcing import TRAINED_FRAMES, SelfForcing, SelfForcingConfig
from liveact_eval.rollouts.strategy import Entry, Look, Pass, Seen, Shown


@dataclass(frozen=True, kw_only=True)
class ChainedConfig:
    """What can be chosen; the defaults are published."""

    block: int = 3
    """Latent frames of a block."""
    levels: tuple[float, ...] = CausVidConfig.levels
    """Timesteps of the steps of a block."""
    context_timestep: float = 0.0
    """Level of the past."""
    clip_frames: int = TRAINED_FRAMES
    """Latent frames of a clip, those that it takes over included."""
    overlap: int = 3
    """Latent frames that a clip takes over (K)."""

    def __post_init__(self) -> None:
        whole = self.block >= 1 and not (self.overlap % self.block or self.clip_frames % self.block)
        if not (whole and 0 < self.overlap < self.clip_frames):
            raise LiveActError(
                f"clip_frames {self.clip_frames} and overlap {self.overlap} in blocks of {self.block}: expected whole "
                "blocks, at least one of which is taken over, and a clip longer than that"
            )


class ChainedCausVid(SelfForcing):
    """A chain of rollouts."""

    def __init__(self, config: ChainedConfig | None = None) -> None:
        self.chain = config or ChainedConfig()
        super().__init__(
            SelfForcingConfig(
                block=self.chain.block,
                levels=self.chain.levels,
                context_timestep=self.chain.context_timestep,
            )
        )
        self.slots = self.chain.clip_frames
        self._new = self.chain.clip_frames - self.chain.overlap
        self.period = self._new // self.chain.block

    def levels(self, turn: int) -> tuple[Pass, ...]:
        """Those of Self Forcing, behind the passes over what the clip takes over."""
        clip, frames = self._clip(turn), self._frames(turn)
        if clip.start == 0 or frames.start != clip.start + self.chain.overlap:
            return super().levels(turn)
        size, level = self.chain.block, self.chain.context_timestep
        taken_over = (range(start, start + size) for start in range(clip.start, frames.start, size))
        passes = [Pass(purpose="cache", frames=tuple(f), timesteps=(level,) * size) for f in taken_over]
        return (*passes, *super().levels(turn))

    def context(self, turn: int, step: int) -> Look:
        """The frames of the clip so far, at positions that count within it."""
        frames, start = self.levels(turn)[step].frames, self._clip(turn).start
        seen = tuple(Seen(Entry(f), f - start) for f in range(start, frames[0]))
        return Look(tuple(f - start for f in frames), seen)

    def keep(self, turn: int) -> Collection[Entry] | None:
        """The clip so far; nothing before the first block of another."""
        clip, made = self._clip(turn), self._frames(turn).stop
        return {Entry(f) for f in range(clip.start, made)} if made < clip.stop else ()

    def oldest(self, turn: int) -> int:
        """What the next clip takes over."""
        return min(self._frames(turn).stop, self._clip(turn).stop - self.chain.overlap)

    def condition(self, turn: int, frame: int) -> Shown:
        """As if the clip began the video."""
        return super().condition(turn, frame - self._clip(turn).start)

    def _clip(self, turn: int) -> range:
        """Latent frames of the clip that a block belongs to."""
        number = max(0, self._frames(turn).start - self.chain.overlap) // self._new
        return range(number * self._new, number * self._new + self.chain.clip_frames)

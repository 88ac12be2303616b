"""Overlapping windows of a bidirectional model, as InfiniteTalk streams: the reference that is not autoregressive.

A window of 21 latent frames is denoised as a whole, without any cache. The next one begins with the last frames of
the one before, which enter every step clean, whatever its level, and stay as they are. Each window counts
positions from 0 and has the reference picture beside its first frame, as if it began the video.

The official overlap is encoded again from decoded frames; a rollout over latents hands the latents on. The
official guidance has a scale for the prompt (5) and one for the speech (4), three model calls per step; here is
the one for speech.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.rollouts.strategy import Entry, Look, Pass, Shown, Strategy, flat, uniform_levels


@dataclass(frozen=True, kw_only=True)
class OverlappingConfig:
    """What can be chosen; the defaults are InfiniteTalk's at 480p."""

    window: int = 21
    """Latent frames of a window: 81 video frames."""
    overlap: int = 3
    """Latent frames that a window takes over: 9 video frames."""
    steps: int = 40
    """Euler steps."""
    shift: float = 7.0
    """Shift of the levels."""
    guidance: float = 4.0
    """Guidance towards the speech; 1 is off."""

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.window or self.steps < 1:
            raise LiveActError(
                f"window {self.window}, overlap {self.overlap}, steps {self.steps}: expected an overlap shorter than "
                "the window, and 1 step or more"
            )


class OverlappingWindows(Strategy):
    """A turn is a window."""

    solver = "euler"
    slots = 0

    def __init__(self, config: OverlappingConfig | None = None) -> None:
        self.config = config or OverlappingConfig()
        self.guidance, self.shift = self.config.guidance, self.config.shift
        self.condition_latents = self.config.window

    def emit(self, block: int) -> range:
        """What a window adds."""
        window = self._window(block)
        return range(window.start + (self.config.overlap if block else 0), window.stop)

    def levels(self, turn: int) -> tuple[Pass, ...]:
        """The steps of a window."""
        frames = self._window(turn)
        levels = uniform_levels(self.config.steps, self.config.shift)
        held = tuple(frames[: self.config.overlap]) if turn else ()
        return tuple(
            Pass(
                purpose="denoise",
                frames=tuple(frames),
                timesteps=flat(frames, level),
                following=flat(frames, after),
                held=held,
            )
            for level, after in zip(levels, (*levels[1:], 0.0), strict=True)
        )

    def context(self, turn: int, step: int) -> Look:
        """The window itself."""
        del turn, step
        return Look(tuple(range(self.config.window)))

    def write(self, turn: int, step: int) -> tuple[Entry, ...]:
        """Nothing."""
        del turn, step
        return ()

    def keep(self, turn: int) -> Collection[Entry] | None:
        """Nothing."""
        del turn
        return ()

    def oldest(self, turn: int) -> int:
        """The overlap of the next window."""
        return self._window(turn + 1).start

    def condition(self, turn: int, frame: int) -> Shown:
        """As if the window began the video."""
        return Shown(frame - self._window(turn).start)

    def _window(self, turn: int) -> range:
        start = turn * (self.config.window - self.config.overlap)
        return range(start, start + self.config.window)

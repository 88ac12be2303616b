"""Rolling Forcing (2025): a window of five blocks at graded noise behind an attention sink."""

from __future__ import annotations

from dataclasses import dataclass

from liveact_eval.rollouts.strategy import uniform_levels
from liveact_eval.rollouts.windows import SlidingWindow, WindowConfig


@dataclass(frozen=True, kw_only=True)
class RollingForcingConfig(WindowConfig):
    """What can be chosen; the defaults are published."""

    block: int = 3
    """Latent frames of a block."""
    window: int = 5
    """Blocks of a full window."""
    levels: tuple[float, ...] = uniform_levels(5)
    """Timesteps from the right of the window to its left: 1000, 952.4, 882.4, 769.2, 555.6."""
    sink_frames: int = 3
    """The first block stays."""
    cache_frames: int = 24
    """Room of the cache."""
    budget_frames: int = 21
    """Seen by a pass at most."""


class RollingForcing(SlidingWindow):
    """The sink is the first block; the window stands behind it and what of the cache fits the budget."""

    def __init__(self, config: RollingForcingConfig | None = None) -> None:
        super().__init__(config or RollingForcingConfig())

"""CausVid and Causal Forcing at inference: the rollout of Self Forcing with levels and blocks of their own.

What these papers propose is training. CausVid (2024) samples at raw timesteps without a shift; here the past goes on
growing, and `chained.py` chains clips of 21 latent frames as its long videos do. Causal Forcing (2026) takes the
levels of Self Forcing, in blocks of three frames or frame by frame behind the encoded picture; its `++` spends all
levels on the first block alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from liveact_eval.rollouts.self_forcing import SelfForcing, SelfForcingConfig
from liveact_eval.rollouts.strategy import LEVELS


@dataclass(frozen=True, kw_only=True)
class CausVidConfig(SelfForcingConfig):
    """What can be chosen; the defaults are published."""

    levels: tuple[float, ...] = (1000.0, 757.0, 522.0)
    """Timesteps of the steps of a block."""


class CausVid(SelfForcing):
    """Three steps and one pass that leaves a block in the cache."""

    def __init__(self, config: CausVidConfig | None = None) -> None:
        super().__init__(config or CausVidConfig())


@dataclass(frozen=True, kw_only=True)
class CausalForcingConfig(SelfForcingConfig):
    """What can be chosen; the defaults are those published for blocks of three latent frames."""

    @classmethod
    def frame_wise(cls) -> CausalForcingConfig:
        """Frame by frame behind the encoded picture."""
        return cls(block=1, image_first=True)

    @classmethod
    def plus_plus(cls, steps: int = 2) -> CausalForcingConfig:
        """Frame by frame, with all levels for the first block and the first `steps` of 1000 and 833.3 afterwards."""
        return cls(block=1, image_first=True, first_levels=LEVELS, levels=(LEVELS[0], LEVELS[2])[:steps])


class CausalForcing(SelfForcing):
    """Causal Forcing and Causal Forcing++."""

    def __init__(self, config: CausalForcingConfig | None = None) -> None:
        super().__init__(config or CausalForcingConfig())

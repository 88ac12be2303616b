"""Teacher and Diffusion Forcing at inference, as published: many steps per block behind finished blocks.

UniPC over 50 levels under shift 5 with guidance 3, then one pass over the finished block. The official guidance is
against a negative prompt; an avatar's rollout has one prompt, and is guided towards the speech instead, which
costs the same: every pass is made twice over a past of its own. Published video models keep a clean past with both
trainings. For Diffusion Forcing, which has learnt pasts of any level, `context_timestep` puts noise onto it (Chen
et al., 2024).

UniPC is diffusers', over evenly spaced labels from 1000 down to 0 under the shift, given by number and shift
rather than as a list. The official program's labels begin at 999, and it tells the model each level cut to a whole
number; here the model is told exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.rollouts.self_forcing import SelfForcing, SelfForcingConfig
from liveact_eval.rollouts.strategy import uniform_levels


@dataclass(frozen=True, kw_only=True)
class ManyStepsConfig:
    """What can be chosen; the defaults are published."""

    block: int = 3
    """Latent frames of a block."""
    steps: int = 50
    """Steps of a block."""
    shift: float = 5.0
    """Shift of the levels."""
    guidance: float = 3.0
    """Guidance; 1 is off."""
    context_timestep: float = 0.0
    """Level of the past, 0 to 1000."""
    cache_frames: int | None = None
    """See `SelfForcingConfig.cache_frames`."""

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 <= self.context_timestep <= 1000:
            raise LiveActError(
                f"{self.steps} steps behind a past at timestep {self.context_timestep:g}: expected 1 or more, and 0 to "
                "1000"
            )


class TeacherForcing(SelfForcing):
    """A rollout for weights that have seen true pasts."""

    solver = "unipc"

    def __init__(self, config: ManyStepsConfig | None = None) -> None:
        chosen = config or ManyStepsConfig()
        self.guidance, self.shift = chosen.guidance, chosen.shift
        super().__init__(
            SelfForcingConfig(
                block=chosen.block,
                levels=uniform_levels(chosen.steps, chosen.shift),
                context_timestep=chosen.context_timestep,
                cache_frames=chosen.cache_frames,
            )
        )


class DiffusionForcing(TeacherForcing):
    """The same for weights that have seen pasts of any level."""

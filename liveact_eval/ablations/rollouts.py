"""From a setup to the forcing strategy of one video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from liveact_eval.ablations.study import Setup
from liveact_eval.errors import unknown_name
from liveact_eval.generators.recipe import NamedStrategy
from liveact_eval.rollouts.named import ROLLOUTS
from liveact_eval.rollouts.published import PUBLISHED, rollout_names

if TYPE_CHECKING:
    from liveact_eval.liveact.dit import CausalDiT
    from liveact_eval.liveact.models import RolloutFactory
    from liveact_eval.liveact.request import GenerationOptions
    from liveact_eval.liveact.rollout import Rollout


@dataclass(frozen=True)
class SteppedRollout:
    """Makes one of LiveAct's forcing strategies with any number of steps.

    Args:
        name: of the strategy.
        steps: denoising steps.

    Raises:
        UserError: no strategy has that name.
    """

    name: str
    steps: int

    def __post_init__(self) -> None:
        if self.name not in ROLLOUTS:
            raise unknown_name("rollout", self.name, rollout_names())

    def __call__(self, dit: CausalDiT, options: GenerationOptions) -> Rollout:
        """A rollout with an empty memory."""
        from liveact_eval.liveact.sampler import Schedule
        from liveact_eval.rollouts.neighbor import NeighborOptions

        chosen = NeighborOptions(
            memory=options.memory,
            schedule=Schedule.in_steps(self.steps),
            audio_guidance=options.audio_guidance,
            # The first step is silent where there is another one to hear in.
            silent_steps=min(1, self.steps - 1),
            fp8_cache=options.fp8_cache,
            offload_cache=options.offload_cache,
        )
        return ROLLOUTS[self.name].build(dit, chosen)


def rollout_of(setup: Setup, steps: int) -> RolloutFactory:
    """What makes the rollout of a setup.

    Raises:
        UserError: no strategy has its name.
    """
    if setup.rollout in PUBLISHED:
        return NamedStrategy(steps, setup.rollout, setup.rollout_options)
    return SteppedRollout(setup.rollout, steps)

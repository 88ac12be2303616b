"""Second part of Self Forcing: the rollout over a clean past, distilled by distribution matching.

The generator makes a clip as a rollout does: up to three model calls per block, and one more at timestep 0 that leaves
the finished block in the memory. Which call is the last is drawn anew for each batch and is the same for all blocks; it
alone has a gradient, and its estimate of the clean block is both what is judged and what later blocks look at. The call
that fills the memory has none (Self Forcing, algorithm 1).

Unlike `distill`, scores are the bidirectional model over the whole clip, as published: it has been trained here. It
begins where the objective `ode` has ended. There is no guidance: speech is left out at full noise alone, so that a
score without speech is unknown at lower levels. Clips are two blocks long, what the bidirectional model knows.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.sampler import predict_clean, renoise
from liveact_eval.training.draws import normal
from liveact_eval.training.kit import Kit
from liveact_eval.training.objectives.base import Batch
from liveact_eval.training.objectives.bidirectional import bidirectional_velocity
from liveact_eval.training.objectives.blocks import FRAMES, BlockCalls, Level, conditions_of, cut
from liveact_eval.training.objectives.configs import SelfChoice
from liveact_eval.training.objectives.matching import MatchingObjective
from liveact_eval.training.objectives.neighbor import Conditioned
from liveact_eval.training.objectives.ode import SCHEDULE, SILENT_STEPS
from liveact_eval.training.objectives.teacher import CLEAN

if TYPE_CHECKING:
    from liveact_eval.training.judging import Judge


def self_roll_out(module: Conditioned, batch: Batch, draws: torch.Generator, *, exit_step: int) -> Tensor:
    """Clips [B, C, 14, h, w] as a rollout over a clean past makes them, noise drawn in the order of a rollout.

    Args:
        module: the generator.
        batch: conditions, and the size of clips.
        draws: source of noise.
        exit_step: the last model call of each block, which has a gradient.
    """
    calls, made = BlockCalls(module.dit, conditions_of(module, batch)), []
    for size in (part.shape for part in cut(batch["latents"])):
        calls.begin()
        x = normal(size, draws, module.dit.device)
        for step in range(exit_step + 1):
            level = SCHEDULE.sigma(step)
            with nullcontext() if step == exit_step else torch.no_grad():
                velocity = calls.velocity(x, Level(level, silent=step < SILENT_STEPS))
                clean = predict_clean(x, velocity, level)
            # Drawn after the last step too: the order of draws is that of `CleanContext`.
            fresh = normal(size, draws, x.device)
            x = renoise(clean.detach(), fresh, SCHEDULE.sigma(step + 1))
        made.append(clean)
        with torch.no_grad():
            calls.velocity(clean, CLEAN)
    return torch.cat(made, dim=2)


class SelfForcingObjective(MatchingObjective):
    """Generator and critic over a clean past.

    Args:
        config: sizes.
        choice: turns and weights.
        kit: has what the objectives `bidirectional` and `ode` have made.
        judge: says how good the generator is; none: validation is empty.

    Raises:
        UserError: one of them has not been trained.
    """

    def __init__(
        self, config: LiveActConfig, choice: SelfChoice, kit: Kit, judge: Judge | None = None
    ) -> None:
        real, generator, critic = (Conditioned(config) for _ in range(3))
        for module, role in ((real, "bidirectional"), (generator, "initial"), (critic, "bidirectional")):
            kit.restore(role, module)
        super().__init__(
            real,
            generator,
            critic,
            critic_steps=choice.critic_steps,
            shift=choice.shift,
            truth_weight=choice.truth_weight,
            judge=judge,
        )

    def clip(self, batch: Batch, draws: torch.Generator) -> Tensor:
        """See `self_roll_out`; the last call is drawn."""
        exit_step = int(torch.randint(len(SCHEDULE), (1,), generator=draws))
        return self_roll_out(self.generator, batch, draws, exit_step=exit_step)

    def truth(self, batch: Batch) -> Tensor:
        """The first 14 latent frames."""
        return batch["latents"][:, :, :FRAMES].float()

    def velocity(self, module: Conditioned, noisy: Tensor, level: float, batch: Batch) -> Tensor:
        """See `bidirectional_velocity`; speech is heard, since levels stay below full noise."""
        return bidirectional_velocity(module, noisy, Level(level, silent=False), batch)

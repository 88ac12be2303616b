"""First part of Self Forcing: a causal model learns where the ODE of the bidirectional one ends (CausVid, section 4.3).

The bidirectional model goes from noise to a clip by Euler steps. On its way it passes the levels at which a rollout
calls the model. The student begins as its copy, gets each block as it was at one of these levels, drawn for each block
anew, and looks at itself and at the block before; its estimate of the clean block is to be where the ODE ended. So it
learns to work under a causal mask and in few steps before distribution matching sets in, which fails from a model that
has never been causal.

Published programs store such pairs once; here they are made when they are needed, and their cost is part of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.sampler import Schedule, predict_clean
from liveact_eval.training.draws import normal
from liveact_eval.training.kit import Kit
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.bidirectional import bidirectional_velocity
from liveact_eval.training.objectives.blocks import FRAMES, SIZES, Level, causal_velocity, cut
from liveact_eval.training.objectives.configs import OdeChoice
from liveact_eval.training.objectives.neighbor import Conditioned

if TYPE_CHECKING:
    from liveact_eval.training.judging import Judge

SCHEDULE = Schedule.shifted()
"""Levels at which a rollout calls the model."""
SILENT_STEPS = 1
"""Leading steps of a rollout that leave speech out."""


def trajectory(velocity: Callable[[Tensor, Level], Tensor], noise: Tensor, steps: int) -> list[Tensor]:
    """The way from noise to a clip by Euler steps: where it stood at each level of `SCHEDULE`, and where it ended.

    Args:
        velocity: of a clip at a level.
        noise: where it begins.
        steps: Euler steps; a multiple of 4, so that every level of the schedule is met.
    """
    solver = Schedule.shifted(steps, grid=steps)
    # A schedule is the head of a grid of 4.
    wanted = {number * steps // 4 for number in range(len(SCHEDULE))}
    x, met = noise, []
    for step in range(steps):
        if step in wanted:
            met.append(x)
        level, following = solver.sigma(step), solver.sigma(step + 1)
        # As in a rollout, speech is left out at full noise.
        x = x + (following - level) * velocity(x, Level(level, silent=step == 0))
    return [*met, x]


class OdeObjective(Objective):
    """Regression of clean blocks.

    Args:
        config: sizes.
        choice: the solver.
        kit: has what the objective `bidirectional` has made.
        judge: says how good the student is; none: validation is empty.

    Raises:
        UserError: that has not been trained.
    """

    def __init__(
        self, config: LiveActConfig, choice: OdeChoice, kit: Kit, judge: Judge | None = None
    ) -> None:
        self._choice, self._judge = choice, judge
        self.teacher, self.module = Conditioned(config), Conditioned(config)
        for module in (self.teacher, self.module):
            kit.restore("bidirectional", module)
            module.requires_grad_(False)
        # Text and image encoder stay what the bidirectional model learnt.
        self.module.dit.requires_grad_(True)

    def players(self) -> Mapping[str, nn.Module]:
        """One: the student, with its text and image encoder."""
        return {"dit": self.module}

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Squared distance of the student's clean blocks from the end of the ODE."""
        latents = batch["latents"][:, :, :FRAMES]
        noise = normal(latents.shape, draws, latents.device)
        steps = torch.randint(len(SCHEDULE), (len(SIZES),), generator=draws).tolist()
        with torch.no_grad():
            *met, end = trajectory(
                lambda x, level: bidirectional_velocity(self.teacher, x, level, batch),
                noise,
                self._choice.solver_steps,
            )
        levels = [Level(SCHEDULE.sigma(step), silent=step < SILENT_STEPS) for step in steps]
        x = torch.cat([cut(met[step])[number] for number, step in enumerate(steps)], dim=2)
        velocity = causal_velocity(self.module, x, levels, batch)
        made = [
            predict_clean(noisy, part, level.noise)
            for noisy, part, level in zip(cut(x), cut(velocity), levels, strict=True)
        ]
        error = (torch.cat(made, dim=2) - end).square().mean()
        return Losses(error, {"distance": error})

    def validate(self) -> Mapping[str, float]:
        """What the judge says."""
        return {} if self._judge is None else self._judge(self.module)

    def results(self) -> Mapping[str, nn.Module]:
        """Transformer, text and image encoder, and all three in one file for the second part."""
        module = self.module
        return {"dit": module.dit, "text": module.text, "image": module.image, "initial": module}

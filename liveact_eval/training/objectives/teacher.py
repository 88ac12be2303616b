"""Teacher Forcing: every block has a noise level of its own and sees the true blocks before it, free of noise.

The published form is one sequence [clean copy | noisy copy] under a mask: a clean block sees the clean ones up to
itself, a noisy block the clean ones before it and itself. Here the same is done call by call: the noisy block, then its
clean copy in the same slots of the memory, which the next block looks at. Nobody looks at the clean copy of the last
block, so it is left out: 20 latent frames are computed instead of 28.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from liveact_eval.training.objectives.base import Batch
from liveact_eval.training.objectives.blocks import SIZES, BlockCalls, Level, conditions_of, cut
from liveact_eval.training.objectives.flow import FlowObjective

CLEAN = Level(noise=0.0, silent=False)
"""How the past is."""


class TeacherObjective(FlowObjective):
    """Flow matching of noisy blocks behind clean ones."""

    def levels(self, draws: torch.Generator) -> tuple[Level, ...]:
        """One for each block."""
        return self._own_levels(draws)

    def velocity(self, clean: Tensor, noisy: Tensor, levels: Sequence[Level], batch: Batch) -> Tensor:
        """Of each noisy block, with the clean ones before it in the memory."""
        calls, made = BlockCalls(self.module.dit, conditions_of(self.module, batch)), []
        for true, x, level in zip(cut(clean), cut(noisy), levels, strict=True):
            calls.begin()
            made.append(calls.velocity(x, level))
            if len(made) < len(SIZES):
                calls.velocity(true, CLEAN)
        return torch.cat(made, dim=2)

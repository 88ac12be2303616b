"""Diffusion Forcing: every block has a noise level of its own and sees those before it as noisy as they are.

So the past of a block may be of any level, and a rollout may choose one. In the pass of a loss, the second block looks
at a first block whose level has nothing to do with its own. Chen et al., 2024; CausVid for blocks of video.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from liveact_eval.training.objectives.base import Batch
from liveact_eval.training.objectives.blocks import Level, causal_velocity
from liveact_eval.training.objectives.flow import FlowObjective


class DiffusionObjective(FlowObjective):
    """Flow matching under independent levels, each block looking at itself and at those before."""

    def levels(self, draws: torch.Generator) -> tuple[Level, ...]:
        """One for each block."""
        return self._own_levels(draws)

    def velocity(self, clean: Tensor, noisy: Tensor, levels: Sequence[Level], batch: Batch) -> Tensor:
        """See `causal_velocity`."""
        return causal_velocity(self.module, noisy, levels, batch)

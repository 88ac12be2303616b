"""No autoregression: all latent frames of a clip at one noise level, and each looks at all others.

It is what a video model is before it is made causal. Two uses: run block by block without further training, it shows
which forcing strategy asks for nothing that such a model has not learnt (SoulX-LiveAct, figure 1); and Self Forcing
needs it, as the model whose ODE it starts from and as the scores that judge its clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from liveact_eval.liveact.sampler import STEPS_PER_UNIT
from liveact_eval.training.objectives.base import Batch
from liveact_eval.training.objectives.blocks import FRAMES, Level
from liveact_eval.training.objectives.flow import FlowObjective
from liveact_eval.training.objectives.neighbor import Conditioned


def bidirectional_velocity(module: Conditioned, noisy: Tensor, level: Level, batch: Batch) -> Tensor:
    """Velocity of noisy clips [B, C, 14, h, w] in float32, in one pass without a mask."""
    context = module.context(batch["prompt"], batch["image"])
    audio = None
    if not level.silent:
        frames = 1 + module.config.dit.temporal_stride * (FRAMES - 1)
        audio = module.audio(batch["features"].float(), frames)
    velocity: Tensor = module.dit(
        torch.cat([noisy, batch["condition"].float()], dim=1),
        noisy.new_full((len(noisy),), level.noise * STEPS_PER_UNIT),
        context,
        audio,
        mute_first=True,
    )
    return velocity.float()


class BidirectionalObjective(FlowObjective):
    """Flow matching over whole clips of 14 latent frames."""

    def levels(self, draws: torch.Generator) -> tuple[Level, ...]:
        """One for all blocks."""
        return self._shared_level(draws)

    def velocity(self, clean: Tensor, noisy: Tensor, levels: Sequence[Level], batch: Batch) -> Tensor:
        """See `bidirectional_velocity`."""
        return bidirectional_velocity(self.module, noisy, levels[0], batch)

    def results(self) -> Mapping[str, nn.Module]:
        """Transformer, text and image encoder, and all three in one file for Self Forcing."""
        return {**super().results(), "bidirectional": self.module}

"""Diffusion Forcing at inference: blocks look at what was made before, under a little noise.

In training every block has a noise level of its own, so a past of any level is known. A finished block gets fresh noise
of one small level and goes through one more model call at that level, whose keys and values are the past of the blocks
to come: small noise hides the errors of what was made. Diffusion Forcing (Chen et al., 2024) calls this stabilisation;
published video models take level 0, which is `CleanContext`.
"""

from __future__ import annotations

from torch import Tensor

from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.sampler import Noise, renoise
from liveact_eval.rollouts.clean_context import CleanContext
from liveact_eval.rollouts.neighbor import NeighborOptions

CONTEXT_LEVEL = 0.1
"""Share of noise of the past unless another one is given; no publication of the family names one but 0."""


class DiffusionForcing(CleanContext):
    """The steps of the official rollout over one memory of blocks under small noise.

    Args:
        dit: the transformer.
        options: see `NeighborOptions`.
        context_level: share of noise of the past, 0 to 1.

    Raises:
        LiveActError: another level.
    """

    def __init__(
        self,
        dit: CausalDiT,
        options: NeighborOptions | None = None,
        *,
        context_level: float = CONTEXT_LEVEL,
    ) -> None:
        super().__init__(dit, options)
        if not 0 <= context_level <= 1:
            raise LiveActError(
                f"context_level {context_level:g}: expected a share of noise from 0 to 1; 0 is a clean past"
            )
        self.context_level = context_level

    def _remembered(self, clean: Tensor, noise: Noise) -> Tensor:
        fresh = noise.draw(tuple(clean.shape), self.dit.device, self.dit.dtype)
        return renoise(clean, fresh, self.context_level)

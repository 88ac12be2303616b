"""Distribution matching over a published strategy's rollout: what the papers train with behind the first stage.

The generator begins as the objective `forced` has left it, and makes clips by the strategy's own rollout
(`learnt_rollout.py` says which of its calls have a gradient). Scores and their training are those of `distill`: the
transformer of the objective `memory`, which knows 30 latent frames, block by block and without guidance. Papers take a
bidirectional score; the one that there is here knows 14 latent frames, fewer than a window has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.policies import memory_policy
from liveact_eval.rollouts.published import PUBLISHED
from liveact_eval.training.kit import Kit
from liveact_eval.training.learnt_rollout import learnt_clips
from liveact_eval.training.objectives.base import Batch
from liveact_eval.training.objectives.configs import CLIP_BLOCKS, ForcedDistillChoice
from liveact_eval.training.objectives.matching import MatchingObjective
from liveact_eval.training.objectives.memory import clip_velocity
from liveact_eval.training.objectives.neighbor import Conditioned

if TYPE_CHECKING:
    from liveact_eval.training.judging import Judge


class ForcedDistillObjective(MatchingObjective):
    """Generator and critic over a strategy's rollout.

    Args:
        config: sizes.
        choice: the strategy, turns and weights.
        kit: has what the objectives `forced` (the generator) and `memory` (the scores) have made.
        judge: says how good the generator is; none: validation is empty.

    Raises:
        UserError: one of them has not been trained.
    """

    def __init__(
        self, config: LiveActConfig, choice: ForcedDistillChoice, kit: Kit, judge: Judge | None = None
    ) -> None:
        real, generator, critic = (Conditioned(config) for _ in range(3))
        for module in (real, critic):
            kit.restore("teacher", module)
        for role in ("dit", "text", "image"):
            kit.restore(role, generator.get_submodule(role))
        super().__init__(
            real,
            generator,
            critic,
            critic_steps=choice.critic_steps,
            shift=choice.shift,
            truth_weight=choice.truth_weight,
            judge=judge,
        )
        self._choice, self._policy = choice, memory_policy(choice.memory)
        self._latents = self._policy.first + self._policy.current * (CLIP_BLOCKS - 1)

    def clip(self, batch: Batch, draws: torch.Generator) -> Tensor:
        """See `learnt_clips`; the exit is drawn."""
        return learnt_clips(
            self.generator,
            PUBLISHED[self._choice.rollout].strategy(),
            batch,
            draws,
            latents=self._latents,
            learnt_latents=min(self._latents, self._choice.learnt_latents),
        )

    def truth(self, batch: Batch) -> Tensor:
        """The true latents."""
        return batch["latents"][:, :, : self._latents].float()

    def velocity(self, module: Conditioned, noisy: Tensor, level: float, batch: Batch) -> Tensor:
        """Of four blocks with memory; speech is heard, since levels stay below full noise."""
        return clip_velocity(
            module, noisy, level, batch, self._policy, silent=False, detach=self._choice.detach
        )

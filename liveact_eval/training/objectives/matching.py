"""Distribution matching with a generator and a critic: what does not depend on how clips are made or scored.

The generator's clips are moved from where the critic says that such clips come from towards where the real score says
that true ones do. The critic learns the generator's clips by flow matching, several updates to one of the generator.
Yin et al., 2024 (DMD2); Self Forcing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from liveact_eval.liveact.sampler import predict_clean, renoise
from liveact_eval.training.draws import normal
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.distill import matching_loss
from liveact_eval.training.objectives.neighbor import Conditioned

if TYPE_CHECKING:
    from liveact_eval.training.judging import Judge

LEVELS = (0.02, 0.98)
"""Lowest and highest share of noise at which clips are judged."""


class MatchingObjective(Objective):
    """Generator and critic.

    Args:
        real: the frozen score.
        generator: makes clips; only its transformer learns.
        critic: begins as the real score; only its transformer learns.
        critic_steps: updates of the critic to one of the generator.
        shift: how far levels are drawn towards noise.
        truth_weight: weight of the squared distance to the true latents.
        judge: says how good the generator is; none: validation is empty.
    """

    def __init__(
        self,
        real: Conditioned,
        generator: Conditioned,
        critic: Conditioned,
        *,
        critic_steps: int,
        shift: float,
        truth_weight: float,
        judge: Judge | None = None,
    ) -> None:
        self._judge = judge
        self.real, self.generator, self.critic = real, generator, critic
        for module in (real, generator, critic):
            module.requires_grad_(False)
        # Text and image encoder stay what the scores have learnt.
        generator.dit.requires_grad_(True)
        critic.dit.requires_grad_(True)
        self._critic_steps, self._shift, self._truth_weight = critic_steps, shift, truth_weight

    @abstractmethod
    def clip(self, batch: Batch, draws: torch.Generator) -> Tensor:
        """The generator's clips [B, C, T, h, w], with a gradient where gradients are on."""

    @abstractmethod
    def truth(self, batch: Batch) -> Tensor:
        """The true clips of the same size."""

    @abstractmethod
    def velocity(self, module: Conditioned, noisy: Tensor, level: float, batch: Batch) -> Tensor:
        """A score's prediction for noisy clips."""

    def players(self) -> Mapping[str, nn.Module]:
        """Two: the generator, and the critic that knows its clips."""
        return {"critic": self.critic, "generator": self.generator}

    def turns(self, step: int) -> Sequence[str]:
        """The critic in each step, the generator behind it in every `critic_steps`-th."""
        return ("critic", "generator") if (step + 1) % self._critic_steps == 0 else ("critic",)

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Distribution matching for the generator, flow matching on its clips for the critic."""
        return self._critic_loss(batch, draws) if player == "critic" else self._generator_loss(batch, draws)

    def validate(self) -> Mapping[str, float]:
        """What the judge says."""
        return {} if self._judge is None else self._judge(self.generator)

    def results(self) -> Mapping[str, nn.Module]:
        """The generator, with its text and image encoder."""
        generator = self.generator
        return {"dit": generator.dit, "text": generator.text, "image": generator.image}

    def _generator_loss(self, batch: Batch, draws: torch.Generator) -> Losses:
        clip, level = self.clip(batch, draws), self._level(draws)
        with torch.no_grad():
            noisy = renoise(clip, normal(clip.shape, draws, clip.device), level)
            real, fake = (
                predict_clean(noisy, self.velocity(score, noisy, level, batch), level)
                for score in (self.real, self.critic)
            )
        matching, move = matching_loss(clip, real, fake)
        distance = (clip - self.truth(batch)).square().mean()
        total = matching + self._truth_weight * distance
        return Losses(total, {"matching": matching, "move": move, "truth": distance})

    def _critic_loss(self, batch: Batch, draws: torch.Generator) -> Losses:
        with torch.no_grad():
            clip = self.clip(batch, draws)
        level, noise = self._level(draws), normal(clip.shape, draws, clip.device)
        velocity = self.velocity(self.critic, renoise(clip, noise, level), level, batch)
        return Losses((velocity - (noise - clip)).square().mean())

    def _level(self, draws: torch.Generator) -> float:
        uniform, (low, high) = float(torch.rand((), generator=draws)), LEVELS
        return min(high, max(low, self._shift * uniform / (1 + (self._shift - 1) * uniform)))

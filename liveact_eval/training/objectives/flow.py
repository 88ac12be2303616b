"""Flow matching over the first two blocks of a clip: what is the same for all forcing strategies.

A strategy says which noise levels the blocks have and what they see of each other. First weights, samples, conditions,
levels' distribution, weights of the error and what is kept are the same, so that strategies can be compared.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.sampler import renoise
from liveact_eval.training.draws import normal
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.blocks import FRAMES, SIZES, Level, cut
from liveact_eval.training.objectives.configs import BidirectionalChoice, DiffusionChoice, TeacherChoice
from liveact_eval.training.objectives.neighbor import Conditioned, draw_level, initialise, level_name

if TYPE_CHECKING:
    from liveact_eval.training.judging import Judge


class FlowObjective(Objective):
    """Weighted squared error of the velocity over two blocks.

    Args:
        config: sizes.
        choice: levels and weights.
        judge: says how good the transformer is; none: validation is empty.
    """

    def __init__(
        self,
        config: LiveActConfig,
        choice: BidirectionalChoice | DiffusionChoice | TeacherChoice,
        judge: Judge | None = None,
    ) -> None:
        self._choice, self._judge = choice, judge
        self.module = Conditioned(config)
        initialise(self.module.dit)

    @abstractmethod
    def levels(self, draws: torch.Generator) -> tuple[Level, ...]:
        """The noise level of each block of a batch."""

    @abstractmethod
    def velocity(self, clean: Tensor, noisy: Tensor, levels: Sequence[Level], batch: Batch) -> Tensor:
        """The prediction [B, C, 14, h, w] for noisy clips.

        Args:
            clean: the true clips [B, C, 14, h, w].
            noisy: the same under noise.
            levels: of the blocks.
            batch: conditions.
        """

    def players(self) -> Mapping[str, nn.Module]:
        """One: transformer, text and image encoder."""
        return {"dit": self.module}

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Weighted squared error of the velocity; see the module."""
        clean = batch["latents"][:, :, :FRAMES].float()
        noise = normal(clean.shape, draws, clean.device)
        levels = self.levels(draws)
        blocks = zip(cut(clean), cut(noise), levels, strict=True)
        noisy = torch.cat([renoise(x, fresh, level.noise) for x, fresh, level in blocks], dim=2)
        error = (self.velocity(clean, noisy, levels, batch) - (noise - clean)).square()
        weight = 1 + self._choice.mouth_weight * batch["mouth"][:, None, :FRAMES].float()
        total = (error * weight).mean() / weight.mean()
        return Losses(total, {"velocity": error.mean()} | _by_level(error, levels))

    def validate(self) -> Mapping[str, float]:
        """What the judge says."""
        return {} if self._judge is None else self._judge(self.module)

    def results(self) -> Mapping[str, nn.Module]:
        """Transformer, text and image encoder."""
        return {"dit": self.module.dit, "text": self.module.text, "image": self.module.image}

    def _level(self, draws: torch.Generator) -> Level:
        choice = self._choice
        return Level(*draw_level(draws, shift=choice.shift, pure_noise=choice.pure_noise))

    def _shared_level(self, draws: torch.Generator) -> tuple[Level, ...]:
        """One level for all blocks."""
        return (self._level(draws),) * len(SIZES)

    def _own_levels(self, draws: torch.Generator) -> tuple[Level, ...]:
        """A level for each block."""
        return tuple(self._level(draws) for _ in SIZES)


def _by_level(error: Tensor, levels: Sequence[Level]) -> dict[str, Tensor]:
    """Mean error of the blocks whose level is in the same group."""
    groups: dict[str, list[Tensor]] = {}
    for part, level in zip(cut(error), levels, strict=True):
        groups.setdefault(level_name(level.noise), []).append(part)
    return {name: torch.cat(parts, dim=2).mean() for name, parts in groups.items()}

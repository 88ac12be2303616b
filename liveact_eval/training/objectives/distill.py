"""Stage 2: a rollout of three steps with ConvKV memory, distilled by distribution matching.

The generator makes a clip of four blocks as a rollout does: three model calls per block with fresh noise between them,
one memory per call. One of the three, drawn anew for each batch and the same for all blocks as in Self Forcing,
has a gradient; its estimate of the clean block is what is judged. The calls after it run too, without a gradient,
because their memories are what later blocks look at. SoulX-LiveAct, sections 2.1 and 2.2; Self Forcing.

Which scores judge. A score must be asked what it has learnt. Papers take bidirectional scores over whole clips; no
model here has learnt that, and stage 1 knows two blocks. What does know 30 latent frames is the transformer of the
objective `memory`: four blocks at one level, each with the (folded) past at that same level. So both scores are that
pass over the generator's clip. The real score is the trained one, frozen; the fake score, the critic, begins as its
copy and learns by the very same loss, on the generator's clips. The price is that a block is judged by its
past and never by what follows. Speech is heard at all levels of the scores, which stay below full noise. There is no
guidance: stage 1 leaves speech out at full noise alone, so a score without speech is unknown at lower levels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.policies import MemoryPolicy, memory_policy
from liveact_eval.liveact.sampler import Schedule, predict_clean, renoise
from liveact_eval.training.draws import normal
from liveact_eval.training.kit import Kit
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.configs import DistillChoice
from liveact_eval.training.objectives.memory import (
    block_conditions,
    block_velocity,
    clip_velocity,
    cut_blocks,
)
from liveact_eval.training.objectives.neighbor import Conditioned
from liveact_eval.training.training_memory import training_memory

if TYPE_CHECKING:
    from liveact_eval.training.judging import Judge

_LEVELS = (0.02, 0.98)
"""Lowest and highest share of noise at which clips are judged."""
_SILENT_STEPS = 1
"""Leading steps of a rollout that leave speech out."""


def roll_out(
    module: Conditioned,
    batch: Batch,
    draws: torch.Generator,
    policy: MemoryPolicy,
    *,
    exit_step: int,
    detach: bool,
) -> Tensor:
    """Clips [B, C, 30, h, w] as a rollout makes them, noise drawn in the order of a rollout.

    Args:
        module: the generator.
        batch: conditions, and the size of clips.
        draws: source of noise.
        policy: of the memory.
        exit_step: the model call that has a gradient, and whose estimates of clean blocks are given.
        detach: whether a backward pass stops at earlier blocks.
    """
    schedule = Schedule.shifted()
    sizes = [part.shape for part in cut_blocks(batch["latents"], policy)]
    memories = [
        training_memory(module.dit, policy, batch["latents"], detach=detach) for _ in range(len(schedule))
    ]
    conditions = block_conditions(module, batch, policy)
    made = []
    for size, given in zip(sizes, conditions, strict=True):
        x = normal(size, draws, module.dit.device)
        for step, memory in enumerate(memories):
            level = schedule.sigma(step)
            with nullcontext() if step == exit_step else torch.no_grad():
                velocity = block_velocity(
                    module.dit, policy, memory, x, level, given, silent=step < _SILENT_STEPS
                )
                clean = predict_clean(x, velocity, level)
            if step == exit_step:
                made.append(clean)
            # Drawn after the last step too: the order of draws is that of `NeighborForcing`.
            fresh = normal(size, draws, x.device)
            x = renoise(clean.detach(), fresh, schedule.sigma(step + 1))
    return torch.cat(made, dim=2)


def matching_loss(clip: Tensor, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Half the squared distance to where distribution matching moves a clip, and the mean size of that move.

    Args:
        clip: the generator's clips, with a gradient.
        real: their clean estimates by the real score, from noisy versions.
        fake: the same by the fake score.
    """
    with torch.no_grad():
        scale = (clip - real).abs().mean(dim=tuple(range(1, clip.ndim)), keepdim=True).clamp(min=1e-6)
        move = (fake - real) / scale
        target = clip - move
    return 0.5 * (clip - target).square().mean(), move.abs().mean()


class DistillObjective(Objective):
    """Generator and critic.

    Args:
        config: sizes.
        choice: memory, turns and weights.
        kit: has what the objective `memory` has made.
        judge: says how good the transformer is; none: validation is empty.

    Raises:
        UserError: that has not been trained.
    """

    def __init__(
        self, config: LiveActConfig, choice: DistillChoice, kit: Kit, judge: Judge | None = None
    ) -> None:
        self._choice, self._judge = choice, judge
        self._policy = memory_policy(choice.memory)
        self.real, self.generator, self.critic = (Conditioned(config) for _ in range(3))
        for module in (self.real, self.generator, self.critic):
            kit.restore("teacher", module)
            module.requires_grad_(False)
        # Text and image encoder stay what the teacher learnt, as the published ones do.
        self.generator.dit.requires_grad_(True)
        self.critic.dit.requires_grad_(True)

    def players(self) -> Mapping[str, nn.Module]:
        """Two: the generator, and the critic that knows its clips."""
        return {"critic": self.critic, "generator": self.generator}

    def turns(self, step: int) -> Sequence[str]:
        """The critic in each step, the generator behind it in every `critic_steps`-th."""
        return ("critic", "generator") if (step + 1) % self._choice.critic_steps == 0 else ("critic",)

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Distribution matching for the generator, flow matching on its clips for the critic."""
        return self._critic(batch, draws) if player == "critic" else self._generator(batch, draws)

    def _generator(self, batch: Batch, draws: torch.Generator) -> Losses:
        clip = self._clip(batch, draws)
        level = self._level(draws)
        with torch.no_grad():
            noisy = renoise(clip, normal(clip.shape, draws, clip.device), level)
            real = predict_clean(noisy, self._velocity(self.real, noisy, level, batch), level)
            fake = predict_clean(noisy, self._velocity(self.critic, noisy, level, batch), level)
        matching, move = matching_loss(clip, real, fake)
        truth = torch.cat(cut_blocks(batch["latents"].float(), self._policy), dim=2)
        distance = (clip - truth).square().mean()
        total = matching + self._choice.truth_weight * distance
        return Losses(total, {"matching": matching, "move": move, "truth": distance})

    def _critic(self, batch: Batch, draws: torch.Generator) -> Losses:
        with torch.no_grad():
            clip = self._clip(batch, draws)
        level = self._level(draws)
        noise = normal(clip.shape, draws, clip.device)
        velocity = self._velocity(self.critic, renoise(clip, noise, level), level, batch)
        return Losses((velocity - (noise - clip)).square().mean())

    def _clip(self, batch: Batch, draws: torch.Generator) -> Tensor:
        exit_step = int(torch.randint(len(Schedule.shifted()), (1,), generator=draws))
        return roll_out(
            self.generator, batch, draws, self._policy, exit_step=exit_step, detach=self._choice.detach
        )

    def _velocity(self, module: Conditioned, noisy: Tensor, level: float, batch: Batch) -> Tensor:
        return clip_velocity(
            module, noisy, level, batch, self._policy, silent=False, detach=self._choice.detach
        )

    def _level(self, draws: torch.Generator) -> float:
        uniform, shift = float(torch.rand((), generator=draws)), self._choice.shift
        low, high = _LEVELS
        return min(high, max(low, shift * uniform / (1 + (shift - 1) * uniform)))

    def validate(self) -> Mapping[str, float]:
        """What the judge says."""
        return {} if self._judge is None else self._judge(self.generator)

    def results(self) -> Mapping[str, nn.Module]:
        """The generator, with its text and image encoder."""
        generator = self.generator
        return {"dit": generator.dit, "text": generator.text, "image": generator.image}

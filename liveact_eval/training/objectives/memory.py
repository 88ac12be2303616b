"""Neighbor Forcing with ConvKV memory: four blocks of a true clip at one noise level, block by block as in a rollout.

Stage 1 sees two blocks, before anything is folded. Here 6, 8, 8 and 8 latent frames pass through the transformer one
after the other, with the memory, positions, conditions and speech windows of a rollout, so that the third and fourth
block look at a folded past. The loss of those is what the ConvKV kernels learn from. The past is true, but as noisy as
the block, as in stage 1. SoulX-LiveAct, section 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.conditions import Context
from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.policies import MemoryPolicy, memory_policy
from liveact_eval.liveact.sampler import STEPS_PER_UNIT, renoise
from liveact_eval.training.draws import normal
from liveact_eval.training.kit import Kit
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.configs import CLIP_BLOCKS, MemoryChoice
from liveact_eval.training.objectives.neighbor import Conditioned, draw_level, level_name
from liveact_eval.training.training_memory import TrainingMemory, kernels_of, training_memory

if TYPE_CHECKING:
    from liveact_eval.training.judging import Judge


@dataclass(frozen=True)
class BlockConditions:
    """What drives one block of a batch of clips."""

    context: Context
    """Text and image."""
    condition: Tensor
    """Mask and condition latent [B, 20, T, h, w]."""
    audio: Tensor
    """Audio tokens [B, T, A, audio_dim]."""
    first: bool
    """Whether it is the first block, whose first latent frame speech leaves alone."""


def block_conditions(module: Conditioned, batch: Batch, policy: MemoryPolicy) -> list[BlockConditions]:
    """Conditions of the blocks of a clip, each with the speech window that a rollout gives it.

    Args:
        module: encodes.
        batch: see `SampleEncoder.encode`.
        policy: tells the sizes of blocks.
    """
    config = module.config.dit
    context = module.context(batch["prompt"], batch["image"])
    condition, features = batch["condition"].float(), batch["features"].float()
    seen = policy.first + policy.current
    made = []
    for number in range(CLIP_BLOCKS):
        start = config.temporal_stride * policy.current * max(0, number - 1)
        count = 1 + config.temporal_stride * (seen - 1)
        windows = torch.cat([audio_windows(row, start, count, config.audio_window) for row in features])
        kept = slice(0, policy.first) if number == 0 else slice(policy.first, seen)
        audio = module.dit.audio_proj(windows)[:, kept]
        made.append(BlockConditions(context, condition[:, :, kept], audio, number == 0))
    return made


def cut_blocks(latents: Tensor, policy: MemoryPolicy) -> list[Tensor]:
    """The blocks of clips [B, C, T, h, w] of `CLIP_BLOCKS` blocks or more; what is longer is cut."""
    ends = [0, *(policy.first + policy.current * number for number in range(CLIP_BLOCKS))]
    return [latents[:, :, start:stop] for start, stop in pairwise(ends)]


def block_velocity(
    dit: CausalDiT,
    policy: MemoryPolicy,
    memory: TrainingMemory,
    x: Tensor,
    level: float,
    conditions: BlockConditions,
    *,
    silent: bool,
) -> Tensor:
    """Velocity of a block [B, C, T, h, w] in float32; the block goes into the memory.

    Args:
        dit: predicts.
        policy: of the memory.
        memory: the past at this level.
        x: the noisy block.
        level: its share of noise.
        conditions: what drives it.
        silent: whether speech is left out.
    """
    positions = memory.begin_block(x.shape[2], kernels_of(dit, policy))
    velocity: Tensor = dit(
        torch.cat([x, conditions.condition], dim=1),
        x.new_full((len(x),), level * STEPS_PER_UNIT),
        conditions.context,
        None if silent else conditions.audio,
        positions=positions,
        memory=memory,
        mute_first=conditions.first,
    )
    return velocity.float()


def clip_velocity(
    module: Conditioned,
    noisy: Tensor,
    level: float,
    batch: Batch,
    policy: MemoryPolicy,
    *,
    silent: bool,
    detach: bool,
) -> Tensor:
    """Velocity of all blocks of noisy clips [B, C, 30, h, w], each block with the memory of those before it."""
    memory = training_memory(module.dit, policy, noisy, detach=detach)
    conditions = block_conditions(module, batch, policy)
    blocks = cut_blocks(noisy, policy)
    velocities = [
        block_velocity(module.dit, policy, memory, x, level, given, silent=silent)
        for x, given in zip(blocks, conditions, strict=True)
    ]
    return torch.cat(velocities, dim=2)


class MemoryObjective(Objective):
    """Flow matching over four blocks with memory.

    Args:
        config: sizes.
        choice: memory, levels and weights.
        kit: has what stage 1 has made.
        judge: says how good the transformer is; none: validation is empty.

    Raises:
        UserError: stage 1 has not been trained.
    """

    def __init__(
        self, config: LiveActConfig, choice: MemoryChoice, kit: Kit, judge: Judge | None = None
    ) -> None:
        self._choice, self._judge = choice, judge
        self._policy = memory_policy(choice.memory)
        self.module = Conditioned(config)
        for role in ("dit", "text", "image"):
            kit.restore(role, self.module.get_submodule(role))
        self.module.requires_grad_(True)

    def players(self) -> Mapping[str, nn.Module]:
        """One: transformer, text and image encoder."""
        return {"dit": self.module}

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Weighted squared error of the velocity; see the module."""
        choice = self._choice
        clean = torch.cat(cut_blocks(batch["latents"].float(), self._policy), dim=2)
        noise = normal(clean.shape, draws, clean.device)
        level, silent = draw_level(draws, shift=choice.shift, pure_noise=choice.pure_noise)
        velocity = clip_velocity(
            self.module,
            renoise(clean, noise, level),
            level,
            batch,
            self._policy,
            silent=silent,
            detach=choice.detach,
        )
        error = (velocity - (noise - clean)).square()
        weight = 1 + choice.mouth_weight * batch["mouth"][:, None, : clean.shape[2]].float()
        total = (error * weight).mean() / weight.mean()
        remembered = error[:, :, self._policy.first + self._policy.current :].mean()
        return Losses(
            total,
            {"velocity": error.mean(), "velocity_after_folds": remembered, level_name(level): error.mean()},
        )

    def validate(self) -> Mapping[str, float]:
        """What the judge says."""
        return {} if self._judge is None else self._judge(self.module)

    def results(self) -> Mapping[str, nn.Module]:
        """Transformer, text and image encoder, and all three in one file as the teacher of the next stage."""
        module = self.module
        return {"dit": module.dit, "text": module.text, "image": module.image, "teacher": module}

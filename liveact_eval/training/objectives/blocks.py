"""The first two blocks of a clip, one after the other over one memory, as a part of a loss.

Before anything is folded, calling the transformer block by block with a memory equals one pass over all latent frames
under a mask: a block sees what lies in the memory, and what lies there has seen what lay there before. Which strategy
is learnt is then decided by what is written to the memory, and when. Unlike one masked pass, every call has a noise
level of its own and hears speech or not, as the steps of a rollout do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.memory import CONVKV, Positions
from liveact_eval.liveact.policies import memory_policy
from liveact_eval.liveact.sampler import STEPS_PER_UNIT
from liveact_eval.training.objectives.base import Batch
from liveact_eval.training.objectives.memory import BlockConditions
from liveact_eval.training.objectives.neighbor import Conditioned
from liveact_eval.training.training_memory import kernels_of, training_memory

SIZES = (CONVKV.first, CONVKV.current)
"""Latent frames of the two blocks."""
FRAMES = sum(SIZES)
"""Latent frames of both."""


class Level(NamedTuple):
    """How noisy a block is."""

    noise: float
    """Share of noise, 0 to 1."""
    silent: bool
    """Whether speech is left out, as in the first step of a rollout."""


def cut(latents: Tensor) -> tuple[Tensor, ...]:
    """The two blocks of latents [B, C, T, h, w] of `FRAMES` latent frames or more; what is longer is cut."""
    return latents[:, :, :FRAMES].split(SIZES, dim=2)


def conditions_of(module: Conditioned, batch: Batch) -> list[BlockConditions]:
    """What drives each of the two blocks: a rollout gives them the same speech windows, of video frames 0 to 52."""
    context = module.context(batch["prompt"], batch["image"])
    stride = module.config.dit.temporal_stride
    audio = module.audio(batch["features"].float(), 1 + stride * (FRAMES - 1))
    condition = cut(batch["condition"].float())
    return [
        BlockConditions(context, given, heard, first=number == 0)
        for number, (given, heard) in enumerate(zip(condition, audio.split(SIZES, dim=1), strict=True))
    ]


class BlockCalls:
    """Model calls over one memory. Every call of a block writes over what the call before has left.

    Args:
        dit: predicts.
        conditions: what drives each block.
    """

    def __init__(self, dit: CausalDiT, conditions: Sequence[BlockConditions]) -> None:
        self._dit = dit
        self._conditions = conditions
        # Two blocks are not folded, so that all policies with slots are the same here.
        self._policy = memory_policy("convkv")
        self._memory = training_memory(dit, self._policy, conditions[0].condition, detach=False)
        self._place: Positions | None = None
        self._next = 0

    def begin(self) -> None:
        """Go on to the next block."""
        self._place = self._memory.begin_block(SIZES[self._next], kernels_of(self._dit, self._policy))
        self._next += 1

    def velocity(self, x: Tensor, level: Level) -> Tensor:
        """Velocity of the current block x [B, C, T, h, w] in float32."""
        given = self._conditions[self._next - 1]
        velocity: Tensor = self._dit(
            torch.cat([x, given.condition], dim=1),
            x.new_full((len(x),), level.noise * STEPS_PER_UNIT),
            given.context,
            None if level.silent else given.audio,
            positions=self._place,
            memory=self._memory,
            mute_first=given.first,
        )
        return velocity.float()


def causal_velocity(module: Conditioned, noisy: Tensor, levels: Sequence[Level], batch: Batch) -> Tensor:
    """Velocity of noisy clips [B, C, 14, h, w], each block at its level, looking at the one before as noisy as it is.

    Args:
        module: predicts.
        noisy: the clips.
        levels: of the blocks.
        batch: conditions.
    """
    calls, made = BlockCalls(module.dit, conditions_of(module, batch)), []
    for x, level in zip(cut(noisy), levels, strict=True):
        calls.begin()
        made.append(calls.velocity(x, level))
    return torch.cat(made, dim=2)

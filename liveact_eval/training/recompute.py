"""Less memory for more time: what a transformer block computes is forgotten, and computed again on the way back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from liveact_eval.errors import UserError
from liveact_eval.liveact.attention import Geometry
from liveact_eval.liveact.conditions import ContextKV
from liveact_eval.liveact.dit import Block
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.memory import LayerMemory
from liveact_eval.training.training_memory import SlotStore


class _RecomputedBlock(Block):
    """A block that keeps nothing but its input for the backward pass."""

    def forward(
        self,
        x: Tensor,
        time: Tensor,
        context: ContextKV,
        audio: Tensor | None,
        mute_first: bool,
        geometry: Geometry,
        memory: LayerMemory | None,
    ) -> Tensor:
        """See `Block.forward`."""
        if not torch.is_grad_enabled():
            return super().forward(x, time, context, audio, mute_first, geometry, memory)
        # The first pass writes to the memory; when it is repeated, later blocks have moved the past on.
        past = [] if memory is None else [_copied(memory), memory]

        def compute(x: Tensor, time: Tensor, context: ContextKV, audio: Tensor | None) -> Tensor:
            seen = None if not past else past.pop() if len(past) > 1 else _copied(past[0])
            return super(_RecomputedBlock, self).forward(x, time, context, audio, mute_first, geometry, seen)

        made: Tensor = checkpoint(compute, x, time, context, audio, use_reentrant=False)
        return made


def _copied(memory: LayerMemory) -> LayerMemory:
    """What a block sees, as it stands now."""
    keys, values = memory.keys, memory.values
    if not (isinstance(keys, SlotStore) and isinstance(values, SlotStore)):
        raise LiveActError(
            f"A memory in a {type(keys).__name__} is written in place, which a backward pass cannot follow; expected "
            "one of `training_memory`"
        )
    return memory.over(keys.copied(), values.copied())


def recompute_blocks(players: Mapping[str, nn.Module]) -> None:
    """Let all transformer blocks of the players be computed again on the way back; names of weights stay as they are.

    Raises:
        UserError: no player has such a block.
    """
    blocks = [part for player in players.values() for part in player.modules() if isinstance(part, Block)]
    if not blocks:
        raise UserError(
            f"`checkpoint_activations` is true, but {', '.join(players)} has no transformer blocks; expected an "
            "objective that trains the transformer. Leave it out of the recipe."
        )
    for block in blocks:
        block.__class__ = _RecomputedBlock

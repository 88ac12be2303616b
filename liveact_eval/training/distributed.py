"""Several processes that share the batch of a step: torchrun starts them, and gradients are averaged on the way back.

torchrun --nproc-per-node 4 -m liveact_eval train my-recipe.yaml --kit runs/mine
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from liveact_eval.errors import UserError
from liveact_eval.liveact.launch import launched_rank, launched_ranks
from liveact_eval.training.devices import CPU
from liveact_eval.training.objectives.base import Batch, Objective
from liveact_eval.training.sharding import shard

_PATIENCE = timedelta(hours=6)
"""How long a process waits for the others: the first one validates and keeps files while they wait. A process that ends
with an error is noticed by torchrun, not by this."""
_Said = TypeVar("_Said")


@dataclass(frozen=True)
class World:
    """This process among those that train together, and its device. Rank 0 alone logs, validates and writes files."""

    rank: int = 0
    """This process."""
    ranks: int = 1
    """How many there are."""
    device: torch.device = CPU
    """Where this process computes."""

    @property
    def first(self) -> bool:
        """Whether this process is the one that logs, validates and writes files."""
        return self.rank == 0

    def check_batch(self, batch: int) -> None:
        """Refuse a batch that cannot be shared evenly.

        Raises:
            UserError: the ranks do not divide it.
        """
        if batch % self.ranks:
            raise UserError(
                f"A batch of {batch} samples cannot be shared by {self.ranks} processes; expected a number of "
                f"processes that divides it. Start another number (--nproc-per-node), or change `batch` in the recipe."
            )

    def heard(self, own: _Said) -> list[_Said]:
        """What every rank says, by rank; every rank has to ask."""
        if self.ranks == 1:
            return [own]
        said: list[Any] = [None] * self.ranks
        dist.all_gather_object(said, own)
        return said

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Means by name over the ranks that have a value of this name; every rank has to ask."""
        heard = self.heard(dict(values))
        names = dict.fromkeys(name for one in heard for name in one)
        return {name: _mean([one[name] for one in heard if name in one]) for name in names}

    def wait(self) -> None:
        """Go on when every rank has come here."""
        if self.ranks > 1:
            dist.barrier()

    def shared(self, loss: PlayerLoss, *, sharded: bool = False) -> nn.Module:
        """The same loss, whose gradients are means over all ranks; the weights of rank 0 become those of all.

        Args:
            loss: of one player.
            sharded: whether each rank keeps a share of the weights only; parameters are then replaced in place.
        """
        if self.ranks == 1:
            return loss
        if sharded:
            shard(loss, loss.player, self.ranks, self.device)
            return loss
        # Speech is left out of some batches: on some ranks, parameters may then have no gradient.
        return DistributedDataParallel(loss, find_unused_parameters=True)


class PlayerLoss(nn.Module):
    """What computes the loss of one player, as a module that holds the player's weights: its call is what averaging of
    gradients begins and ends with.

    Args:
        objective: whose loss it is.
        name: of the player.
        player: the module that learns.
    """

    def __init__(self, objective: Objective, name: str, player: nn.Module) -> None:
        super().__init__()
        self.player = player
        self._objective, self._name = objective, name

    def forward(self, batch: Batch, draws: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its parts; see `Objective.loss`. Parts carry no gradient."""
        losses = self._objective.loss(self._name, batch, draws)
        return losses.total, {name: value.detach() for name, value in losses.parts.items()}


@contextmanager
def launched_world(device: torch.device = CPU) -> Iterator[World]:
    """The processes that torchrun started, joined for the time of the block; without it, one.

    Args:
        device: where this process computes. Tensors on GPUs are sent by NCCL; those on CPUs, and what processes tell
            each other, by gloo.
    """
    world = World(launched_rank(), launched_ranks(), device)
    if world.ranks == 1:
        yield world
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield world
    finally:
        dist.destroy_process_group()


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)

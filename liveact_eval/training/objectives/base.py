"""What the training loop asks of an objective."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

Batch = Mapping[str, Tensor]
"""Samples by name, one row per sample."""


@dataclass(frozen=True)
class Losses:
    """What one player is told."""

    total: Tensor
    """To be made smaller."""
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    """What it is made of, and what else is worth a line in the log; scalars."""


class Objective(ABC):
    """A loss over batches. Whatever it trains is a *player* with an optimiser of its own; most have one."""

    def to(self, device: torch.device, *, players: bool = True) -> None:
        """Move all that the objective computes with, frozen modules too, to a device.

        Args:
            device: where losses will be computed.
            players: whether modules that learn are moved; where they lie in shares, they are there already.
        """
        learning = {id(p) for player in self.players().values() for p in player.parameters()}
        for module in vars(self).values():
            if isinstance(module, nn.Module) and (
                players or learning.isdisjoint(id(p) for p in module.parameters())
            ):
                # Not a library's own `to`, which may warn of precisions.
                nn.Module.to(module, device)

    @abstractmethod
    def players(self) -> Mapping[str, nn.Module]:
        """The modules that learn, by name."""

    def turns(self, step: int) -> Sequence[str]:
        """The players that move in a step, in order."""
        return tuple(self.players())

    @abstractmethod
    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """What a player is told about a batch.

        Args:
            player: who moves.
            batch: see `TalkerSamples`; on the device of the players.
            draws: source of all noise, on the CPU: a step draws the same whether the run was interrupted or not, and
                on every device.
        """

    @abstractmethod
    def validate(self) -> Mapping[str, float]:
        """How good the players are on speakers that they never saw; called with the averaged weights in place."""

    @abstractmethod
    def results(self) -> Mapping[str, nn.Module]:
        """The modules to keep, by the name of their weight file."""

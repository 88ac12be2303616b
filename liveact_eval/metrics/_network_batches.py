"""Pictures through a network, a few at a time, on the network's device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


def device_of(network: nn.Module) -> torch.device:
    """Where a network runs."""
    return next(network.parameters()).device


def encode(
    network: Callable[[Tensor], Tensor], pictures: Tensor, *, size: int, device: torch.device
) -> Tensor:
    """What a network gives for pictures, (N, ...) in parts of at most `size` to (N, ...) on the CPU."""
    import torch

    return torch.cat([network(part.to(device)).cpu() for part in pictures.split(size)])

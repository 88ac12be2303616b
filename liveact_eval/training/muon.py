"""Muon: momentum whose matrices are made orthogonal before each step; every direction of a layer learns at one pace.

Source: Keller Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024. PyTorch's own takes
matrices only; here kernels of convolutions count as matrices, one row per output channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from liveact_eval.training.sharding import like, whole

_POLYNOMIAL = (3.4445, -4.7750, 2.0315)
"""Of the Newton-Schulz iteration that brings singular values near 1 fastest, without converging to it."""
_ROUNDS = 5
_SMALLEST_SIDE = 8
"""A matrix with fewer rows or columns has too few directions to balance."""


class Muon(torch.optim.Optimizer):
    """Steps of spectral norm about 1, times the rate.

    Args:
        params: matrices and kernels, of two axes or more.
        lr: rate; 0.02 is usual.
        momentum: of the gradients, looked ahead as by Nesterov.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of everything that has a gradient.

        Raises:
            ValueError: a closure was given; the loss is never computed again here.
        """
        if closure is not None:
            raise ValueError("this optimiser takes no closure")
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, self.state[parameter], group["lr"], group["momentum"])

    def _move(self, parameter: Tensor, state: dict[str, Any], lr: float, momentum: float) -> None:
        mean = state.setdefault("momentum", torch.zeros_like(parameter))
        mean.lerp_(parameter.grad, 1 - momentum)
        # Directions are those of the whole matrix: one that lies in shares is gathered.
        ahead = whole(parameter.grad.lerp(mean, momentum)).flatten(1)
        rows, columns = ahead.shape
        # Tall matrices turn short vectors into long ones: the step grows with them, so that outputs move alike.
        scale = max(1.0, rows / columns) ** 0.5
        step = orthogonal(ahead).reshape(parameter.shape)
        parameter.add_(like(step, parameter), alpha=-lr * scale)


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix with the same singular vectors and singular values of about 1 (0.7 to 1.2), [rows, columns]."""
    a, b, c = _POLYNOMIAL
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / (x.norm() + 1e-7)
    for _ in range(_ROUNDS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide else x.T


def split_parameters(module: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Trainable parameters of a module: those that Muon is for, and the others (biases, gains, tables, thin layers)."""
    tables = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for parameter in module.parameters():
        if parameter.requires_grad:
            thick = parameter.ndim >= 2 and min(parameter.flatten(1).shape) >= _SMALLEST_SIDE
            (matrices if thick and id(parameter) not in tables else others).append(parameter)
    return matrices, others

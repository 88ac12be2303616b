"""A module that learns: its optimisers, and the running mean of its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from liveact_eval.training.muon import Muon, split_parameters
from liveact_eval.training.recipe import Recipe
from liveact_eval.training.sharding import like, whole, wholes


class RunningMean:
    """Exponential running mean of a module's weights; the first update takes them as they are.

    Args:
        module: whose weights.
        decay: share of the mean that stays with each update.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self.updates = 0
        self.weights = {name: weight.detach().clone() for name, weight in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move towards the module's weights."""
        for name, weight in module.named_parameters():
            mean = self.weights[name]
            if self.updates:
                mean.lerp_(weight, 1 - self._decay)
            else:
                mean.copy_(weight)
        self.updates += 1


class Player:
    """A module that learns.

    Args:
        module: whose weights move; in shares already, if they are to be.
        recipe: says how.
    """

    def __init__(self, module: nn.Module, recipe: Recipe) -> None:
        self.module, self._recipe = module, recipe
        config = recipe.optimiser
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        matrices, others = ([], self.parameters) if config.muon_lr is None else split_parameters(module)
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        if others:
            self.optimisers["adamw"] = torch.optim.AdamW(
                others, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay
            )
        if matrices and config.muon_lr is not None:
            self.optimisers["muon"] = Muon(matrices, lr=config.muon_lr)
        self._rates = {"adamw": config.lr, "muon": config.muon_lr or 0.0}
        self._average = RunningMean(module, recipe.ema)

    def move(self, loss: Tensor, step: int) -> Tensor:
        """One update; gives the norm of the gradient before clipping, a scalar on the device."""
        config = self._recipe.optimiser
        share = config.share(step, self._recipe.steps)
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = self._rates[name] * share
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = whole(nn.utils.clip_grad_norm_(self.parameters, config.clip))
        for optimiser in self.optimisers.values():
            optimiser.step()
        self._average.update(self.module)
        return norm

    def state(self, *, kept: bool = True) -> dict[str, Any]:
        """Everything that goes on from here, in whole tensors on the CPU.

        Args:
            kept: whether this process wants it; with shares every rank has to ask, and others need not hold it.
        """
        parts = {
            "weights": dict(self.module.named_parameters()),
            "buffers": dict(self.module.named_buffers()),
            "optimisers": {name: one.state_dict() for name, one in self.optimisers.items()},
            "average": {"updates": self._average.updates, "weights": self._average.weights},
        }
        return {name: wholes(part, kept=kept) for name, part in parts.items()}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; the number of ranks and the device may be others."""
        for name, weight in self.module.named_parameters():
            weight.copy_(like(state["weights"][name], weight))
            self._average.weights[name].copy_(like(state["average"]["weights"][name], weight))
        for name, buffer in self.module.named_buffers():
            buffer.copy_(state["buffers"][name])
        self._average.updates = int(state["average"]["updates"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(_in_shares(state["optimisers"][name], optimiser))

    def averaged_weights(self, *, kept: bool = True) -> dict[str, Tensor]:
        """What is kept: the running mean, or the latest weights without one; whole and on the CPU.

        Args:
            kept: whether this process wants them; every rank has to ask.
        """
        weights = self._average.weights if self._recipe.ema else dict(self.module.named_parameters())
        gathered: dict[str, Tensor] = wholes(weights, kept=kept)
        return gathered

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The running mean in the place of the latest weights, for the time of the block."""
        weights = dict(self.module.named_parameters())
        latest = {name: weight.detach().clone() for name, weight in weights.items()}
        kept = self._average.weights if self._recipe.ema else latest
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(kept[name])
        try:
            yield
        finally:
            with torch.no_grad():
                for name, weight in weights.items():
                    weight.copy_(latest[name])


def _in_shares(state: Mapping[str, Any], optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """An optimiser's state with each moment in the shares of its weight."""
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    return {
        "param_groups": state["param_groups"],
        "state": {
            number: {
                name: like(value, weights[number])
                if isinstance(value, Tensor) and value.shape == weights[number].shape
                else value
                for name, value in moments.items()
            }
            for number, moments in state["state"].items()
        },
    }

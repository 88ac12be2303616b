"""The training loop: batches in, weights out; killed and started again, it ends with the same numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Protocol

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from liveact_eval.errors import UserError
from liveact_eval.training.checkpoints import latest_checkpoint, save_checkpoint
from liveact_eval.training.draws import generator_of
from liveact_eval.training.logs import TrainingLog
from liveact_eval.training.objectives.base import Batch, Objective
from liveact_eval.training.recipe import Recipe


class Watcher(Protocol):
    """Who is told about progress."""

    def advance(self, step: int, text: str) -> None:
        """`step` updates are done; `text` says how it goes."""
        ...


class _Player:
    """A module that learns, its optimiser, and the running mean of its weights."""

    def __init__(self, module: nn.Module, recipe: Recipe) -> None:
        self.module, self._recipe = module, recipe
        config = recipe.optimiser
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay
        )
        self.average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema))

    def move(self, loss: torch.Tensor, step: int) -> float:
        """One update; gives the norm of the gradient before clipping."""
        config = self._recipe.optimiser
        for group in self.optimiser.param_groups:
            group["lr"] = config.rate(step, self._recipe.steps)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.parameters, config.clip))
        self.optimiser.step()
        self.average.update_parameters(self.module)
        return norm

    def state(self) -> dict[str, object]:
        return {
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.state_dict(),
        }

    def restore(self, state: Mapping[str, Mapping[str, object]]) -> None:
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(dict(state["optimiser"]))
        self.average.load_state_dict(state["average"])


class Training:
    """A recipe under way in a folder of its own.

    Args:
        recipe: what is trained.
        objective: made from it.
        folder: where checkpoints and logs go.
        log: takes the numbers.
        source: gives the batches of the steps of a range; a step has the same batch whenever it is asked for.

    Raises:
        UserError: the folder holds a run of another recipe, or a damaged checkpoint.
    """

    def __init__(
        self,
        recipe: Recipe,
        objective: Objective,
        folder: Path,
        log: TrainingLog,
        source: Callable[[range], Iterator[Batch]],
    ) -> None:
        self.recipe, self.objective, self._log, self._source = recipe, objective, log, source
        self._checkpoints = folder / "checkpoints"
        self._players = {name: _Player(module, recipe) for name, module in objective.players().items()}
        self.done = 0
        """Updates so far."""
        found = latest_checkpoint(self._checkpoints)
        if found is not None:
            if found["recipe"] != recipe.model_dump_json():
                raise UserError(
                    f"{folder} holds a run of another recipe. Give another folder with --out, or delete it."
                )
            for name, player in self._players.items():
                player.restore(found["players"][name])
            self.done = int(found["step"])

    def run(self, watcher: Watcher, *, seconds: float | None = None) -> bool:
        """Train until the recipe's end, or for so many seconds; gives whether the end was reached."""
        recipe, started = self.recipe, time.monotonic()
        steps = range(self.done, recipe.steps)
        for step, batch in zip(steps, self._source(steps), strict=False):
            values = self._step(step, batch)
            self.done = step + 1
            watcher.advance(self.done, f"loss {next(iter(values.values())):.4g}")
            if self.done % recipe.log_every == 0 or self.done == recipe.steps:
                self._log.write(self.done, "train", values)
            if self.done % recipe.validate_every == 0 or self.done == recipe.steps:
                self._log.write(self.done, "validation", self.validate())
            if self.done % recipe.checkpoint_every == 0 or self.done == recipe.steps:
                self.save()
            if seconds is not None and time.monotonic() - started > seconds:
                break
        if self.done < recipe.steps:
            self.save()
        return self.done >= recipe.steps

    def _step(self, step: int, batch: Mapping[str, torch.Tensor]) -> dict[str, float]:
        # One generator per step: noise does not depend on what was drawn before an interruption.
        draws = generator_of(self.recipe.seed, step)
        values: dict[str, float] = {}
        for name in self.objective.turns(step):
            player = self._players[name]
            with self._precision():
                losses = self.objective.loss(name, batch, draws)
            norm = player.move(losses.total, step)
            prefix = "" if len(self._players) == 1 else f"{name}."
            values |= {f"{prefix}loss": float(losses.total.detach())}
            values |= {f"{prefix}{key}": float(value.detach()) for key, value in losses.parts.items()}
            values |= {f"{prefix}gradient_norm": norm}
        return values

    def _precision(self) -> torch.autocast | nullcontext[None]:
        if self.recipe.precision == "float32":
            return nullcontext()
        return torch.autocast("cpu" if not torch.cuda.is_available() else "cuda", torch.bfloat16)

    def validate(self) -> Mapping[str, float]:
        """What the objective says of the averaged weights."""
        with self.averaged():
            return self.objective.validate()

    def averaged(self) -> _Averaged:
        """A context in which the players have their averaged weights."""
        return _Averaged(self._players if self.recipe.ema else {})

    def save(self) -> None:
        """Write a checkpoint."""
        players = {name: player.state() for name, player in self._players.items()}
        save_checkpoint(
            self._checkpoints, self.done, {"recipe": self.recipe.model_dump_json(), "players": players}
        )


class _Averaged:
    """Puts averaged weights in place, and the latest ones back."""

    def __init__(self, players: Mapping[str, _Player]) -> None:
        self._players = players
        self._latest: dict[str, dict[str, torch.Tensor]] = {}

    def __enter__(self) -> None:
        for name, player in self._players.items():
            state = player.module.state_dict()
            self._latest[name] = {key: value.clone() for key, value in state.items()}
            player.module.load_state_dict(player.average.module.state_dict())

    def __exit__(self, *error: object) -> None:
        for name, player in self._players.items():
            player.module.load_state_dict(self._latest[name])

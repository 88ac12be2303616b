"""The training loop: batches in, weights out; killed and started again, it ends with the same numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from pydantic import ValidationError
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from liveact_eval.errors import UserError
from liveact_eval.training.checkpoints import latest_checkpoint, save_checkpoint
from liveact_eval.training.distributed import PlayerLoss, World
from liveact_eval.training.draws import generator_of
from liveact_eval.training.logs import TrainingLog
from liveact_eval.training.muon import Muon, split_parameters
from liveact_eval.training.objectives.base import Batch, Objective
from liveact_eval.training.recipe import Recipe

_ALONE = World()


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
        matrices, others = ([], self.parameters) if config.muon_lr is None else split_parameters(module)
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        if others:
            self.optimisers["adamw"] = torch.optim.AdamW(
                others, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay
            )
        if matrices and config.muon_lr is not None:
            self.optimisers["muon"] = Muon(matrices, lr=config.muon_lr)
        self._rates = {"adamw": config.lr, "muon": config.muon_lr or 0.0}
        self.average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema))

    def move(self, loss: torch.Tensor, step: int) -> float:
        """One update; gives the norm of the gradient before clipping."""
        config = self._recipe.optimiser
        share = config.share(step, self._recipe.steps)
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                group["lr"] = self._rates[name] * share
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.parameters, config.clip))
        for optimiser in self.optimisers.values():
            optimiser.step()
        self.average.update_parameters(self.module)
        return norm

    def state(self) -> dict[str, object]:
        return {
            "module": self.module.state_dict(),
            "optimisers": {name: one.state_dict() for name, one in self.optimisers.items()},
            "average": self.average.state_dict(),
        }

    def restore(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        self.module.load_state_dict(state["module"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.average.load_state_dict(state["average"])


class Training:
    """A recipe under way in a folder of its own.

    Args:
        recipe: what is trained.
        objective: made from it.
        folder: where checkpoints and logs go.
        log: takes the numbers; none in all processes but the first.
        source: gives the batches of the steps of a range, this process's share of them; a step has the same batch
            whenever it is asked for.
        world: the processes that train together.

    Raises:
        UserError: the folder holds a run of another recipe, or a damaged checkpoint; or processes see different ones.
    """

    def __init__(
        self,
        recipe: Recipe,
        objective: Objective,
        folder: Path,
        log: TrainingLog | None,
        source: Callable[[range], Iterator[Batch]],
        world: World = _ALONE,
    ) -> None:
        self.recipe, self.objective, self._log, self._source = recipe, objective, log, source
        self._world = world
        self._checkpoints = folder / "checkpoints"
        self._players = {name: _Player(module, recipe) for name, module in objective.players().items()}
        self.done = 0
        """Updates so far."""
        found = latest_checkpoint(self._checkpoints)
        if found is not None:
            if not _is_of(found["recipe"], recipe):
                raise UserError(
                    f"{folder} holds a run of another recipe. Give another folder with --kit, or delete it."
                )
            for name, player in self._players.items():
                player.restore(found["players"][name])
            self.done = int(found["step"])
        seen = world.heard(self.done)
        if len(set(seen)) > 1:
            raise UserError(
                f"Processes go on from different steps, {seen}; expected the same checkpoint for all. "
                "Give a folder that all of them see with --kit."
            )
        self._losses = {
            name: world.shared(PlayerLoss(objective, name, player.module))
            for name, player in self._players.items()
        }

    def run(self, watcher: Watcher, *, seconds: float | None = None) -> bool:
        """Train until the recipe's end, or for so many seconds; gives whether the end was reached."""
        recipe, started = self.recipe, time.monotonic()
        steps = range(self.done, recipe.steps)
        for step, batch in zip(steps, self._source(steps), strict=False):
            values = self._step(step, batch)
            self.done = step + 1
            watcher.advance(self.done, f"loss {next(iter(values.values())):.4g}")
            if self._due(recipe.log_every):
                self._write("train", self._world.mean(values))
            if self._due(recipe.validate_every) and self._world.first:
                self._write("validation", self.validate())
            if self._due(recipe.checkpoint_every):
                self.save()
            # The clock of the first process counts: all have to stop after the same step.
            if seconds is not None and self._world.heard(time.monotonic() - started > seconds)[0]:
                break
        if self.done < recipe.steps:
            self.save()
        return self.done >= recipe.steps

    def _due(self, every: int) -> bool:
        return self.done % every == 0 or self.done == self.recipe.steps

    def _write(self, kind: str, values: Mapping[str, float]) -> None:
        if self._log is not None:
            self._log.write(self.done, kind, values)

    def _step(self, step: int, batch: Mapping[str, torch.Tensor]) -> dict[str, float]:
        # One generator per step: noise does not depend on what was drawn before an interruption.
        draws = generator_of(self.recipe.seed, step, self._world.rank)
        values: dict[str, float] = {}
        for name in self.objective.turns(step):
            player = self._players[name]
            with self._precision(player):
                total, parts = self._losses[name](batch, draws)
            norm = player.move(total, step)
            prefix = "" if len(self._players) == 1 else f"{name}."
            values |= {f"{prefix}loss": float(total.detach())}
            values |= {f"{prefix}{key}": float(value) for key, value in parts.items()}
            values |= {f"{prefix}gradient_norm": norm}
        return values

    def _precision(self, player: _Player) -> torch.autocast | nullcontext[None]:
        if self.recipe.precision == "float32":
            return nullcontext()
        return torch.autocast(player.parameters[0].device.type, torch.bfloat16)

    def validate(self) -> Mapping[str, float]:
        """What the objective says of the averaged weights."""
        with self.averaged():
            return self.objective.validate()

    def averaged(self) -> _Averaged:
        """A context in which the players have their averaged weights."""
        return _Averaged(self._players if self.recipe.ema else {})

    def save(self) -> None:
        """Write a checkpoint; the first process does, for all."""
        if not self._world.first:
            return
        players = {name: player.state() for name, player in self._players.items()}
        save_checkpoint(
            self._checkpoints, self.done, {"recipe": self.recipe.model_dump_json(), "players": players}
        )


def _is_of(written: str, recipe: Recipe) -> bool:
    """Whether a checkpoint's recipe is this one; what it does not say, as it is older, counts as its default."""
    try:
        before = Recipe.model_validate_json(written)
    except ValidationError:
        return False
    # How many processes draw has no effect on what is learnt.
    same = before.data.model_copy(update={"workers": recipe.data.workers})
    return before.model_copy(update={"data": same}) == recipe


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

"""The training loop: batches in, weights out; killed and started again, it ends with the same numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import torch
from pydantic import ValidationError

from liveact_eval.errors import UserError
from liveact_eval.training.checkpoints import latest_checkpoint, save_checkpoint
from liveact_eval.training.devices import moved
from liveact_eval.training.distributed import PlayerLoss, World
from liveact_eval.training.draws import generator_of
from liveact_eval.training.logs import TrainingLog
from liveact_eval.training.objectives.base import Batch, Objective
from liveact_eval.training.pace import Pace, of_all
from liveact_eval.training.player import Player
from liveact_eval.training.recipe import Recipe

_ALONE = World()


class Watcher(Protocol):
    """Who is told about progress."""

    def advance(self, step: int, text: str) -> None:
        """`step` updates are done; `text` says how it goes."""
        ...


class Training:
    """A recipe under way in a folder of its own.

    Args:
        recipe: what is trained.
        objective: made from it.
        folder: where checkpoints and logs go.
        log: takes the numbers; none in all processes but the first.
        source: gives the batches of the steps of a range, this process's share of them; a step has the same batch
            whenever it is asked for.
        world: the processes that train together, and the device of this one, to which the objective is moved.
        remade: gives a fresh objective of the same sizes, for whole weights where training holds shares of them.

    Raises:
        UserError: the folder holds a run of another recipe, or a damaged checkpoint; or processes see different ones;
            or weights of several players are to be sharded.
    """

    def __init__(
        self,
        recipe: Recipe,
        objective: Objective,
        folder: Path,
        log: TrainingLog | None,
        source: Callable[[range], Iterator[Batch]],
        world: World = _ALONE,
        remade: Callable[[], Objective] | None = None,
    ) -> None:
        self.recipe, self.objective, self._log, self._source = recipe, objective, log, source
        self._world, self._remade = world, remade
        if recipe.sharded and len(objective.players()) > 1:
            raise UserError(
                f"`sharded` is true, but {', '.join(objective.players())} learn from each other; expected a recipe "
                "with one player. Leave it out of the recipe."
            )
        self._checkpoints = folder / "checkpoints"
        # What is to be in shares goes to the device in parts.
        objective.to(world.device, players=not self.sharded)
        # Sharding replaces the parameters, which optimisers then have to take.
        self._losses = {
            name: world.shared(PlayerLoss(objective, name, module), sharded=recipe.sharded)
            for name, module in objective.players().items()
        }
        self._players = {name: Player(module, recipe) for name, module in objective.players().items()}
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

    def run(self, watcher: Watcher, *, seconds: float | None = None) -> bool:
        """Train until the recipe's end, or for so many seconds; gives whether the end was reached."""
        recipe, started = self.recipe, time.monotonic()
        steps, pace = range(self.done, recipe.steps), Pace(self._world.device, recipe.batch)
        for step, batch in zip(steps, self._source(steps), strict=False):
            values = self._step(step, moved(batch, self._world.device))
            pace.step()
            self.done = step + 1
            watcher.advance(self.done, f"loss {next(iter(values.values())):.4g}")
            if self._due(recipe.log_every):
                speed = of_all(self._world.heard(pace.report()))
                self._write("train", self._world.mean(values) | speed)
            if self._due(recipe.validate_every):
                self._write("validation", self.validate())
            if self._due(recipe.checkpoint_every):
                self.save()
            # The clock of the first process counts: all have to stop after the same step.
            if seconds is not None and self._world.heard(time.monotonic() - started > seconds)[0]:
                break
            pace.begin()
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
        values: dict[str, torch.Tensor] = {}
        for name in self.objective.turns(step):
            with self._precision():
                total, parts = self._losses[name](batch, draws)
            norm = self._players[name].move(total, step)
            prefix = "" if len(self._players) == 1 else f"{name}."
            said = {"loss": total.detach(), **parts, "gradient_norm": norm}
            values |= {f"{prefix}{key}": value for key, value in said.items()}
        # All of them in one copy: each would have the host wait for the device.
        numbers = torch.stack([value.float() for value in values.values()]).tolist()
        return dict(zip(values, numbers, strict=True))

    def _precision(self) -> torch.autocast | nullcontext[None]:
        if self.recipe.precision == "float32":
            return nullcontext()
        return torch.autocast(self._world.device.type, torch.bfloat16)

    def validate(self) -> Mapping[str, float]:
        """What the objective says of the averaged weights, on the first process; nothing on others, which may ask."""
        with self.averaged() as objective:
            return objective.validate() if self._world.first else {}

    @contextmanager
    def averaged(self) -> Iterator[Objective]:
        """The objective with its players' averaged weights; with sharded weights a copy, and every rank has to ask."""
        if self.sharded:
            yield self._whole_copy()
            return
        with ExitStack() as stack:
            for player in self._players.values():
                stack.enter_context(player.averaged())
            yield self.objective

    @property
    def sharded(self) -> bool:
        """Whether weights lie in shares on several processes."""
        return self.recipe.sharded and self._world.ranks > 1

    def _whole_copy(self) -> Objective:
        kept = self._world.first
        averages = {name: player.averaged_weights(kept=kept) for name, player in self._players.items()}
        if not self._world.first:
            return self.objective
        if self._remade is None:
            raise ValueError("sharded weights need `remade`")
        # Its first weights, drawn on the CPU, are overwritten: they must not change what is drawn after them.
        with torch.random.fork_rng(devices=[]):
            copy = self._remade()
        copy.to(self._world.device)
        with torch.no_grad():
            for name, module in copy.players().items():
                for key, weight in module.named_parameters():
                    weight.copy_(averages[name][key])
        return copy

    def save(self) -> None:
        """Write a checkpoint; the first process does, for all."""
        if not (self._world.first or self.sharded):
            return
        players = {name: player.state(kept=self._world.first) for name, player in self._players.items()}
        if self._world.first:
            save_checkpoint(
                self._checkpoints, self.done, {"recipe": self.recipe.model_dump_json(), "players": players}
            )


def _is_of(written: str, recipe: Recipe) -> bool:
    """Whether a checkpoint's recipe is this one; what it does not say, as it is older, counts as its default."""
    try:
        before = Recipe.model_validate_json(written)
    except ValidationError:
        return False
    # How many processes draw, and where weights lie, has no effect on what is learnt.
    same = before.data.model_copy(update={"workers": recipe.data.workers})
    return before.model_copy(update={"data": same, "sharded": recipe.sharded}) == recipe

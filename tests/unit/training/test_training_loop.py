from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

from liveact_eval.errors import UserError
from liveact_eval.training.logs import TrainingLog
from liveact_eval.training.loop import Training
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.recipe import Recipe, load_recipe, shipped_recipes


class Line(Objective):
    """Two players that learn to be a noisy line; the second moves every other step."""

    def __init__(self) -> None:
        self.slope, self.offset = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)

    def players(self) -> Mapping[str, nn.Module]:
        return {"slope": self.slope, "offset": self.offset}

    def turns(self, step: int) -> tuple[str, ...]:
        return ("slope", "offset") if step % 2 else ("slope",)

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        x = batch["x"]
        noise = torch.randn(x.shape, generator=draws)
        said = self.slope(x) + self.offset(torch.ones_like(x))
        return Losses((said - 3 * x - 1 - 0.1 * noise).square().mean())

    def validate(self) -> dict[str, float]:
        return {"slope": float(next(self.slope.parameters()).detach().flatten()[0])}

    def results(self) -> Mapping[str, nn.Module]:
        return {"slope": self.slope}


class Deaf:
    def advance(self, step: int, text: str) -> None:
        pass


def _recipe(**changes: object) -> Recipe:
    base = {
        "name": "line",
        "title": "Line",
        "summary": "A line.",
        "objective": {"kind": "vae", "window": 1},
        "data": {"frames": 1},
        "optimiser": {"lr": 0.05, "warmup_steps": 3},
        "batch": 4,
        "steps": 40,
        "ema": 0.9,
        "log_every": 10,
        "validate_every": 20,
        "checkpoint_every": 7,
    }
    return Recipe.model_validate(base | changes)


def _source(steps: range):  # type: ignore[no-untyped-def]
    for step in steps:
        yield {"x": torch.randn(4, 1, generator=torch.Generator().manual_seed(step))}


def _training(folder: Path, recipe: Recipe) -> Training:
    torch.manual_seed(recipe.seed)
    return Training(recipe, Line(), folder, TrainingLog(folder), _source)


def _weights(training: Training) -> list[float]:
    players = training.objective.players().values()
    return [float(module.weight.detach()) for module in players if isinstance(module, nn.Linear)]


class Plane(Line):
    """A line with a matrix in it, which Muon moves."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Sequential(nn.Linear(1, 8), nn.Linear(8, 8), nn.Linear(8, 1))


def test_the_same_holds_for_the_momentum_of_muon(tmp_path: Path) -> None:
    recipe = _recipe(optimiser={"lr": 0.05, "muon_lr": 0.02, "warmup_steps": 3})
    states = []
    for name, stops in (("whole", (None,)), ("pieces", (0.0, 0.0, None))):
        for seconds in stops:
            torch.manual_seed(0)
            training = Training(recipe, Plane(), tmp_path / name, None, _source)
            training.run(Deaf(), seconds=seconds)
        states.append(training.objective.slope.state_dict())  # type: ignore[attr-defined]
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key


def test_a_killed_run_ends_with_the_very_weights_of_one_that_was_not(tmp_path: Path) -> None:
    recipe = _recipe()
    whole = _training(tmp_path / "whole", recipe)
    assert whole.run(Deaf())

    class Killer(Deaf):
        def advance(self, step: int, text: str) -> None:
            if step == 25:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _training(tmp_path / "killed", recipe).run(Killer())
    resumed = _training(tmp_path / "killed", recipe)
    assert resumed.done == 21
    assert resumed.run(Deaf())
    assert _weights(resumed) == _weights(whole)
    assert resumed.validate() == whole.validate()


def test_averaged_weights_are_put_in_place_for_validation_alone(tmp_path: Path) -> None:
    training = _training(tmp_path, _recipe())
    training.run(Deaf())
    latest = _weights(training)
    with training.averaged():
        averaged = _weights(training)
    assert _weights(training) == latest != averaged


def test_time_limit_stops_and_the_same_command_goes_on(tmp_path: Path) -> None:
    recipe = _recipe()
    first = _training(tmp_path, recipe)
    assert not first.run(Deaf(), seconds=0.0)
    assert first.done == 1
    assert _training(tmp_path, recipe).done == 1


def test_another_recipe_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    _training(tmp_path, _recipe()).run(Deaf())
    with pytest.raises(UserError, match="another recipe"):
        _training(tmp_path, _recipe(steps=41))


def test_another_number_of_drawing_processes_goes_on(tmp_path: Path) -> None:
    _training(tmp_path, _recipe()).run(Deaf(), seconds=0.0)
    assert _training(tmp_path, _recipe(data={"frames": 1, "workers": 3})).done == 1


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    _training(tmp_path, _recipe()).run(Deaf())
    latest = max((tmp_path / "checkpoints").iterdir())
    latest.write_bytes(latest.read_bytes()[:100])
    with pytest.raises(UserError, match=latest.name):
        _training(tmp_path, _recipe())


def test_log_holds_losses_and_validations(tmp_path: Path) -> None:
    _training(tmp_path, _recipe()).run(Deaf())
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "train"] == [10, 20, 30, 40]
    assert [line["step"] for line in lines if line["kind"] == "validation"] == [20, 40]
    losses = [line["slope.loss"] for line in lines if line["kind"] == "train"]
    assert losses[-1] < losses[0]


def test_tensorboard_gets_the_same_numbers(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is an extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _training(tmp_path, _recipe()).run(Deaf())
    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert [event.step for event in board.Scalars("train/slope.loss")] == [10, 20, 30, 40]
    assert "validation/slope" in board.Tags()["scalars"]


def test_shipped_recipes_are_valid_and_named_after_their_files() -> None:
    assert {name: load_recipe(name).name for name in shipped_recipes()} == {n: n for n in shipped_recipes()}
    with pytest.raises(UserError, match="mini-vae"):
        load_recipe("mini-vea")


def test_rate_rises_then_falls_to_its_share() -> None:
    config = _recipe(optimiser={"lr": 3.0, "warmup_steps": 10, "final_share": 0.1}).optimiser
    rates = [config.share(step, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[10] == 1.0
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0.1)

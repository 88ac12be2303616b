"""Published strategies in training: the past is that of the rollout, the loss falls, and a killed run resumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from liveact_eval.liveact.memory import Positions
from liveact_eval.rollouts.published import PUBLISHED
from liveact_eval.rollouts.strategy import Entry, Strategy
from liveact_eval.training.draws import generator_of
from liveact_eval.training.loop import Training
from liveact_eval.training.objectives import forced
from liveact_eval.training.objectives.configs import ForcedChoice
from liveact_eval.training.objectives.forced import ForcedObjective, calls_up_to, turns_within
from liveact_eval.training.recipe import load_recipe, shipped_recipes
from liveact_eval.training.recompute import recompute_blocks
from tests.unit.training.forcing_cases import CONFIG, drawn_batch, enliven

RECIPES = sorted(name for name in shipped_recipes() if isinstance(load_recipe(name).objective, ForcedChoice))


class Deaf:
    def advance(self, step: int, text: str) -> None:
        pass


def objective_of(rollout: str) -> ForcedObjective:
    torch.manual_seed(0)
    objective = ForcedObjective(CONFIG, ForcedChoice(kind="forced", rollout=rollout))
    enliven(objective.module)
    return objective


def at(monkeypatch: pytest.MonkeyPatch, turn: int) -> None:
    """Let every batch be of that turn."""
    monkeypatch.setattr(forced, "turns_within", lambda strategy, latents: [turn])


def test_recipes_are_those_of_stage_1_but_for_the_strategy() -> None:
    stage_1 = load_recipe("mini-neighbor")
    assert len(RECIPES) == 6
    for name in RECIPES:
        recipe = load_recipe(name)
        own = {key: getattr(recipe, key) for key in ("name", "title", "summary", "objective")}
        assert stage_1.model_copy(update=own) == recipe
        assert isinstance(recipe.objective, ForcedChoice) and name == f"mini-{recipe.objective.rollout}"
        # Windows are full well before a sample ends.
        strategy = PUBLISHED[recipe.objective.rollout].strategy()
        assert len(turns_within(strategy, 30)) > 6
    for wrong in ("overlapping-windows", "neighbor"):
        with pytest.raises(ValueError, match="expected one of teacher-forcing"):
            ForcedChoice(kind="forced", rollout=wrong)


@torch.no_grad()
def test_blocks_behind_a_clean_past_are_one_pass_over_both_under_a_mask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    objective, batch = objective_of("causal-forcing"), drawn_batch()
    module = objective.module
    seen: dict[str, Any] = {}
    for layer in module.dit.blocks:
        # Speech has no effect here: only the first frame of a clip is left alone.
        layer.audio_cross_attn.proj.weight.zero_()
    inner = objective._velocity

    def heard(strategy: Strategy, call: forced.Call, x: Tensor, *rest: object) -> Tensor:
        made = inner(strategy, call, x, *rest)  # type: ignore[arg-type]
        seen.update(x=x, velocity=made, level=call.part.timesteps[0])
        return made

    at(monkeypatch, 2)
    monkeypatch.setattr(objective, "_velocity", heard)
    objective.loss("dit", batch, generator_of(4))
    frames = [*range(6), 6, 7, 8]
    mask = torch.tensor([[key // 3 <= query // 3 for key in range(9)] for query in range(9)])
    whole = module.dit(
        torch.cat(
            [torch.cat([batch["latents"][:, :, :6], seen["x"]], dim=2), batch["condition"][:, :, frames]],
            dim=1,
        ),
        torch.tensor([[0.0] * 6 + [seen["level"]] * 3] * 2),
        module.context(batch["prompt"], batch["image"]),
        positions=Positions(tuple(frames), tuple(frames)),
        frame_mask=mask,
    )
    torch.testing.assert_close(seen["velocity"], whole[:, :, 6:], atol=1e-5, rtol=1e-5)


def test_passes_that_nobody_looks_at_are_left_out() -> None:
    # The blocks before the window leave their keys one after the other; joint passes leave nothing.
    rolling = calls_up_to(PUBLISHED["rolling-forcing"].strategy(), 9, 0)
    assert {call.part.purpose for call in rolling[:-1]} == {"cache"}
    assert rolling[-1].part.frames == tuple(range(15, 30))
    # Each step of timestep forcing looks at the past at its own step, and at the reference.
    ring = calls_up_to(PUBLISHED["live-avatar"].strategy(), 3, 2)
    assert {call.part.timesteps[0] for call in ring} == {0.0, 602.0}
    for name in RECIPES:
        strategy = PUBLISHED[name.removeprefix("mini-")].strategy()
        for turn in turns_within(strategy, 30):
            made: set[Entry] = set()
            for step, part in enumerate(strategy.levels(turn)):
                if part.purpose != "denoise":
                    continue
                for call in calls_up_to(strategy, turn, step):
                    assert {key.entry for key in call.look.seen} <= made | set(call.writes)
                    made |= set(call.writes)


@pytest.mark.parametrize("rollout", [name.removeprefix("mini-") for name in RECIPES])
def test_a_batch_is_learnt(rollout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    objective, batch = objective_of(rollout), drawn_batch()
    at(monkeypatch, 2)
    optimiser = torch.optim.Adam(objective.module.parameters(), lr=2e-3)
    seen = []
    for _ in range(3):
        losses = objective.loss("dit", batch, generator_of(3))
        seen.append(float(losses.total.detach()))
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
    assert seen[2] < seen[1] < seen[0]
    names = {name for name, p in objective.module.named_parameters() if p.grad is not None and p.grad.any()}
    for part in ("text.", "image.", "dit.audio_proj", "dit.blocks.1.self_attn.k", "dit.time_embedding"):
        assert any(name.startswith(part) for name in names), part
    assert any(name.startswith("velocity_at_") for name in losses.parts)


def test_the_past_learns_too_and_computing_again_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 2)
    grads = []
    for again in (False, True):
        objective = objective_of("longlive")
        if again:
            recompute_blocks(objective.players())
        batch = drawn_batch(1)
        latents = batch["latents"].requires_grad_(True)
        objective.loss("dit", batch, generator_of(3)).total.backward()
        assert latents.grad is not None
        # Frames 6 to 8 are learnt behind the six before them; what comes later is not looked at.
        assert latents.grad[:, :, :6].any() and not latents.grad[:, :, 9:].any()
        grads.append([p.grad for p in objective.module.parameters() if p.grad is not None])
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*grads, strict=True))


def test_a_killed_run_ends_with_the_very_weights_of_one_that_was_not(tmp_path: Path) -> None:
    recipe = load_recipe("mini-knot-forcing").model_copy(
        update={"steps": 3, "checkpoint_every": 1, "batch": 1}
    )

    def training(name: str) -> Training:
        return Training(
            recipe,
            objective_of("knot-forcing"),
            tmp_path / name,
            None,
            lambda steps: (drawn_batch(1) for _ in steps),
        )

    whole = training("whole")
    assert whole.run(Deaf())
    for _ in range(2):
        training("pieces").run(Deaf(), seconds=0.0)
    pieces = training("pieces")
    assert pieces.done == 2 and pieces.run(Deaf())
    ends = [run.objective.players()["dit"].state_dict() for run in (whole, pieces)]
    assert all(torch.equal(value, ends[1][key]) for key, value in ends[0].items())

"""Distribution matching over published rollouts: who moves whom, what a step changes, resuming, recipes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.rollouts.published import PUBLISHED
from liveact_eval.training.draws import generator_of
from liveact_eval.training.judging import Judge
from liveact_eval.training.kit import Kit
from liveact_eval.training.loop import Training
from liveact_eval.training.making import make_objective
from liveact_eval.training.objectives import strategies
from liveact_eval.training.objectives.configs import ForcedDistillChoice
from liveact_eval.training.objectives.forced_distill import ForcedDistillObjective
from liveact_eval.training.objectives.memory import clip_velocity
from liveact_eval.training.objectives.neighbor import Conditioned
from liveact_eval.training.recipe import load_recipe, shipped_recipes
from liveact_eval.training.recompute import recompute_blocks
from tests.unit.training.forcing_cases import CONFIG, drawn_batch, small_module

RECIPES = sorted(
    name for name in shipped_recipes() if isinstance(load_recipe(name).objective, ForcedDistillChoice)
)
ROLLOUTS = [name.removeprefix("mini-").removesuffix("-dmd") for name in RECIPES]


class Deaf:
    def advance(self, step: int, text: str) -> None:
        pass


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """The generator and the scores are not the same."""
    kit, module = Kit(tmp_path_factory.mktemp("kit")), small_module()
    kit.keep(load_recipe("mini-memory"), {"teacher": module}, {})
    nn.init.normal_(module.dit.head.head.weight, std=0.1)
    parts = {role: module.get_submodule(role) for role in ("dit", "text", "image")}
    kit.keep(load_recipe("mini-longlive"), parts, {})
    return kit


def long_batch(size: int = 1) -> dict[str, Tensor]:
    draws = torch.Generator().manual_seed(3)
    return drawn_batch(size) | {
        "latents": torch.randn(size, 16, 30, 4, 4, generator=draws),
        "features": torch.randn(size, 117, 3, 48, generator=draws),
        "mouth": torch.rand(size, 30, 4, 4, generator=draws),
    }


def objective_of(kit: Kit, rollout: str, **rest: float) -> ForcedDistillObjective:
    choice = ForcedDistillChoice.model_validate({"kind": "forced_distill", "rollout": rollout} | rest)
    return ForcedDistillObjective(CONFIG, choice, kit)


def with_a_gradient(objective: ForcedDistillObjective) -> set[str]:
    return {
        f"{owner}.{name.split('.')[0]}"
        for owner, module in vars(objective).items()
        if isinstance(module, nn.Module)
        for name, p in module.named_parameters()
        if p.grad is not None and p.grad.any()
    }


@pytest.mark.parametrize("rollout", ROLLOUTS)
def test_a_step_of_the_generator_moves_its_transformer_alone(kit: Kit, rollout: str) -> None:
    objective = objective_of(kit, rollout)
    # A critic that is the real score's copy has nothing to say.
    losses = objective.loss("generator", long_batch(), generator_of(0))
    assert losses.parts["matching"] == 0 == losses.parts["move"]
    nn.init.normal_(objective.critic.dit.head.head.weight, std=0.3)
    losses = objective.loss("generator", long_batch(), generator_of(0))
    assert losses.parts["matching"] > 0 and torch.isfinite(losses.total)
    losses.total.backward()
    assert with_a_gradient(objective) == {"generator.dit"}
    before = {name: p.detach().clone() for name, p in objective.generator.named_parameters()}
    torch.optim.Adam(objective.generator.dit.parameters(), lr=1e-3).step()
    moved = {name for name, p in objective.generator.named_parameters() if not torch.equal(p, before[name])}
    for part in ("audio_proj", "blocks.0.self_attn.k", "blocks.1.ffn", "text_embedding", "time_embedding"):
        assert any(name.startswith(f"dit.{part}") for name in moved), part
    assert all(name.startswith("dit.") for name in moved)


def test_the_critic_learns_the_clips_of_the_rollout_and_moves_nobody_else(kit: Kit) -> None:
    objective = objective_of(kit, "rolling-forcing", critic_steps=2)
    assert [objective.turns(step) for step in range(2)] == [("critic",), ("critic", "generator")]
    losses = objective.loss("critic", long_batch(), generator_of(1))
    losses.total.backward()
    assert with_a_gradient(objective) == {"critic.dit"}
    batch, draws = long_batch(), generator_of(1)
    with torch.no_grad():
        clip = objective.clip(batch, draws)
        assert clip.shape == objective.truth(batch).shape == (1, 16, 30, 4, 4) and not clip.requires_grad
        score = objective.velocity(objective.real, clip, 0.6, batch)
        expected = clip_velocity(
            objective.real, clip, 0.6, batch, objective._policy, silent=False, detach=False
        )
    assert torch.equal(score, expected)
    # What the text and image encoders of the first stage are stays with the generator.
    assert set(objective.results()) == {"dit", "text", "image"}


def test_true_clips_can_pull_and_old_frames_cannot_be_learnt(kit: Kit) -> None:
    grads = []
    for learnt in (3, 30):
        objective = objective_of(kit, "causal-forcing", truth_weight=1.0, learnt_latents=learnt)
        losses = objective.loss("generator", long_batch(), generator_of(2))
        assert losses.parts["truth"] > 0
        losses.total.backward()
        weight = objective.generator.dit.head.head.weight
        assert weight.grad is not None
        grads.append(float(weight.grad.norm()))
    assert grads[0] < grads[1] / 2


@pytest.mark.parametrize("rollout", ["live-avatar", "rolling-forcing"])
def test_computing_again_changes_nothing(kit: Kit, rollout: str) -> None:
    grads = []
    for again in (False, True):
        objective = objective_of(kit, rollout, truth_weight=1.0)
        if again:
            recompute_blocks(objective.players())
        objective.loss("generator", long_batch(), generator_of(3)).total.backward()
        grads.append([p.grad for p in objective.generator.parameters() if p.grad is not None])
    assert grads[0] and len(grads[0]) == len(grads[1])
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*grads, strict=True))


def test_clips_of_a_batch_do_not_mix(kit: Kit) -> None:
    objective, batch = objective_of(kit, "knot-forcing"), long_batch(2)
    with torch.no_grad():
        both = objective.clip(batch, generator_of(4))
        changed = {name: value.clone() for name, value in batch.items()}
        changed["features"][1] += 1
        other = objective.clip(changed, generator_of(4))
    torch.testing.assert_close(both[0], other[0], atol=1e-5, rtol=1e-5)
    assert (both[1] - other[1]).abs().max() > 1e-3


def test_a_killed_run_ends_with_the_very_weights_of_one_that_was_not(kit: Kit, tmp_path: Path) -> None:
    recipe = load_recipe("mini-avatar-forcing-dmd")
    fast = recipe.model_copy(
        update={
            "steps": 2,
            "checkpoint_every": 1,
            "batch": 1,
            "objective": recipe.objective.model_copy(update={"critic_steps": 1}),
        }
    )

    def training(name: str) -> Training:
        objective = objective_of(kit, "avatar-forcing", critic_steps=1)
        return Training(fast, objective, tmp_path / name, None, lambda steps: (long_batch() for _ in steps))

    def weights(run: Training) -> dict[str, Tensor]:
        return {
            f"{name}.{key}": value.clone()
            for name, player in run.objective.players().items()
            for key, value in player.state_dict().items()
        }

    whole = training("whole")
    began = weights(whole)
    assert whole.run(Deaf())
    training("pieces").run(Deaf(), seconds=0.0)
    pieces = training("pieces")
    assert pieces.done == 1 and pieces.run(Deaf())
    ends = weights(whole), weights(pieces)
    assert all(torch.equal(value, ends[1][key]) for key, value in ends[0].items())
    moved = {key.split(".")[0] for key, value in ends[0].items() if not torch.equal(value, began[key])}
    assert moved == {"generator", "critic"}


def test_recipes_are_those_of_stage_2_but_for_the_rollout_and_follow_a_first_stage() -> None:
    stage_2, known = load_recipe("mini-distill"), shipped_recipes()
    assert len(RECIPES) == 6
    for name, rollout in zip(RECIPES, ROLLOUTS, strict=True):
        recipe = load_recipe(name)
        own = {key: getattr(recipe, key) for key in ("name", "title", "summary", "objective")}
        assert stage_2.model_copy(update=own) == recipe
        assert isinstance(recipe.objective, ForcedDistillChoice) and recipe.objective.rollout == rollout
        assert (
            recipe.name == name and f"mini-{rollout}" in known and f"mini-{rollout} makes" in recipe.summary
        )
        # A clip is as long as full windows, and as Rolling Forcing's own 27 latent frames.
        strategy = PUBLISHED[rollout].strategy()
        assert max(len(part.frames) for part in strategy.levels(6)) < 30
    for wrong in ("teacher-forcing", "overlapping-windows", "neighbor"):
        with pytest.raises(ValueError, match="expected one of causvid"):
            ForcedDistillChoice(kind="forced_distill", rollout=wrong)
    with pytest.raises(ValueError, match="at least 117"):
        load_recipe(RECIPES[0]).objective.check(113)


def test_what_comes_before_is_named_and_the_judge_rolls_out_as_the_strategy_does(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe("mini-rolling-forcing-dmd")
    with pytest.raises(UserError, match=r"\.safetensors is missing: an earlier stage"):
        make_objective(recipe, CONFIG, Kit(tmp_path))

    def mouth_judge(config: object, kit: object, *, rollout: str, **rest: object) -> Judge:
        assert rest == {"memory": "full", "steps": 1, "blocks": 4, "size": 64}
        return lambda module: {rollout: float(isinstance(module, Conditioned))}

    monkeypatch.setattr(strategies, "mouth_judge", mouth_judge)
    with pytest.raises(UserError, match=r"teacher\.safetensors is missing: an earlier stage"):
        make_objective(recipe, CONFIG, Kit(tmp_path))
    assert make_objective(recipe, CONFIG, kit).validate() == {"rolling-forcing": 1.0}

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.config import LiveActConfig, liveact_mini
from liveact_eval.liveact.policies import memory_policy
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.neighbor import NeighborForcing, NeighborOptions
from liveact_eval.training.draws import generator_of
from liveact_eval.training.kit import Kit
from liveact_eval.training.logs import TrainingLog
from liveact_eval.training.loop import Training
from liveact_eval.training.making import make_objective
from liveact_eval.training.objectives.base import Objective
from liveact_eval.training.objectives.configs import DistillChoice, MemoryChoice
from liveact_eval.training.objectives.distill import DistillObjective, matching_loss, roll_out
from liveact_eval.training.objectives.memory import MemoryObjective, clip_velocity
from liveact_eval.training.objectives.neighbor import Conditioned, block_causal, initialise
from liveact_eval.training.recipe import Recipe, load_recipe

_MINI = liveact_mini()
CONFIG: LiveActConfig = dataclasses.replace(
    _MINI, dit=dataclasses.replace(_MINI.dit, dim=32, num_heads=2, num_layers=2, ffn_dim=64)
)


def _module() -> Conditioned:
    """A transformer that says something, and whose ConvKV kernels all differ."""
    torch.manual_seed(0)
    module = Conditioned(CONFIG)
    initialise(module.dit)
    nn.init.normal_(module.dit.head.head.weight, std=0.2)
    for name, parameter in module.dit.named_parameters():
        if "memory_proj" in name:
            nn.init.normal_(parameter, mean=0.2, std=0.3)
    return module


def _batch(size: int = 2) -> dict[str, Tensor]:
    draws = torch.Generator().manual_seed(1)
    return {
        "latents": torch.randn(size, 16, 30, 4, 4, generator=draws),
        "condition": torch.randn(size, 20, 14, 4, 4, generator=draws),
        "features": torch.randn(size, 117, 3, 48, generator=draws),
        "image": torch.randint(256, (size, 3, 32, 32), generator=draws, dtype=torch.uint8),
        "mouth": torch.rand(size, 30, 4, 4, generator=draws),
        "prompt": torch.randint(65, 90, (size, 192), generator=draws, dtype=torch.uint8),
    }


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    kit, module = Kit(tmp_path_factory.mktemp("kit")), _module()
    parts = {"dit": module.dit, "text": module.text, "image": module.image, "teacher": module}
    kit.keep(load_recipe("mini-neighbor"), parts, {})
    return kit


def _moved(objective: Objective, player: str) -> set[str]:
    """Names of all modules of an objective that get a gradient from a player's loss."""
    losses = objective.loss(player, _batch(), generator_of(0, 1))
    assert torch.isfinite(losses.total) and all(torch.isfinite(part) for part in losses.parts.values())
    losses.total.backward()
    modules = {name: module for name, module in vars(objective).items() if isinstance(module, nn.Module)}
    return {
        name
        for name, module in modules.items()
        if any(p.grad is not None and p.grad.any() for p in module.parameters())
    }


@pytest.mark.parametrize("memory", ["convkv", "convkv-paper", "window"])
def test_training_rolls_out_as_a_video_is_generated(memory: str) -> None:
    module, batch = _module(), _batch(1)
    rollout = NeighborForcing(module.dit, NeighborOptions(memory=memory))
    rollout.begin(batch["condition"])
    with torch.no_grad():
        context = module.context(batch["prompt"], batch["image"])
        noise, expected = Noise(5), []
        for number in range(4):
            span = rollout.audio_span(number)
            windows = audio_windows(batch["features"][0], span.start, len(span), 5)
            expected.append(rollout.block(number, context, windows, noise))
        made = roll_out(
            module,
            batch,
            torch.Generator().manual_seed(5),
            memory_policy(memory),
            exit_step=2,
            detach=False,
        )
    torch.testing.assert_close(made, torch.cat(expected, dim=2), atol=1e-5, rtol=1e-5)
    assert made.std() > 0.1


@torch.no_grad()
def test_before_anything_is_folded_memory_is_the_pass_of_stage_1() -> None:
    module, batch = _module(), _batch()
    noisy = batch["latents"]
    velocity = clip_velocity(module, noisy, 0.7, batch, memory_policy("convkv"), silent=False, detach=False)
    whole = module.dit(
        torch.cat([noisy[:, :, :14], batch["condition"]], dim=1),
        torch.full((2,), 700.0),
        module.context(batch["prompt"], batch["image"]),
        module.audio(batch["features"], 53),
        frame_mask=block_causal((6, 8)),
        mute_first=True,
    )
    assert velocity.shape == (2, 16, 30, 4, 4)
    torch.testing.assert_close(velocity[:, :, :14], whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("detach", [False, True])
def test_memory_learns_a_batch(kit: Kit, detach: bool) -> None:
    objective = MemoryObjective(CONFIG, MemoryChoice(kind="memory", pure_noise=0.0, detach=detach), kit)
    optimiser = torch.optim.Adam(objective.module.parameters(), lr=1e-3)
    seen = []
    for _ in range(4):
        losses = objective.loss("dit", _batch(), generator_of(3))
        seen.append(float(losses.total.detach()))
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
    assert seen[-1] < seen[0]
    for block in objective.module.dit.blocks:
        assert block.self_attn.memory_proj_k.weight.grad.any()
    assert set(losses.parts) >= {"velocity", "velocity_after_folds"}
    assert set(objective.results()) == {"dit", "text", "image", "teacher"}


def test_each_player_of_the_distillation_moves_itself_alone(kit: Kit) -> None:
    choice = DistillChoice(kind="distill", truth_weight=0.1)
    assert _moved(DistillObjective(CONFIG, choice, kit), "critic") == {"critic"}
    objective = DistillObjective(CONFIG, choice, kit)
    # A critic that is the real score's copy has nothing to say.
    nn.init.normal_(objective.critic.dit.head.head.weight, std=0.3)
    assert _moved(objective, "generator") == {"generator"}
    assert objective.generator.dit.blocks[0].self_attn.memory_proj_k.weight.grad.any()
    assert all(p.grad is None for p in objective.generator.text.parameters())


def test_a_critic_that_agrees_with_the_teacher_leaves_the_generator_alone(kit: Kit) -> None:
    objective = DistillObjective(CONFIG, DistillChoice(kind="distill"), kit)
    losses = objective.loss("generator", _batch(), generator_of(0, 1))
    assert losses.total == 0 == losses.parts["move"]
    assert losses.parts["truth"] > 0


def test_matching_pushes_away_from_the_critic_towards_the_teacher() -> None:
    clip = torch.zeros(1, 4, requires_grad=True)
    real, fake = torch.full((1, 4), 2.0), torch.full((1, 4), -1.0)
    loss, move = matching_loss(clip, real, fake)
    loss.backward()
    assert clip.grad is not None
    # (fake - real) / |clip - real| = -1.5, over four numbers; a step against it goes towards the real clip.
    torch.testing.assert_close(clip.grad, torch.full((1, 4), -1.5 / 4))
    assert move == 1.5


def test_only_the_drawn_step_has_a_gradient() -> None:
    batch = _batch(1)
    heard = []
    for step in range(3):
        module = _module()
        policy = memory_policy("convkv")
        clip = roll_out(module, batch, generator_of(2), policy, exit_step=step, detach=False)
        clip.square().mean().backward()
        assert module.dit.blocks[0].self_attn.memory_proj_k.weight.grad.any()
        weight = module.dit.audio_proj.proj1_vf.weight
        heard.append(weight.grad is not None and bool(weight.grad.any()))
    # The first step leaves speech out: a gradient through later steps would reach the audio projector.
    assert heard == [False, True, True]


def test_losses_depend_on_draws_alone(kit: Kit) -> None:
    objective = DistillObjective(CONFIG, DistillChoice(kind="distill"), kit)
    batch = _batch(1)
    with torch.no_grad():
        once, again, other = (
            float(objective.loss("critic", batch, generator_of(seed)).total) for seed in (1, 1, 2)
        )
    assert once == again != other


def _recipe(**changes: object) -> Recipe:
    base = load_recipe("mini-distill").model_dump()
    base["objective"] = {"kind": "distill", "critic_steps": 2}
    return Recipe.model_validate(base | {"batch": 1, "steps": 4, "checkpoint_every": 2} | changes)


class _Deaf:
    def advance(self, step: int, text: str) -> None:
        pass


def test_a_run_of_two_players_goes_on_with_the_same_weights(kit: Kit, tmp_path: Path) -> None:
    recipe = _recipe()
    assert isinstance(recipe.objective, DistillChoice)

    def training(folder: str) -> tuple[Training, DistillObjective]:
        objective = DistillObjective(CONFIG, DistillChoice(kind="distill", critic_steps=2), kit)
        place = tmp_path / folder
        made = Training(
            recipe, objective, place, TrainingLog(place), lambda steps: (_batch(1) for _ in steps)
        )
        return made, objective

    whole, objective = training("whole")
    before = copy.deepcopy(objective.generator.state_dict())
    assert [objective.turns(step) for step in range(2)] == [("critic",), ("critic", "generator")]
    whole.run(_Deaf())
    part, _ = training("part")
    while not part.run(_Deaf(), seconds=0.0):
        part, resumed = training("part")
    after, again = objective.generator.state_dict(), resumed.generator.state_dict()
    assert all(after[name].equal(again[name]) for name in after)
    assert not after["dit.head.head.weight"].equal(before["dit.head.head.weight"])
    assert all(after[name].equal(before[name]) for name in after if not name.startswith("dit."))


def test_recipes_of_stage_2_ask_for_four_blocks_and_for_what_comes_before(tmp_path: Path) -> None:
    for name in ("mini-memory", "mini-distill"):
        recipe = load_recipe(name)
        with pytest.raises(ValueError, match="at least 117"):
            recipe.objective.check(113)
        with pytest.raises(UserError, match=r"\.safetensors is missing: an earlier stage makes it"):
            make_objective(recipe, CONFIG, Kit(tmp_path))

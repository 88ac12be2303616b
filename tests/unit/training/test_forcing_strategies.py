"""Forcing strategies in training: who sees whom, what learns, and that a rollout does what training did."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.config import LiveActConfig, liveact_mini
from liveact_eval.liveact.memory import Positions
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.clean_context import CleanContext
from liveact_eval.training.draws import generator_of
from liveact_eval.training.judging import Judge
from liveact_eval.training.kit import Kit
from liveact_eval.training.making import make_objective
from liveact_eval.training.objectives import strategies
from liveact_eval.training.objectives.base import Objective
from liveact_eval.training.objectives.bidirectional import BidirectionalObjective, bidirectional_velocity
from liveact_eval.training.objectives.blocks import Level, causal_velocity
from liveact_eval.training.objectives.configs import (
    BidirectionalChoice,
    DiffusionChoice,
    OdeChoice,
    SelfChoice,
    StrategyChoice,
    TeacherChoice,
)
from liveact_eval.training.objectives.diffusion import DiffusionObjective
from liveact_eval.training.objectives.flow import FlowObjective
from liveact_eval.training.objectives.neighbor import Conditioned, NeighborObjective, initialise
from liveact_eval.training.objectives.ode import SCHEDULE, OdeObjective, trajectory
from liveact_eval.training.objectives.self_forcing import SelfForcingObjective, self_roll_out
from liveact_eval.training.objectives.strategies import strategy_objective
from liveact_eval.training.objectives.teacher import TeacherObjective
from liveact_eval.training.recipe import load_recipe
from liveact_eval.training.recompute import recompute_blocks

_MINI = liveact_mini()
CONFIG: LiveActConfig = dataclasses.replace(
    _MINI, dit=dataclasses.replace(_MINI.dit, dim=32, num_heads=2, num_layers=2, ffn_dim=64)
)
LEVELS = (Level(0.9, silent=False), Level(0.3, silent=False))
FLOW = ("bidirectional", "diffusion", "teacher")


def _enliven(module: Conditioned) -> None:
    """Let a transformer say something: its last layer begins with zeros."""
    initialise(module.dit)
    nn.init.normal_(module.dit.head.head.weight, std=0.2)


def _module() -> Conditioned:
    torch.manual_seed(0)
    module = Conditioned(CONFIG)
    _enliven(module)
    return module


def _flow(kind: str, pure_noise: float = 0.0) -> FlowObjective:
    torch.manual_seed(0)
    objective: FlowObjective
    if kind == "bidirectional":
        choice = BidirectionalChoice(kind="bidirectional", pure_noise=pure_noise)
        objective = BidirectionalObjective(CONFIG, choice)
    elif kind == "diffusion":
        objective = DiffusionObjective(CONFIG, DiffusionChoice(kind="diffusion", pure_noise=pure_noise))
    else:
        objective = TeacherObjective(CONFIG, TeacherChoice(kind="teacher", pure_noise=pure_noise))
    _enliven(objective.module)
    return objective


def _batch(size: int = 2) -> dict[str, Tensor]:
    draws = torch.Generator().manual_seed(1)
    return {
        "latents": torch.randn(size, 16, 14, 4, 4, generator=draws),
        "condition": torch.randn(size, 20, 14, 4, 4, generator=draws),
        "features": torch.randn(size, 53, 3, 48, generator=draws),
        "image": torch.randint(256, (size, 3, 32, 32), generator=draws, dtype=torch.uint8),
        "mouth": torch.rand(size, 14, 4, 4, generator=draws),
        "prompt": torch.randint(65, 90, (size, 192), generator=draws, dtype=torch.uint8),
    }


def _noisy(batch: dict[str, Tensor]) -> Tensor:
    return torch.randn(batch["latents"].shape, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    kit, module = Kit(tmp_path_factory.mktemp("kit")), _module()
    kit.keep(load_recipe("mini-bidirectional"), {"bidirectional": module, "initial": module}, {})
    return kit


@torch.no_grad()
def test_diffusion_forcing_is_one_pass_with_a_level_for_each_frame_under_a_block_causal_mask() -> None:
    module, batch = _module(), _batch()
    noisy, block = _noisy(batch), [0] * 6 + [1] * 8
    mask = torch.zeros(14, 14, dtype=torch.bool)
    for query in range(14):
        for key in range(14):
            mask[query, key] = block[key] <= block[query]
    whole = module.dit(
        torch.cat([noisy, batch["condition"]], dim=1),
        torch.tensor([[900.0] * 6 + [300.0] * 8] * 2),
        module.context(batch["prompt"], batch["image"]),
        module.audio(batch["features"], 53),
        frame_mask=mask,
        mute_first=True,
    )
    made = causal_velocity(module, noisy, LEVELS, batch)
    torch.testing.assert_close(made, whole, atol=1e-5, rtol=1e-5)
    silent = causal_velocity(module, noisy, (Level(0.9, silent=True), LEVELS[1]), batch)
    assert not torch.allclose(silent, made, atol=1e-3)


@torch.no_grad()
def test_teacher_forcing_is_one_pass_over_a_clean_and_a_noisy_copy_under_its_mask() -> None:
    objective, batch = _flow("teacher"), _batch()
    module, clean, noisy = objective.module, batch["latents"], _noisy(batch)
    # (copy, block) of each latent frame: clean ones first.
    frames = [(copy, block) for copy in ("clean", "noisy") for block in [0] * 6 + [1] * 8]
    mask = torch.zeros(28, 28, dtype=torch.bool)
    for query, (copy, block) in enumerate(frames):
        for key, (seen, of) in enumerate(frames):
            if copy == "clean":
                mask[query, key] = seen == "clean" and of <= block
            else:
                mask[query, key] = (seen == "clean" and of < block) or (seen == "noisy" and of == block)
    places = tuple(range(14)) * 2
    # Speech has no effect here, so that the first frame of both copies need not be left alone.
    for layer in module.dit.blocks:
        layer.audio_cross_attn.proj.weight.zero_()
    whole = module.dit(
        torch.cat([torch.cat([clean, noisy], dim=2), batch["condition"].repeat(1, 1, 2, 1, 1)], dim=1),
        torch.tensor([[0.0] * 14 + [900.0] * 6 + [300.0] * 8] * 2),
        module.context(batch["prompt"], batch["image"]),
        positions=Positions(places, places),
        frame_mask=mask,
    )
    made = objective.velocity(clean, noisy, LEVELS, batch)
    torch.testing.assert_close(made, whole[:, :, 14:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # (clean or noisy block that changes) -> (whether the velocity of block 0, of block 1 does)
        ("bidirectional", {"noisy 0": "01", "noisy 1": "01", "clean 0": "", "clean 1": ""}),
        ("diffusion", {"noisy 0": "01", "noisy 1": "1", "clean 0": "", "clean 1": ""}),
        ("teacher", {"noisy 0": "0", "noisy 1": "1", "clean 0": "1", "clean 1": ""}),
    ],
)
@torch.no_grad()
def test_who_sees_whom(kind: str, expected: dict[str, str]) -> None:
    objective, batch = _flow(kind), _batch()
    levels = LEVELS if kind != "bidirectional" else (LEVELS[0],) * 2
    base = {"clean": batch["latents"], "noisy": _noisy(batch)}
    before = objective.velocity(base["clean"], base["noisy"], levels, batch)
    found = {}
    for name in expected:
        copy, number = name.split()
        changed = {key: value.clone() for key, value in base.items()}
        changed[copy][:, :, slice(0, 6) if number == "0" else slice(6, 14)] += 1
        after = objective.velocity(changed["clean"], changed["noisy"], levels, batch)
        moved = [
            not torch.equal(a, b)
            for a, b in zip(before.split((6, 8), 2), after.split((6, 8), 2), strict=True)
        ]
        found[name] = "".join(str(block) for block in range(2) if moved[block])
    assert found == expected


def test_levels_are_shared_or_each_block_has_its_own() -> None:
    flows = {kind: _flow(kind, 0.2) for kind in FLOW}
    drawn = {kind: [flow.levels(generator_of(step)) for step in range(200)] for kind, flow in flows.items()}
    assert all(a == b for a, b in drawn["bidirectional"])
    for kind in ("diffusion", "teacher"):
        pairs = drawn[kind]
        assert sum(a == b for a, b in pairs) < 25
        assert all(level.silent == (level.noise == 1.0) for pair in pairs for level in pair)
        assert 0.1 < sum(level.silent for pair in pairs for level in pair) / 400 < 0.3


@pytest.mark.parametrize("kind", FLOW)
@pytest.mark.parametrize("again", [False, True])
def test_a_batch_is_learnt_by_all_parts(kind: str, again: bool) -> None:
    objective, batch = _flow(kind), _batch()
    if again:
        recompute_blocks(objective.players())
    optimiser = torch.optim.Adam(objective.module.parameters(), lr=2e-3)
    seen = []
    for _ in range(4):
        losses = objective.loss("dit", batch, generator_of(3))
        seen.append(float(losses.total.detach()))
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
    assert seen[-1] < seen[0]
    names = {name for name, p in objective.module.named_parameters() if p.grad is not None and p.grad.any()}
    for part in ("text.", "image.", "dit.audio_proj", "dit.blocks.1.self_attn.k", "dit.time_embedding"):
        assert any(name.startswith(part) for name in names), part
    groups = {name: value for name, value in losses.parts.items() if name.startswith("velocity_at_")}
    assert 1 <= len(groups) <= 2 and "velocity" in losses.parts


def test_each_block_gets_the_noise_of_its_level(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, batch = _flow("diffusion"), _batch()
    seen: dict[str, Any] = {}

    def velocity(clean: Tensor, noisy: Tensor, levels: tuple[Level, ...], batch: object) -> Tensor:
        seen.update(clean=clean, noisy=noisy, levels=levels)
        return torch.zeros_like(noisy)

    monkeypatch.setattr(objective, "velocity", velocity)
    losses = objective.loss("dit", batch, generator_of(3))
    drawn = torch.randn(batch["latents"].shape, generator=generator_of(3))
    first, second = (level.noise for level in seen["levels"])
    assert first != second and torch.equal(seen["clean"], batch["latents"])
    shares = torch.tensor([first] * 6 + [second] * 8).view(-1, 1, 1)
    torch.testing.assert_close(seen["noisy"], (1 - shares) * batch["latents"] + shares * drawn)
    target = (drawn - batch["latents"]).square()
    weight = (1 + 2.0 * batch["mouth"][:, None]).expand_as(target)
    torch.testing.assert_close(losses.total, (target * weight).sum() / weight.sum())


def test_computing_again_changes_no_gradient() -> None:
    grads = []
    for again in (False, True):
        objective = _flow("teacher")
        if again:
            recompute_blocks(objective.players())
        objective.loss("dit", _batch(), generator_of(3)).total.backward()
        grads.append([p.grad for p in objective.module.parameters() if p.grad is not None])
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(*grads, strict=True))


def test_the_loss_of_a_block_reaches_the_true_block_before_it() -> None:
    objective, batch = _flow("teacher"), _batch(1)
    clean, noisy = batch["latents"].requires_grad_(True), _noisy(batch)
    objective.velocity(clean, noisy, LEVELS, batch)[:, :, 6:].square().sum().backward()
    assert clean.grad is not None
    assert clean.grad[:, :, :6].any() and not clean.grad[:, :, 6:].any()


@torch.no_grad()
def test_without_a_mask_the_bidirectional_loss_is_that_of_stage_1_but_for_the_mask() -> None:
    objective, batch = _flow("bidirectional"), _batch()
    choice = load_recipe("mini-neighbor").objective.model_copy(update={"pure_noise": 0.0})
    neighbor = NeighborObjective(CONFIG, choice)  # type: ignore[arg-type]
    neighbor.module.load_state_dict(objective.module.state_dict())
    ours, theirs = (o.loss("dit", batch, generator_of(4)).total for o in (objective, neighbor))
    assert abs(ours - theirs) > 1e-4
    neighbor._mask = torch.ones(14, 14, dtype=torch.bool)
    torch.testing.assert_close(neighbor.loss("dit", batch, generator_of(4)).total, ours, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_self_forcing_rolls_out_as_a_video_is_generated() -> None:
    module, batch = _module(), _batch(1)
    rollout = CleanContext(module.dit)
    rollout.begin(batch["condition"])
    context = module.context(batch["prompt"], batch["image"])
    noise, expected = Noise(5), []
    for number in range(2):
        span = rollout.audio_span(number)
        windows = audio_windows(batch["features"][0], span.start, len(span), 5)
        expected.append(rollout.block(number, context, windows, noise))
    made = self_roll_out(module, batch, torch.Generator().manual_seed(5), exit_step=2)
    torch.testing.assert_close(made, torch.cat(expected, dim=2), atol=1e-5, rtol=1e-5)
    assert made.std() > 0.1


def test_only_the_last_call_has_a_gradient_and_the_past_has_none() -> None:
    heard = []
    for step in range(3):
        module = _module()
        clip = self_roll_out(module, _batch(1), generator_of(2), exit_step=step)
        clip[:, :, 6:].square().mean().backward()
        weight = module.dit.audio_proj.proj1_vf.weight
        heard.append(weight.grad is not None and bool(weight.grad.any()))
    # The first step leaves speech out: a gradient through later calls, or through the past, would reach it.
    assert heard == [False, True, True]


def test_the_way_of_the_ode_meets_the_levels_of_a_rollout_and_ends_at_the_clip() -> None:
    noise, clip = torch.randn(2, 3, generator=generator_of(0)), torch.full((2, 3), 0.5)
    calls: list[Level] = []

    def straight(x: Tensor, level: Level) -> Tensor:
        calls.append(level)
        return (x - clip) / level.noise

    *met, end = trajectory(straight, noise, 12)
    assert len(calls) == 12 and [level.silent for level in calls] == [True] + [False] * 11
    torch.testing.assert_close(end, clip, atol=1e-5, rtol=1e-5)
    for step, x in enumerate(met):
        sigma = SCHEDULE.sigma(step)
        torch.testing.assert_close(x, (1 - sigma) * clip + sigma * noise, atol=1e-5, rtol=1e-5)
    assert len(met) == len(SCHEDULE)


def _learners(objective: Objective, player: str) -> set[str]:
    losses = objective.loss(player, _batch(), generator_of(0, 1))
    assert torch.isfinite(losses.total) and all(torch.isfinite(part) for part in losses.parts.values())
    losses.total.backward()
    return {
        f"{owner}.{name.split('.')[0]}"
        for owner, module in vars(objective).items()
        if isinstance(module, nn.Module)
        for name, p in module.named_parameters()
        if p.grad is not None and p.grad.any()
    }


def test_the_ode_teaches_the_student_alone(kit: Kit) -> None:
    objective = OdeObjective(CONFIG, OdeChoice(kind="ode", solver_steps=4), kit)
    assert _learners(objective, "dit") == {"module.dit"}
    assert set(objective.results()) == {"dit", "text", "image", "initial"}
    with torch.no_grad():
        once, same, other = (objective.loss("dit", _batch(), generator_of(seed)).total for seed in (1, 1, 2))
    assert once == same != other


def test_each_player_of_self_forcing_moves_itself_alone(kit: Kit) -> None:
    choice = SelfChoice(kind="self", critic_steps=2, truth_weight=0.1)
    objective = SelfForcingObjective(CONFIG, choice, kit)
    assert [objective.turns(step) for step in range(2)] == [("critic",), ("critic", "generator")]
    assert set(objective.players()) == {"critic", "generator"}
    assert _learners(objective, "critic") == {"critic.dit"}
    objective = SelfForcingObjective(CONFIG, choice, kit)
    # A critic that is the real score's copy has nothing to say.
    losses = objective.loss("generator", _batch(), generator_of(0, 1))
    assert losses.parts["matching"] == 0 == losses.parts["move"] and losses.parts["truth"] > 0
    nn.init.normal_(objective.critic.dit.head.head.weight, std=0.3)
    assert objective.loss("generator", _batch(), generator_of(0, 1)).parts["move"] > 0
    assert _learners(objective, "generator") == {"generator.dit"}


def test_a_clip_is_moved_from_the_critic_towards_the_real_score(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective, clip = SelfForcingObjective(CONFIG, SelfChoice(kind="self"), kit), torch.zeros(1, 16, 14, 4, 4)
    clip.requires_grad_(True)
    monkeypatch.setattr(objective, "clip", lambda batch, draws: clip)
    # Clean estimates of the scores: 2 of the real one, -1 of the critic.
    ends = {id(objective.real): 2.0, id(objective.critic): -1.0}
    monkeypatch.setattr(
        objective, "velocity", lambda module, noisy, level, batch: (noisy - ends[id(module)]) / level
    )
    losses = objective.loss("generator", _batch(1), generator_of(7))
    losses.total.backward()
    assert clip.grad is not None
    torch.testing.assert_close(clip.grad * clip.numel(), torch.full_like(clip, -1.5), atol=1e-4, rtol=1e-4)


def test_scores_see_the_whole_clip(kit: Kit) -> None:
    objective = SelfForcingObjective(CONFIG, SelfChoice(kind="self"), kit)
    batch = _batch()
    with torch.no_grad():
        score = objective.velocity(objective.real, _noisy(batch), 0.6, batch)
        expected = bidirectional_velocity(objective.real, _noisy(batch), Level(0.6, silent=False), batch)
    assert torch.equal(score, expected)


def test_recipes_ask_for_the_same_clips_and_steps_and_name_what_comes_before(
    tmp_path: Path, kit: Kit
) -> None:
    stage_1 = load_recipe("mini-neighbor")
    for name in ("bidirectional", "diffusion", "teacher", "self", "ode"):
        recipe = load_recipe(f"mini-{name}")
        assert (recipe.data, recipe.batch) == (stage_1.data, stage_1.batch)
        assert recipe.steps == stage_1.steps or name == "ode"
        assert isinstance(recipe.objective, StrategyChoice)
        with pytest.raises(ValueError, match="at least 53"):
            recipe.objective.check(49)
        if name in FLOW:
            own = {key: getattr(recipe, key) for key in ("name", "title", "summary", "objective")}
            assert stage_1.model_copy(update=own) == recipe
            assert type(strategy_objective(recipe.objective, CONFIG, Kit(tmp_path))) is type(_flow(name))
        else:
            strategy_objective(recipe.objective, CONFIG, kit)
            with pytest.raises(UserError, match=r"bidirectional\.safetensors is missing: an earlier stage"):
                strategy_objective(recipe.objective, CONFIG, Kit(tmp_path))
        with pytest.raises(UserError, match=r"\.safetensors is missing: an earlier stage"):
            make_objective(recipe, CONFIG, Kit(tmp_path))


def test_the_judge_hears_what_is_kept_and_rolls_out_as_the_strategy_does(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    def judge(module: Conditioned) -> dict[str, float]:
        return {"kept": float(id(module))}

    def mouth_judge(config: object, kit: object, *, rollout: str, steps: int, **rest: object) -> Judge:
        assert rest == {"memory": "full", "blocks": 2, "size": 64}
        asked.append((rollout, steps))
        return judge

    monkeypatch.setattr(strategies, "mouth_judge", mouth_judge)
    for name in (*FLOW, "ode", "self"):
        recipe = load_recipe(f"mini-{name}")
        objective = make_objective(recipe, CONFIG, kit)
        kept = (
            objective.generator if isinstance(objective, SelfForcingObjective) else vars(objective)["module"]
        )
        assert objective.validate() == {"kept": float(id(kept))}
        assert objective.results()["dit"] is kept.dit
    assert asked == [("neighbor", 8), ("diffusion", 8), ("teacher", 8), ("self", 3), ("self", 3)]

"""Self Forcing in training: a rollout does what training did, the ODE before it, who moves whom; and all recipes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.errors import UserError
from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.clean_context import CleanContext
from liveact_eval.training.draws import generator_of
from liveact_eval.training.judging import Judge
from liveact_eval.training.kit import Kit
from liveact_eval.training.making import make_objective
from liveact_eval.training.objectives import strategies
from liveact_eval.training.objectives.base import Objective
from liveact_eval.training.objectives.bidirectional import bidirectional_velocity
from liveact_eval.training.objectives.blocks import Level
from liveact_eval.training.objectives.configs import (
    OdeChoice,
    SelfChoice,
    StrategyChoice,
)
from liveact_eval.training.objectives.neighbor import Conditioned
from liveact_eval.training.objectives.ode import SCHEDULE, OdeObjective, trajectory
from liveact_eval.training.objectives.self_forcing import SelfForcingObjective, self_roll_out
from liveact_eval.training.objectives.strategies import strategy_objective
from liveact_eval.training.recipe import load_recipe
from tests.unit.training.forcing_cases import (
    CONFIG,
    FLOW,
    drawn_batch,
    flow_objective,
    noisy_latents,
    small_module,
)


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    kit, module = Kit(tmp_path_factory.mktemp("kit")), small_module()
    kit.keep(load_recipe("mini-bidirectional"), {"bidirectional": module, "initial": module}, {})
    return kit


@torch.no_grad()
def test_self_forcing_rolls_out_as_a_video_is_generated() -> None:
    module, batch = small_module(), drawn_batch(1)
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
        module = small_module()
        clip = self_roll_out(module, drawn_batch(1), generator_of(2), exit_step=step)
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
    losses = objective.loss(player, drawn_batch(), generator_of(0, 1))
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
        once, same, other = (
            objective.loss("dit", drawn_batch(), generator_of(seed)).total for seed in (1, 1, 2)
        )
    assert once == same != other


def test_each_player_of_self_forcing_moves_itself_alone(kit: Kit) -> None:
    choice = SelfChoice(kind="self", critic_steps=2, truth_weight=0.1)
    objective = SelfForcingObjective(CONFIG, choice, kit)
    assert [objective.turns(step) for step in range(2)] == [("critic",), ("critic", "generator")]
    assert set(objective.players()) == {"critic", "generator"}
    assert _learners(objective, "critic") == {"critic.dit"}
    objective = SelfForcingObjective(CONFIG, choice, kit)
    # A critic that is the real score's copy has nothing to say.
    losses = objective.loss("generator", drawn_batch(), generator_of(0, 1))
    assert losses.parts["matching"] == 0 == losses.parts["move"] and losses.parts["truth"] > 0
    nn.init.normal_(objective.critic.dit.head.head.weight, std=0.3)
    assert objective.loss("generator", drawn_batch(), generator_of(0, 1)).parts["move"] > 0
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
    losses = objective.loss("generator", drawn_batch(1), generator_of(7))
    losses.total.backward()
    assert clip.grad is not None
    torch.testing.assert_close(clip.grad * clip.numel(), torch.full_like(clip, -1.5), atol=1e-4, rtol=1e-4)


def test_scores_see_the_whole_clip(kit: Kit) -> None:
    objective = SelfForcingObjective(CONFIG, SelfChoice(kind="self"), kit)
    batch = drawn_batch()
    with torch.no_grad():
        score = objective.velocity(objective.real, noisy_latents(batch), 0.6, batch)
        expected = bidirectional_velocity(
            objective.real, noisy_latents(batch), Level(0.6, silent=False), batch
        )
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
            assert type(strategy_objective(recipe.objective, CONFIG, Kit(tmp_path))) is type(
                flow_objective(name)
            )
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

"""Forcing strategies in training: who sees whom, and what learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from liveact_eval.liveact.memory import Positions
from liveact_eval.training.draws import generator_of
from liveact_eval.training.objectives.blocks import Level, causal_velocity
from liveact_eval.training.objectives.neighbor import NeighborObjective
from liveact_eval.training.recipe import load_recipe
from liveact_eval.training.recompute import recompute_blocks
from tests.unit.training.forcing_cases import (
    CONFIG,
    FLOW,
    LEVELS,
    drawn_batch,
    flow_objective,
    noisy_latents,
    small_module,
)


@torch.no_grad()
def test_diffusion_forcing_is_one_pass_with_a_level_for_each_frame_under_a_block_causal_mask() -> None:
    module, batch = small_module(), drawn_batch()
    noisy, block = noisy_latents(batch), [0] * 6 + [1] * 8
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
    objective, batch = flow_objective("teacher"), drawn_batch()
    module, clean, noisy = objective.module, batch["latents"], noisy_latents(batch)
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
    objective, batch = flow_objective(kind), drawn_batch()
    levels = LEVELS if kind != "bidirectional" else (LEVELS[0],) * 2
    base = {"clean": batch["latents"], "noisy": noisy_latents(batch)}
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
    flows = {kind: flow_objective(kind, 0.2) for kind in FLOW}
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
    objective, batch = flow_objective(kind), drawn_batch()
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
    objective, batch = flow_objective("diffusion"), drawn_batch()
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
        objective = flow_objective("teacher")
        if again:
            recompute_blocks(objective.players())
        objective.loss("dit", drawn_batch(), generator_of(3)).total.backward()
        grads.append([p.grad for p in objective.module.parameters() if p.grad is not None])
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(*grads, strict=True))


def test_the_loss_of_a_block_reaches_the_true_block_before_it() -> None:
    objective, batch = flow_objective("teacher"), drawn_batch(1)
    clean, noisy = batch["latents"].requires_grad_(True), noisy_latents(batch)
    objective.velocity(clean, noisy, LEVELS, batch)[:, :, 6:].square().sum().backward()
    assert clean.grad is not None
    assert clean.grad[:, :, :6].any() and not clean.grad[:, :, 6:].any()


@torch.no_grad()
def test_without_a_mask_the_bidirectional_loss_is_that_of_stage_1_but_for_the_mask() -> None:
    objective, batch = flow_objective("bidirectional"), drawn_batch()
    choice = load_recipe("mini-neighbor").objective.model_copy(update={"pure_noise": 0.0})
    neighbor = NeighborObjective(CONFIG, choice)  # type: ignore[arg-type]
    neighbor.module.load_state_dict(objective.module.state_dict())
    ours, theirs = (o.loss("dit", batch, generator_of(4)).total for o in (objective, neighbor))
    assert abs(ours - theirs) > 1e-4
    neighbor._mask = torch.ones(14, 14, dtype=torch.bool)
    torch.testing.assert_close(neighbor.loss("dit", batch, generator_of(4)).total, ours, atol=1e-5, rtol=1e-5)

"""Rollouts in a loss: they are those of generation, and their exits, and nothing else, have a gradient."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.sampler import STEPS_PER_UNIT, Noise, predict_clean
from liveact_eval.rollouts.forced import ForcedRollout
from liveact_eval.rollouts.published import PUBLISHED
from liveact_eval.rollouts.solvers import Solver
from liveact_eval.rollouts.strategy import Pass
from liveact_eval.rollouts.trace import TracedCall
from liveact_eval.training.draws import generator_of
from liveact_eval.training.learnt_rollout import LearntRollout, count_exits, learnt_clips
from liveact_eval.training.objectives.neighbor import Conditioned
from tests.unit.training.forcing_cases import drawn_batch, small_module

LATENTS, LEARNT = 30, 21
BLOCKS = ("causal-forcing", "longlive", "knot-forcing", "live-avatar")
WINDOWS = {"rolling-forcing": 5, "avatar-forcing": 4}
EXITS = {**dict.fromkeys(BLOCKS, 4), **WINDOWS, "causal-forcing-plus": 4, "causvid": 3}


@functools.cache
def the_module() -> Conditioned:
    """Made once, as no test here moves it."""
    return small_module()


@dataclass
class Rolled:
    """A clip, and the model calls that made it."""

    clip: Tensor
    traced: list[TracedCall] = field(default_factory=list)
    learning: list[bool] = field(default_factory=list)
    """Whether gradients were on in each call."""
    inputs: list[Tensor] = field(default_factory=list)

    def learnt(self) -> list[TracedCall]:
        return [call for call, on in zip(self.traced, self.learning, strict=True) if on]


@contextmanager
def watched(module: Conditioned) -> Iterator[tuple[list[bool], list[Tensor]]]:
    """Whether gradients were on in each call, and its input, to which a gradient can be followed."""
    learning: list[bool] = []
    inputs: list[Tensor] = []

    def told(_module: object, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # Latents that go on, or stand in a condition, bring no history.
        assert not given[0].requires_grad
        learning.append(torch.is_grad_enabled())
        inputs.append(given[0].detach().requires_grad_(True))
        return (inputs[-1], *given[1:])

    handle = module.dit.register_forward_pre_hook(told)
    yield learning, inputs
    handle.remove()


def roll(
    name: str,
    chosen: int | None = None,
    *,
    module: Conditioned | None = None,
    size: int = 1,
    latents: int = LATENTS,
    learnt: int = LEARNT,
    seed: int = 5,
) -> Rolled:
    """A clip; without `chosen`, by `learnt_clips`, which draws it."""
    module, batch = module or the_module(), drawn_batch(size)
    strategy, traced = PUBLISHED[name].strategy(), list[TracedCall]()
    with watched(module) as (learning, inputs):
        if chosen is None:
            clip = learnt_clips(
                module,
                strategy,
                batch,
                generator_of(seed),
                latents=latents,
                learnt_latents=learnt,
                tracer=traced.append,
            )
        else:
            rollout = LearntRollout(
                module.dit,
                strategy,
                tokens=4,
                chosen=chosen,
                first_learnt=latents - learnt,
                tracer=traced.append,
            )
            clip = blocks_of(rollout, module, batch, latents, seed)
    return Rolled(clip, traced, learning, inputs)


def blocks_of(
    rollout: ForcedRollout, module: Conditioned, batch: dict[str, Tensor], latents: int, seed: int
) -> Tensor:
    rollout.begin(batch["condition"], latents=latents)
    context, noise, made = module.context(batch["prompt"], batch["image"]), Noise(seed), list[Tensor]()
    while sum(block.shape[2] for block in made) < latents:
        span = rollout.audio_span(len(made))
        windows = torch.cat([audio_windows(row, span.start, len(span), 5) for row in batch["features"]])
        made.append(rollout.block(len(made), context, windows, noise))
    return torch.cat(made, dim=2)


class Recorded(ForcedRollout):
    """Generation that remembers what each turn thought of each frame."""

    thoughts: dict[tuple[int, int], Tensor]
    turn = 0

    def _turn(self, turn: int, context: object) -> None:
        self.turn = turn
        super()._turn(turn, context)  # type: ignore[arg-type]

    def _advance(
        self, part: Pass, following: tuple[float, ...], x: Tensor, velocity: Tensor, solver: Solver
    ) -> None:
        for index, frame in enumerate(part.frames):
            own, level = slice(index, index + 1), part.timesteps[index] / STEPS_PER_UNIT
            self.thoughts[self.turn, frame] = predict_clean(x[:, :, own], velocity[:, :, own], level)
        super()._advance(part, following, x, velocity, solver)


def test_exits_are_the_passes_that_a_frame_goes_through() -> None:
    assert {name: count_exits(PUBLISHED[name].strategy()) for name in EXITS} == EXITS


@pytest.mark.parametrize("name", [*BLOCKS, "causal-forcing-plus"])
def test_with_the_last_step_as_exit_a_clip_is_the_video_that_is_generated(name: str) -> None:
    module, batch = the_module(), drawn_batch(1)
    expected = blocks_of(ForcedRollout(module.dit, PUBLISHED[name].strategy()), module, batch, 14, 5)
    made = roll(name, EXITS[name] - 1, module=module, latents=14, learnt=14)
    torch.testing.assert_close(made.clip, expected, atol=1e-5, rtol=1e-5)
    assert made.clip.std() > 0.1 and made.clip.requires_grad


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("chosen", [0, 3])
def test_windows_give_what_generation_thought_in_the_window_with_a_gradient(name: str, chosen: int) -> None:
    module, batch = the_module(), drawn_batch(1)
    generated = Recorded(module.dit, PUBLISHED[name].strategy())
    generated.thoughts = {}
    blocks_of(generated, module, batch, LATENTS, 5)
    made = roll(name, chosen, module=module).clip
    length, window, first = made.shape[2], WINDOWS[name], int(name == "avatar-forcing")
    for frame in range(first, length):
        (thought,) = (
            value
            for (turn, other), value in generated.thoughts.items()
            if other == frame and turn % window == chosen
        )
        torch.testing.assert_close(made[:, :, frame : frame + 1], thought, atol=1e-5, rtol=1e-5)
    if first:
        assert torch.equal(made[:, :, :1], batch["condition"][:, 4:, :1])


@pytest.mark.parametrize("chosen", range(4))
def test_one_step_of_each_block_has_a_gradient_and_the_block_ends_there(chosen: int) -> None:
    made = roll("causal-forcing", chosen)
    levels = PUBLISHED["causal-forcing"].strategy().levels(0)
    assert [call.frames[0] for call in made.learnt()] == list(range(9, 30, 3))
    assert {call.timesteps[0] for call in made.learnt()} == {levels[chosen].timesteps[0]}
    # As many calls as there are steps up to the exit, and the one that fills the cache.
    assert len(made.traced) == 10 * (chosen + 2)
    assert [call.purpose for call in made.traced[: chosen + 2]] == ["denoise"] * (chosen + 1) + ["cache"]


def test_steps_whose_past_is_looked_at_are_made_behind_the_exit_too() -> None:
    made = roll("live-avatar", 1)
    assert len(made.traced) == 10 * 4 + 2
    assert {call.timesteps[0] for call in made.learnt()} == {858.0} and len(made.learnt()) == 7


@pytest.mark.parametrize("name", [*BLOCKS, *WINDOWS])
def test_every_frame_has_one_exit_whichever_is_drawn(name: str) -> None:
    for chosen in range(EXITS[name]):
        strategy = PUBLISHED[name].strategy()
        rollout = LearntRollout(the_module().dit, strategy, tokens=4, chosen=chosen, first_learnt=0)
        strategy.begin(LATENTS)
        frames = []
        for turn in range(16):
            ends, levels = rollout.exit_of(turn), strategy.levels(turn)
            if ends is not None:
                frames += [f for f in levels[ends].frames if f not in levels[ends].given]
        # A knot is given in the chunk that follows, and thought of in both.
        twice = [frame for frame in set(frames) if frames.count(frame) > 1]
        assert set(frames) >= set(range(1, 30)) and not twice


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_with_a_gradient_lie_side_by_side(name: str) -> None:
    made = roll(name, 2)
    assert {call.turn % WINDOWS[name] for call in made.learnt()} == {2}
    frames = [frame for call in made.learnt() for frame in call.frames]
    assert len(frames) == len(set(frames)) and set(frames) >= set(range(9, 30))
    assert all(call.frames[-1] >= 9 for call in made.learnt())


@pytest.mark.parametrize("name", [*BLOCKS, *WINDOWS])
def test_a_backward_pass_stays_inside_the_exits_of_a_frame(name: str) -> None:
    made = roll(name, 2)
    learnt = [x for x, on in zip(made.inputs, made.learning, strict=True) if on]
    calls = made.learnt()
    for frame in (15, 20, 27):
        grads = torch.autograd.grad(
            made.clip[:, :, frame].sum(), learnt, retain_graph=True, allow_unused=True
        )
        behind = [call for call, grad in zip(calls, grads, strict=True) if grad is not None and grad.any()]
        # The first frame of a chunk is the mean of its own estimate and of the knot of the chunk before.
        assert len(behind) == (2 if name == "knot-forcing" and frame % 3 == 0 else 1)
        assert all(frame in call.frames for call in behind)


@pytest.mark.parametrize("name", ["causal-forcing", "avatar-forcing"])
def test_frames_before_the_newest_are_not_learnt(name: str) -> None:
    # The third window of AvatarForcing has frames of both kinds.
    made = roll(name, 2)
    weight = the_module().dit.head.head.weight
    for frame, learnt in ((8, False), (9, True)):
        part = made.clip[:, :, frame].sum()
        assert (
            part.requires_grad and torch.autograd.grad(part, weight, retain_graph=True)[0].any()
        ) == learnt


def test_seed_and_exit_are_drawn_and_a_clip_is_as_long_as_asked_for() -> None:
    clips = [roll("avatar-forcing", seed=seed, size=2) for seed in (1, 1, 2, 3, 4)]
    assert all(made.clip.shape == (2, 16, LATENTS, 4, 4) for made in clips)
    assert torch.equal(clips[0].clip, clips[1].clip) and not torch.equal(clips[0].clip, clips[2].clip)
    assert len({made.learnt()[0].turn % 4 for made in clips}) > 1


def test_where_gradients_are_off_nothing_has_one() -> None:
    with torch.no_grad():
        made = roll("knot-forcing")
    assert not any(made.learning) and not made.clip.requires_grad


def test_a_first_block_with_more_steps_has_its_exit_at_the_same_share() -> None:
    strategy = PUBLISHED["causal-forcing-plus"].strategy()
    found = []
    for chosen in range(4):
        rollout = LearntRollout(the_module().dit, strategy, tokens=4, chosen=chosen, first_learnt=0)
        # The first call of all puts the picture into the cache.
        found.append((rollout.exit_of(0), rollout.exit_of(1), rollout.exit_of(2)))
    assert found == [(1, 0, 0), (2, 0, 0), (3, 1, 1), (4, 1, 1)]

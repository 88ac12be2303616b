"""Solvers, and the strategies of many steps that use one of them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.rollouts.draws import FrameDraws
from liveact_eval.rollouts.many_steps import DiffusionForcing, ManyStepsConfig, TeacherForcing
from liveact_eval.rollouts.solvers import Solver, solver_for
from liveact_eval.rollouts.strategy import SolverKind, uniform_levels
from tests.unit.liveact.models import gaussian, small_dit
from tests.unit.rollouts.rollout_cases import SEED, make


def nothing(index: int) -> Tensor:
    raise AssertionError(f"frame {index} drew noise")


def solved(kind: SolverKind, steps: int, clean: Tensor, noise: Tensor) -> list[Tensor]:
    """Latents on the way from noise, under the velocity of a straight line to `clean`."""
    solver: Solver = solver_for(kind, steps, 5.0)
    levels = [*uniform_levels(steps), 0.0]
    x, way = noise, []
    for now, after in pairwise(levels):
        velocity = noise - clean
        x = solver.step(x, velocity, [now] * 2, [after] * 2, nothing).latent
        way.append(x)
    return way


@pytest.mark.parametrize("kind", ["euler", "unipc"])
def test_solvers_of_the_ode_follow_a_straight_line_exactly(kind: SolverKind) -> None:
    clean, noise = gaussian(1, 4, 2, 3, 3, seed=1), gaussian(1, 4, 2, 3, 3, seed=2)
    way = solved(kind, 6, clean, noise)
    for x, level in zip(way, [*uniform_levels(6)[1:], 0.0], strict=True):
        torch.testing.assert_close(x, clean + level / 1000 * (noise - clean), atol=1e-5, rtol=0)


def test_unipc_is_of_second_order() -> None:
    """Under a velocity that bends, twice the steps leave less than half of the error."""

    def error(kind: SolverKind, steps: int) -> float:
        solver, levels = solver_for(kind, steps, 1.0), [*uniform_levels(steps, 1.0), 0.0]
        x = torch.ones(1, 1, 1, 1, 1, dtype=torch.float32)
        for now, after in pairwise(levels):
            x = solver.step(x, x * 0.5, [now], [after], nothing).latent
        # dx/ds = x / 2 from s = 1 to 0.
        return abs(float(x) - float(torch.exp(torch.tensor(-0.5))))

    assert error("euler", 20) > 0.4 * error("euler", 10) > 0.001
    assert error("unipc", 20) < 0.3 * error("euler", 20)


def test_renoising_draws_for_frames_that_go_on_alone() -> None:
    x, velocity = gaussian(1, 4, 3, 2, 2, seed=3), gaussian(1, 4, 3, 2, 2, seed=4)
    drawn: list[int] = []

    def fresh(index: int) -> Tensor:
        drawn.append(index)
        return torch.full((1, 4, 1, 2, 2), float(index + 1))

    made = solver_for("renoise", 1, 5.0).step(x, velocity, [500.0, 800.0, 1000.0], [0.0, 250.0, 800.0], fresh)
    clean = x - torch.tensor([0.5, 0.8, 1.0])[:, None, None] * velocity
    torch.testing.assert_close(made.clean, clean)
    torch.testing.assert_close(made.latent[:, :, 0], clean[:, :, 0])
    torch.testing.assert_close(made.latent[:, :, 1], 0.75 * clean[:, :, 1] + 0.25 * 2)
    torch.testing.assert_close(made.latent[:, :, 2], 0.2 * clean[:, :, 2] + 0.8 * 3)
    assert drawn == [1, 2]


@pytest.mark.parametrize(("kind", "level"), [(TeacherForcing, 0.0), (DiffusionForcing, 100.0)])
def test_many_steps_are_made_twice_and_the_past_has_its_level(
    kind: type[TeacherForcing], level: float
) -> None:
    made = make(kind(ManyStepsConfig(steps=5, context_timestep=level)), 10)
    assert len(made.calls) == 10 * (5 * 2 + 2)
    assert [call.heard for call in made.calls[:4]] == [True, False, True, False]
    uniform = [1000.0, 952.3809, 882.3529, 769.2307, 555.5555]
    for b in range(10):
        calls = [call for call in made.calls if call.block == b and call.heard]
        assert [call.timesteps[0] for call in calls] == pytest.approx([*uniform, level])
        for call in calls:
            past = [(key.frames[0], key.timestep) for key in call.keys if key.kind != "own"]
            assert past == [(frame, level) for frame in range(3 * b)]
            assert {key.kind for key in call.keys} <= {"own", "noisy" if level else "clean"}


def test_noise_is_put_onto_the_past_that_is_said_to_have_it() -> None:
    dit, inputs = small_dit(), []

    def note(module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        del module, named
        inputs.append((given[0][:, :16].clone(), given[1]))

    dit.register_forward_pre_hook(note, with_kwargs=True)
    made = make(DiffusionForcing(ManyStepsConfig(steps=2, context_timestep=400.0, guidance=1.0)), 1, dit=dit)
    x, timestep = inputs[-1]
    assert timestep.tolist() == [[400.0] * 3]
    draws = FrameDraws(SEED)
    fresh = torch.cat(
        [draws.normal("between", f, (1, 16, 1, 4, 4), torch.device("cpu"), torch.float32) for f in range(3)],
        dim=2,
    )
    torch.testing.assert_close(x, 0.6 * made.latents + 0.4 * fresh)


def test_levels_of_no_sense_are_refused() -> None:
    with pytest.raises(LiveActError, match=r"0 steps behind a past at timestep 0: expected 1 or more"):
        ManyStepsConfig(steps=0)
    with pytest.raises(LiveActError, match="timestep 1001"):
        ManyStepsConfig(context_timestep=1001)


def test_the_published_numbers() -> None:
    strategy = TeacherForcing()
    denoise = [part for part in strategy.levels(4) if part.purpose == "denoise"]
    assert (len(denoise), strategy.guidance, strategy.solver) == (50, 3.0, "unipc")
    assert [part.timesteps[0] for part in denoise][:3] == pytest.approx([1000, 995.9349, 991.7355])

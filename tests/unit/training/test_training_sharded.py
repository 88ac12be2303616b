"""Weights in shares on two processes end as they do whole on one, and their files do not tell."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
from torch import nn
from torch.distributed.tensor import DTensor

from liveact_eval.errors import UserError
from liveact_eval.liveact.audio import audio_windows
from liveact_eval.training.distributed import World, launched_world
from liveact_eval.training.loop import Training
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.neighbor import block_causal
from liveact_eval.training.recipe import Recipe
from liveact_eval.training.recompute import recompute_blocks
from tests.unit.liveact.models import CONFIG, condition, gaussian, small_dit, speech, text_and_image

STEPS, BATCH = 4, 2


class Velocity(Objective):
    """A transformer that learns from two clips; one of them has no speech in every other step."""

    def __init__(self) -> None:
        self.dit = small_dit()
        self.dit.requires_grad_(True)

    def players(self) -> Mapping[str, nn.Module]:
        return {"dit": self.dit}

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        total = torch.zeros(())
        for clip, silent in zip(batch["x"], batch["silent"], strict=True):
            context = self.dit.encode_context(*text_and_image(), cache=False)
            windows = audio_windows(speech(), 0, 53, CONFIG.audio_window)
            audio = None if bool(silent) else self.dit.audio_proj(windows)
            velocity = self.dit(
                clip[None], torch.full((1,), 500.0), context, audio, frame_mask=block_causal((6, 8))
            )
            total = total + velocity.square().mean()
        return Losses(total / len(batch["x"]))

    def validate(self) -> dict[str, float]:
        return {"weights": float(sum(p.detach().double().sum() for p in self.dit.parameters()))}

    def results(self) -> Mapping[str, nn.Module]:
        return {"dit": self.dit}


class Deaf:
    def advance(self, step: int, text: str) -> None:
        pass


class Killed(Deaf):
    """Ends a training behind a step, with a checkpoint."""

    def __init__(self, after: int, training: Training) -> None:
        self._after, self._training = after, training

    def advance(self, step: int, text: str) -> None:
        if step == self._after:
            self._training.save()
            raise KeyboardInterrupt


def _recipe(**changes: object) -> Recipe:
    base = {
        "name": "velocity",
        "title": "Velocity",
        "summary": "A transformer.",
        "objective": {"kind": "vae", "window": 1},
        "data": {"frames": 1},
        "optimiser": {"lr": 0.002, "muon_lr": 0.01, "warmup_steps": 2},
        "batch": BATCH,
        "steps": STEPS,
        "ema": 0.5,
        "validate_every": STEPS,
        "checkpoint_every": 2,
        "sharded": True,
    }
    return Recipe.model_validate(base | changes)


def _training(folder: Path, world: World, recipe: Recipe | None = None) -> Training:
    clips = torch.cat([torch.cat([gaussian(1, 16, 14, 4, 6, seed=s), condition()], dim=1) for s in (11, 12)])

    def source(steps: range) -> Iterator[Batch]:
        share = BATCH // world.ranks
        for step in steps:
            whole = {"x": clips, "silent": torch.tensor([False, bool(step % 2)])}
            yield {name: value[world.rank * share :][:share] for name, value in whole.items()}

    objective = Velocity()
    recompute_blocks(objective.players())
    return Training(recipe or _recipe(), objective, folder, None, source, world, Velocity)


def _kept(training: Training) -> dict[str, torch.Tensor]:
    """The averaged weights, whole."""
    with training.averaged() as objective:
        return {
            name: weight.detach().clone()
            for name, weight in objective.results()["dit"].named_parameters()
            if not isinstance(weight, DTensor)
        }


def _as_rank(rank: int, ranks: int, folder: str, port: int) -> None:
    torch.set_num_threads(1)
    place = {"RANK": rank, "WORLD_SIZE": ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.items():
            patch.setenv(name, str(value))
        with launched_world() as world:
            training = _training(Path(folder, "all"), world)
            weights = [*training.objective.dit.parameters()]  # type: ignore[attr-defined]
            assert all(isinstance(weight, DTensor) for weight in weights)
            held = sum(weight.to_local().numel() for weight in weights)
            whole = sum(weight.numel() for weight in weights)
            assert held < 0.6 * whole
            assert training.run(Deaf())
            kept, said = _kept(training), training.validate()
            if world.first:
                torch.save((kept, said), Path(folder, "kept.pt"))
            # What one process began, two go on with.
            world.wait()
            later = _training(Path(folder, "alone"), world)
            assert later.done == 2
            assert later.run(Deaf())
            kept = _kept(later)
            if world.first:
                torch.save(kept, Path(folder, "later.pt"))


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes leave behind, and one before them."""
    folder = tmp_path_factory.mktemp("shares")
    alone = _training(folder / "alone", World())
    with pytest.raises(KeyboardInterrupt):
        alone.run(Killed(after=2, training=alone))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_as_rank, args=(2, str(folder), port), nprocs=2)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """One process, every weight whole."""
    training = _training(tmp_path_factory.mktemp("whole"), World())
    assert training.run(Deaf())
    return training


def _nearest(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> float:
    assert list(found) == list(expected)
    return max(float((found[name] - expected[name]).abs().max()) for name in expected)


def test_two_processes_with_shares_end_with_the_weights_of_one(ended: Path, whole: Training) -> None:
    kept, said = torch.load(ended / "kept.pt", weights_only=True)
    assert _nearest(kept, _kept(whole)) < 1e-4
    assert said["weights"] == pytest.approx(whole.validate()["weights"], abs=1e-2)
    # They have moved further than they differ.
    assert _nearest(kept, dict(small_dit().named_parameters())) > 2e-3


def test_shares_go_on_from_what_one_process_began(ended: Path, whole: Training) -> None:
    assert _nearest(torch.load(ended / "later.pt", weights_only=True), _kept(whole)) < 1e-4


def test_one_process_goes_on_from_shares(ended: Path, whole: Training) -> None:
    training = _training(ended / "all", World(), _recipe(sharded=False))
    assert training.done == STEPS
    assert _nearest(_kept(training), _kept(whole)) < 1e-4


def test_players_that_learn_from_each_other_are_not_sharded(tmp_path: Path) -> None:
    class Two(Velocity):
        def players(self) -> Mapping[str, nn.Module]:
            return {"dit": self.dit, "score": nn.Linear(1, 1)}

    with pytest.raises(UserError, match=r"`sharded` is true, but dit, score learn from each other"):
        Training(_recipe(), Two(), tmp_path, None, lambda steps: iter(()), World())

"""Several processes train what one does; blocks that are computed again give the same gradients."""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as mp
from torch import nn

from liveact_eval.errors import UserError
from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.dit import Block, CausalDiT
from liveact_eval.liveact.policies import memory_policy
from liveact_eval.training.distributed import World, launched_world
from liveact_eval.training.draws import generator_of
from liveact_eval.training.encoded_samples import Bank, shuffled
from liveact_eval.training.kit import Kit
from liveact_eval.training.logs import TrainingLog
from liveact_eval.training.loop import Training
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.neighbor import block_causal
from liveact_eval.training.recipe import DataConfig, Recipe
from liveact_eval.training.recompute import recompute_blocks
from liveact_eval.training.stages import train
from liveact_eval.training.training_memory import kernels_of, training_memory
from tests.unit.liveact.models import CONFIG, condition, gaussian, small_dit, speech, text_and_image

STEPS, BATCH = 12, 4


class Pair(Objective):
    """Two players that learn from each other; the noise comes with the batch, so that sharing it changes nothing."""

    def __init__(self) -> None:
        self.guess = nn.ModuleList([nn.Linear(3, 4), nn.Linear(4, 1), nn.Linear(1, 1)])
        self.judge = nn.Linear(1, 1)

    def players(self) -> Mapping[str, nn.Module]:
        return {"guess": self.guess, "judge": self.judge}

    def turns(self, step: int) -> tuple[str, ...]:
        return ("judge", "guess") if step % 2 else ("guess",)

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        first, second, spoken = self.guess
        said = second(torch.tanh(first(batch["x"])))
        # As with speech in Neighbor Forcing: some ranks leave some weights out while others use them.
        if bool(batch["loud"].any()):
            said = torch.where(batch["loud"], spoken(said), said)
        judged = self.judge(said + 0.1 * batch["noise"])
        error = (judged - batch["x"].sum(dim=1, keepdim=True)).square().mean()
        drawn = torch.rand((), generator=draws)
        return Losses(error, {"drawn": drawn, "samples": torch.tensor(float(len(said)))})

    def validate(self) -> dict[str, float]:
        return {"bias": float(self.judge.bias.detach())}

    def results(self) -> Mapping[str, nn.Module]:
        return {"guess": self.guess}


class Deaf:
    def advance(self, step: int, text: str) -> None:
        pass


def _recipe(**changes: object) -> Recipe:
    base = {
        "name": "pair",
        "title": "Pair",
        "summary": "A pair.",
        "objective": {"kind": "vae", "window": 1},
        "data": {"frames": 1},
        "optimiser": {"lr": 0.02, "warmup_steps": 3},
        "batch": BATCH,
        "steps": STEPS,
        "ema": 0.9,
        "log_every": 1,
        "validate_every": 6,
        "checkpoint_every": 5,
    }
    return Recipe.model_validate(base | changes)


def _training(folder: Path, world: World, seed: int = 0) -> Training:
    def source(steps: range) -> Iterator[Batch]:
        share = BATCH // world.ranks
        for step in steps:
            draws = generator_of(7, step)
            whole = {
                "x": torch.randn(BATCH, 3, generator=draws),
                "noise": torch.randn(BATCH, 1, generator=draws),
                "loud": torch.arange(BATCH)[:, None] < (BATCH // 2 if step % 3 else 0),
            }
            yield {name: value[world.rank * share :][:share] for name, value in whole.items()}

    torch.manual_seed(seed)
    log = TrainingLog(folder) if world.first else None
    return Training(_recipe(), Pair(), folder, log, source, world)


def _weights(training: Training) -> torch.Tensor:
    """The latest and the averaged ones, in one row."""
    latest = [p.detach().flatten() for m in training.objective.players().values() for p in m.parameters()]
    with training.averaged():
        averaged = [
            p.detach().flatten() for m in training.objective.players().values() for p in m.parameters()
        ]
        return torch.cat(latest + averaged).clone()


def _as_rank(rank: int, ranks: int, folder: str, port: int) -> None:
    torch.set_num_threads(1)
    place = {"RANK": rank, "WORLD_SIZE": ranks, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.items():
            patch.setenv(name, str(value))
        # Its import takes longer than all steps.
        patch.setattr("liveact_eval.training.logs.has_board", lambda: False)
        with launched_world() as world:
            # Other first weights on each rank: those of rank 0 count.
            whole = _training(Path(folder, "whole"), world, seed=rank)
            whole.run(Deaf())
            torch.save(_weights(whole), Path(folder, f"rank{rank}.pt"))
            for done in (1, 2):
                world.wait()
                piece = _training(Path(folder, "pieces"), world)
                # The clock of rank 0 counts; the others would go on for ever.
                assert not piece.run(Deaf(), seconds=0.0 if world.first else 1e9)
                assert piece.done == done
            with pytest.raises(UserError, match=r"different steps, \[2, 0\].*--kit"):
                world.wait()
                _training(Path(folder, "pieces" if world.first else "elsewhere"), world)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes leave behind."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_as_rank, args=(2, str(folder), port), nprocs=2)
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> torch.Tensor:
    """The weights that one process ends with."""
    training = _training(tmp_path_factory.mktemp("alone"), World())
    assert training.run(Deaf())
    return _weights(training)


def test_two_processes_end_with_the_weights_of_one(together: Path, alone: torch.Tensor) -> None:
    first, second = (torch.load(together / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    # Averages of rank 1 began with its own first weights; those of rank 0 are kept.
    half = len(first) // 2
    assert first[:half].equal(second[:half])
    assert (first - alone).abs().max() < 1e-6


def test_what_two_processes_began_one_ends(together: Path, alone: torch.Tensor) -> None:
    training = _training(together / "pieces", World(), seed=1)
    assert training.done == 2
    assert training.run(Deaf())
    assert (_weights(training) - alone).abs().max() < 1e-6


def test_rank_0_alone_writes_means_of_all(together: Path) -> None:
    lines = [json.loads(line) for line in (together / "whole" / "log.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if line["kind"] == "train"]
    assert steps == [*range(1, STEPS + 1)]
    assert {line["guess.samples"] for line in lines if line["kind"] == "train"} == {BATCH / 2}
    # Noise of a rank comes from (seed, step, rank); step 0 has one player.
    drawn = [float(torch.rand((), generator=generator_of(0, 0, rank))) for rank in range(2)]
    assert drawn[0] != drawn[1]
    assert lines[0]["guess.drawn"] == pytest.approx(sum(drawn) / 2)
    assert [line["step"] for line in lines if line["kind"] == "validation"] == [6, 12]


def test_a_batch_that_ranks_do_not_divide_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"batch of 4 samples cannot be shared by 3 processes.*--nproc-per-node"
    ):
        World(0, 3).check_batch(4)

    @contextmanager
    def three(device: torch.device) -> Iterator[World]:
        yield World(0, 3, device)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("liveact_eval.training.stages.launched_world", three)
        with pytest.raises(UserError, match="3 processes"):
            train(_recipe(), Kit(tmp_path / "kit"), Deaf())
    assert not (tmp_path / "kit").exists()


def test_shares_of_shuffled_batches_make_the_whole() -> None:
    samples = {"x": torch.arange(100)}
    (whole,) = shuffled(samples, batch=6, steps=range(1), seed=1)
    shares = [next(shuffled(samples, batch=6, steps=range(1), seed=1, rank=r, ranks=3)) for r in range(3)]
    assert torch.cat([share["x"] for share in shares]).equal(whole["x"])


def test_ranks_fill_a_bank_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liveact_eval.training.encoded_samples.SHARD", 1)
    monkeypatch.setattr("liveact_eval.training.encoded_samples._AT_ONCE", 1)
    bank = Bank(tmp_path, DataConfig(frames=1, size=32, workers=0), 3, "vae:a")
    made = {}
    for rank in range(2):
        told: list[int] = []
        bank.fill(lambda sample: {"mouth": sample["mouth"]}, told.append, rank, 2)
        made[rank] = told
    assert made == {0: [1, 3], 1: [2]}
    assert len(bank.load()["mouth"]) == 3


def _gradients(dit: CausalDiT) -> torch.Tensor:
    """Of a pass over two blocks with speech."""
    windows = audio_windows(speech(), 0, 53, CONFIG.audio_window)
    dit.requires_grad_(True)
    context = dit.encode_context(*text_and_image(), cache=False)
    x = torch.cat([gaussian(1, 16, 14, 4, 6), condition()], dim=1)
    mask = block_causal((6, 8))
    velocity = dit(x, torch.full((1,), 500.0), context, dit.audio_proj(windows), frame_mask=mask)
    velocity.square().mean().backward()
    return torch.cat([p.grad.flatten() for p in dit.parameters() if p.grad is not None])


def test_blocks_that_are_computed_again_give_equal_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, again = small_dit(), small_dit()
    recompute_blocks({"dit": again})
    assert list(again.state_dict()) == list(plain.state_dict())
    calls: list[int] = []
    forward = Block.forward

    def counted(block: Block, *args: Any) -> torch.Tensor:
        calls.append(1)
        return forward(block, *args)

    monkeypatch.setattr(Block, "forward", counted)
    expected = _gradients(plain)
    assert len(calls) == CONFIG.num_layers
    assert (_gradients(again) - expected).abs().max() <= 1e-7 * expected.abs().max()
    assert len(calls) == 3 * CONFIG.num_layers
    # The running mean of weights is a copy; it is computed again too.
    assert (_gradients(copy.deepcopy(again)).shape) == expected.shape


def _gradients_with_memory(dit: CausalDiT, detach: bool) -> torch.Tensor:
    """Of four blocks with ConvKV memory; the past of the last two is folded."""
    policy = memory_policy("convkv")
    dit.requires_grad_(True)
    context = dit.encode_context(*text_and_image(), cache=False)
    clip = gaussian(1, 36, 30, 4, 6, seed=8)
    memory = training_memory(dit, policy, clip, detach=detach)
    total = torch.zeros(())
    for x in clip.split([6, 8, 8, 8], dim=2):
        positions = memory.begin_block(x.shape[2], kernels_of(dit, policy))
        velocity = dit(x, torch.full((1,), 500.0), context, positions=positions, memory=memory)
        total = total + velocity.square().mean()
    total.backward()
    return torch.cat([p.grad.flatten() for p in dit.parameters() if p.grad is not None])


@pytest.mark.parametrize("detach", [False, True])
def test_blocks_with_a_memory_are_computed_again_with_the_past_that_they_saw(detach: bool) -> None:
    plain, again = small_dit(), small_dit()
    recompute_blocks({"dit": again})
    expected = _gradients_with_memory(plain, detach)
    assert (_gradients_with_memory(again, detach) - expected).abs().max() <= 1e-6 * expected.abs().max()


def test_recomputing_needs_transformer_blocks() -> None:
    with pytest.raises(UserError, match=r"checkpoint_activations.*guess, judge has no transformer blocks"):
        recompute_blocks(Pair().players())

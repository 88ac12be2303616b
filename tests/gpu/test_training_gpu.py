"""Training on a real GPU: the numbers of the CPU, the same bits twice, resumed runs, and what is logged."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as mp

import liveact_eval
from liveact_eval.training import encoded_samples, generated_mouths, logs
from liveact_eval.training.checkpoints import latest_checkpoint
from liveact_eval.training.devices import computing_on, training_device
from liveact_eval.training.distributed import launched_world
from liveact_eval.training.kit import Kit
from liveact_eval.training.recipe import Recipe, load_recipe
from liveact_eval.training.stages import train
from tests.unit.training.objective_cases import CHOICES, Deaf, one_step, training

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

GPU, CPU = torch.device("cuda:0"), torch.device("cpu")
TRAINED = Path(liveact_eval.__file__).parent / "trained"


@pytest.fixture(autouse=True)
def exactly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(logs, "has_board", lambda: False)
    with computing_on(GPU):
        yield


def _lines(folder: Path, kind: str = "train") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def _losses(folder: Path) -> list[dict[str, float]]:
    beside = {"kind", "time_s", "samples_per_s", "peak_vram_gib"}
    return [{name: value for name, value in line.items() if name not in beside} for line in _lines(folder)]


def _state(folder: Path) -> dict[str, Any]:
    found = latest_checkpoint(folder / "checkpoints")
    assert found is not None
    players: dict[str, Any] = found["players"]
    return players


@pytest.mark.parametrize("case", CHOICES)
def test_a_step_is_that_of_the_cpu_and_has_the_same_bits_twice(case: str, tmp_path: Path) -> None:
    for folder, device in (("cpu", CPU), ("once", GPU), ("again", GPU)):
        one_step(training(case, tmp_path / folder, device))
    for line, other in zip(_losses(tmp_path / "cpu"), _losses(tmp_path / "once"), strict=True):
        assert other == pytest.approx(line, rel=5e-3, abs=1e-4)
    torch.testing.assert_close(_state(tmp_path / "again"), _state(tmp_path / "once"), rtol=0, atol=0)


@pytest.mark.parametrize("case", ["neighbor", "distill"])
def test_a_killed_run_ends_with_the_very_weights_of_one_that_was_not(case: str, tmp_path: Path) -> None:
    def run(folder: str) -> bool:
        made = training(case, tmp_path / folder, GPU, steps=3)
        return made.run(Deaf(), seconds=None if folder == "whole" else 0.0)

    assert run("whole")
    while not run("pieces"):
        pass
    torch.testing.assert_close(_state(tmp_path / "pieces"), _state(tmp_path / "whole"), rtol=0, atol=0)


def test_bfloat16_is_near_float32(tmp_path: Path) -> None:
    for precision in ("float32", "bfloat16"):
        one_step(training("neighbor", tmp_path / precision, GPU, precision=precision))
    (exact,), (rough,) = _losses(tmp_path / "float32"), _losses(tmp_path / "bfloat16")
    assert rough["loss"] == pytest.approx(exact["loss"], rel=0.02)


def _kit(folder: Path) -> Kit:
    kit = Kit(folder)
    for name in ("liveact-mini/vae", "liveact-mini/speech", "mini-metrics/frame"):
        kit.weights("any").parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(TRAINED / f"{name}.safetensors", kit.weights(name.partition("/")[2]))
    return kit


def test_a_stage_of_the_mini_tier_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_samples, "SHARD", 5)
    monkeypatch.setattr(generated_mouths, "_SPEAKERS", 2)
    recipe = load_recipe("mini-neighbor")
    data = recipe.data.model_dump() | {"bank": 5, "frames": 53}
    small = Recipe.model_validate(
        recipe.model_dump() | {"data": data, "batch": 2, "steps": 3, "log_every": 1}
    )
    whole, pieces = _kit(tmp_path / "whole"), _kit(tmp_path / "pieces")
    outcome = train(small, whole, Deaf(), device=GPU)
    assert outcome.finished and torch.cuda.get_device_name(GPU) in outcome.device
    assert outcome.validation["mouth_correlation_drawn"] > 0.9
    while not (part := train(small, pieces, Deaf(), device=GPU, seconds=0.0)).finished:
        pass
    for role, path in outcome.files.items():
        assert path.read_bytes() == part.files[role].read_bytes()
    folder = whole.run_folder(small)
    assert [line["device"] for line in _lines(folder, "start")] == [outcome.device]
    assert all(line["peak_vram_gib"] > 0 < line["samples_per_s"] for line in _lines(folder))


def _as_rank(rank: int, ranks: int, folder: str, port: int, sharded: bool) -> None:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (place | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}).items():
            patch.setenv(name, str(value))
        patch.setattr(logs, "has_board", lambda: False)
        device = training_device("auto", "float32")
        assert device == torch.device("cuda", rank)
        with computing_on(device), launched_world(device) as world:
            made = training("neighbor", Path(folder), device, world=world, steps=2, sharded=sharded)
            assert made.run(Deaf())
            made.save()


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two CUDA devices")
@pytest.mark.parametrize("sharded", [False, True])
def test_two_gpus_share_a_batch(sharded: bool, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_as_rank, args=(2, str(tmp_path), port, sharded), nprocs=2)
    assert [line["step"] for line in _losses(tmp_path)] == [1, 2]
    # What two processes wrote, one goes on from.
    made = training("neighbor", tmp_path, GPU, steps=2)
    assert made.done == 2 and made.run(Deaf())

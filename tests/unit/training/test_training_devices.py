"""Every objective on a device of its own: its losses, updates and files are those of the CPU, and nothing is mixed."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from liveact_eval.training import logs
from liveact_eval.training.checkpoints import latest_checkpoint
from liveact_eval.training.loop import Training
from liveact_eval.training.objectives import (
    clip_network,
    frame_network,
    frame_validation,
    speech,
    syncnet,
    vae,
)
from tests.unit.training.objective_cases import CHOICES, Deaf, kinds, objective, one_step, training
from tests.unit.training.pretend_device import DEVICE, Apart, PretendDevice

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its import takes longer than a step.
    monkeypatch.setattr(logs, "has_board", lambda: False)


@pytest.fixture
def pretended() -> Iterator[PretendDevice]:
    with PretendDevice() as device:
        yield device


def _losses(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    beside = {"kind", "time_s", "samples_per_s"}
    return [{name: value for name, value in line.items() if name not in beside} for line in lines]


def _state(folder: Path) -> dict[str, Any]:
    found = latest_checkpoint(folder / "checkpoints")
    assert found is not None
    players: dict[str, Any] = found["players"]
    return players


@functools.cache
def _on_the_cpu(case: str, precision: str = "float32") -> list[dict[str, float]]:
    """Losses of one step."""
    folder = Path(tempfile.mkdtemp())
    one_step(training(case, folder, CPU, precision=precision))
    return _losses(folder)


def test_every_kind_of_objective_has_a_case() -> None:
    assert {str(choice["kind"]) for choice in CHOICES.values()} == kinds()


@pytest.mark.parametrize("case", CHOICES)
def test_a_step_is_that_of_the_cpu_and_sums_in_one_order(
    case: str, tmp_path: Path, pretended: PretendDevice
) -> None:
    there = training(case, tmp_path, DEVICE)
    one_step(there)
    for player in there.objective.players().values():
        assert all(isinstance(weight, Apart) for weight in player.parameters())
    assert not pretended.unordered
    for line, other in zip(_on_the_cpu(case), _losses(tmp_path), strict=True):
        assert other == pytest.approx(line, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("case", CHOICES)
def test_bfloat16_is_near_float32(case: str) -> None:
    (exact,), (rough,) = _on_the_cpu(case), _on_the_cpu(case, "bfloat16")
    for name, value in exact.items():
        if name.endswith("loss"):
            assert rough[name] == pytest.approx(value, rel=0.1), name


def test_a_run_goes_on_exactly_where_it_was_and_on_another_device(
    tmp_path: Path, pretended: PretendDevice
) -> None:
    def run(folder: str, device: torch.device) -> Training:
        return training("neighbor", tmp_path / folder, device, steps=2, checkpoint_every=1)

    assert run("whole", DEVICE).run(Deaf())
    one_step(run("pieces", DEVICE))
    one_step(run("changed", DEVICE))
    # What is on disk knows no device.
    torch.load(next((tmp_path / "pieces" / "checkpoints").glob("*.pt")), weights_only=True)
    assert run("pieces", DEVICE).run(Deaf())
    torch.testing.assert_close(_state(tmp_path / "pieces"), _state(tmp_path / "whole"), rtol=0, atol=0)
    assert run("changed", CPU).run(Deaf())
    torch.testing.assert_close(_state(tmp_path / "changed"), _state(tmp_path / "whole"), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("case", ["vae", "speech", "syncnet", "frame_network", "clip_network"])
def test_networks_are_judged_and_kept_where_they_learn(
    case: str, pretended: PretendDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (vae, speech, syncnet, frame_validation):
        monkeypatch.setattr(module, "_CLIPS", 1)
    for module, name, value in (
        (vae, "_STATISTICS", 2),
        (vae, "_FRAMES", 5),
        (frame_validation, "_SPEAKERS", 2),
        (frame_validation, "DEGRADATIONS", ("blur",)),
        (frame_network, "_STANDARD", 2),
        (clip_network, "_STANDARD", 2),
        (clip_network, "_VALIDATED", 9),
    ):
        monkeypatch.setattr(module, name, value)
    here, there = objective(case), objective(case)
    there.to(DEVICE)
    assert there.validate() == pytest.approx(here.validate(), rel=1e-3, abs=1e-4, nan_ok=True)
    expected, found = here.results(), there.results()
    assert list(found) == list(expected)
    for role, module in found.items():
        weights = {name: value.cpu() for name, value in module.state_dict().items()}
        torch.testing.assert_close(weights, dict(expected[role].state_dict()), rtol=1e-3, atol=1e-5)

"""A whole stage on a device of its own: the bank, the steps, the judge, and the weights that are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from liveact_eval.liveact import vae
from liveact_eval.liveact.encoders import speech
from liveact_eval.networks.mini_frame import build_mini_frame
from liveact_eval.training import encoded_samples, generated_mouths, judging, logs, stages
from liveact_eval.training.kit import Kit
from liveact_eval.training.recipe import Recipe, load_recipe
from liveact_eval.training.stages import Outcome, train
from tests.unit.training.objective_cases import CONFIG, Deaf
from tests.unit.training.pretend_device import DEVICE, PretendDevice

RECIPE = Recipe.model_validate(
    load_recipe("mini-neighbor").model_dump()
    | {
        "data": {"frames": 53, "size": 32, "sound": True, "bank": 2, "workers": 0},
        "batch": 1,
        "steps": 1,
        "log_every": 1,
    }
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "named_config", lambda name: CONFIG)
    monkeypatch.setattr(logs, "has_board", lambda: False)
    monkeypatch.setattr(encoded_samples, "SHARD", 2)
    monkeypatch.setattr(encoded_samples, "_AT_ONCE", 2)
    monkeypatch.setattr(generated_mouths, "_SPEAKERS", 1)
    monkeypatch.setattr(judging, "FLOW_STEPS", 2)


def _kit(folder: Path) -> Kit:
    kit = Kit(folder)
    torch.manual_seed(0)
    modules = {
        "vae": vae.build(CONFIG.vae),
        "speech": speech.build(CONFIG.speech),
        "frame": build_mini_frame(),
    }
    kit.keep(RECIPE, modules, {})
    return kit


def _trained(kit: Kit, device: torch.device) -> Outcome:
    return train(RECIPE, kit, Deaf(), device=device)


def _bank(kit: Kit) -> dict[str, torch.Tensor]:
    (shard,) = kit.banks.glob("*/*.safetensors")
    return load_file(shard)


def test_a_stage_makes_what_it_makes_on_the_cpu(tmp_path: Path) -> None:
    here, there = _kit(tmp_path / "here"), _kit(tmp_path / "there")
    expected = _trained(here, torch.device("cpu"))
    with PretendDevice() as device:
        found = _trained(there, DEVICE)
    assert not device.unordered
    assert (expected.device, found.device) == ("cpu", str(DEVICE))
    assert found.finished and found.validation == pytest.approx(expected.validation, rel=1e-2, abs=0.02)
    torch.testing.assert_close(_bank(there), _bank(here), rtol=1e-2, atol=1e-3)
    # That a step gives the same weights is tested for each objective; here, that all of them are kept, from any device.
    assert found.files.keys() == expected.files.keys()
    for role, path in found.files.items():
        kept, other = load_file(path), load_file(expected.files[role])
        assert {name: tensor.shape for name, tensor in kept.items()} == {
            name: tensor.shape for name, tensor in other.items()
        }
        assert all(tensor.isfinite().all() for tensor in kept.values())
    lines = [json.loads(line) for line in (there.run_folder(RECIPE) / "log.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["start", "train", "validation"]
    assert (lines[0]["device"], lines[0]["processes"]) == (str(DEVICE), 1)
    assert lines[1]["samples_per_s"] > 0 and "peak_vram_gib" not in lines[1]
    # What is finished is not begun again.
    _trained(here, torch.device("cpu"))
    again = (here.run_folder(RECIPE) / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in again] == ["start", "train", "validation"]

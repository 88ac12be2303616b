"""The shipped cards of systems that are run as programs, over stand-ins of all that they need: so each one starts."""

from __future__ import annotations

import functools
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.load import list_cards, load_model
from liveact_eval.environments.cards import load_environment
from liveact_eval.environments.store import Record, card_hash, folder_of, write_record
from liveact_eval.generators.command import devices
from liveact_eval.generators.command.prerequisites import ACCEPTED_VARIABLE

HERE = Path(__file__).parent
VIDEO = HERE.parent / "generators" / "command" / "programs" / "stand_in_video.py"
OFFICIAL: dict[str, dict[str, Any]] = yaml.safe_load(
    (HERE / "official_options.yaml").read_text(encoding="utf-8")
)
"""Where each program was read, and its options, by name of the card."""
BASELINES = tuple(name for name in list_cards("models") if load_model(name).kind == "command")
"""Names of the shipped cards of kind `command`."""
_FILES = {
    "omniavatar": ["configs/inference.yaml"],
    "live-avatar": ["liveavatar/configs/s2v_causal_sft.yaml"],
    "echomimic": ["configs/inference/inference_v2.yaml"],
    "echomimic-v2": [
        "configs/prompts/infer.yaml",
        *(f"assets/halfbody_demo/pose/01/{number}.npy" for number in range(336)),
    ],
    "hallo3": ["configs/cogvideox_5b_i2v_s2.yaml", "configs/inference.yaml"],
    "stableavatar": ["deepspeed_config/wan2.1/wan_civitai.yaml"],
    "causvid": ["configs/wan_causal_dmd.yaml"],
    "self-forcing": ["configs/self_forcing_dmd.yaml"],
    "rolling-forcing": ["configs/rolling_forcing_dmd.yaml"],
    "causal-forcing": ["configs/causal_forcing_dmd_chunkwise.yaml"],
    "avatarforcing": ["configs/avatarforcing.yaml"],
}
"""What the programs read in their repositories, at the commits of the cards."""


@functools.cache
def command_of(name: str) -> CommandSpec:
    """The section `command` of a shipped card."""
    spec = load_model(name).command
    assert spec is not None
    return spec


def install(names: tuple[str, ...], folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Everything that the systems need: environments over stand-in repositories, weights, a GPU, accepted terms."""
    patch.setenv("LIVEACT_EVAL_ENVIRONMENTS", str(folder / "environments"))
    patch.setenv("LIVEACT_EVAL_WEIGHTS", str(folder / "weights"))
    patch.setenv(ACCEPTED_VARIABLE, ",".join(names))
    patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    show_gpu(folder / "bin", 96, patch)
    for name in names:
        _write_environment(name, _make_repository(folder / "repositories" / name, name))
        _make_weights(folder / "weights", command_of(name))


def show_gpu(folder: Path, memory_gib: int, patch: pytest.MonkeyPatch) -> None:
    """Let nvidia-smi tell of one GPU."""
    folder.mkdir(parents=True)
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '0, GPU-stand-in, {1024 * memory_gib}'\n", encoding="utf-8")
    program.chmod(0o755)
    patch.setenv("PATH", str(folder), prepend=":")
    # It is asked once per process: here once per test.
    patch.setattr(devices, "_listing", functools.cache(devices._listing.__wrapped__))


def _make_repository(folder: Path, name: str) -> Path:
    official = OFFICIAL[name]
    script = folder / official["script"]
    script.parent.mkdir(parents=True)
    shutil.copy(HERE / "stand_in" / "stand_in_baseline.py", script)
    for path in (VIDEO, *(HERE / "stand_in" / f"stand_in_{part}.py" for part in ("options", "systems"))):
        shutil.copy(path, folder)
    (folder / "system.json").write_text(json.dumps({"name": name} | official), encoding="utf-8")
    _touch(folder, _FILES.get(name, []))
    if "torch.distributed.run" in command_of(name).arguments:
        _touch(folder, ["torch/__init__.py", "torch/distributed/__init__.py"])
        shutil.copy(HERE / "stand_in" / "stand_in_torchrun.py", folder / "torch" / "distributed" / "run.py")
    return folder


def _make_weights(root: Path, spec: CommandSpec) -> None:
    for weights in spec.weights.values():
        place = root / (weights.hub or weights.folder or "")
        _touch(place, [file.replace("*", "00001") for file in weights.files])


def _touch(folder: Path, files: list[str]) -> None:
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _write_environment(name: str, repository: Path) -> None:
    """The record of a finished build whose interpreter is this one and whose checkout is the stand-in."""
    card = load_environment(name)
    folder = folder_of(card.name)
    folder.mkdir(parents=True)
    record = Record(
        name=card.name,
        build="build",
        made_by="existing",
        python=sys.executable,
        python_version="3.11.0",
        repository=str(repository),
        commit=card.environment.commit,
        own_repository=True,
        card=card_hash(card.environment),
        packages=(),
        built="2026-01-01T00:00:00+00:00",
        seconds=0.0,
    )
    write_record(folder, record)

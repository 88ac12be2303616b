"""What a kit has come to, as it goes into the package: weight files, and a card that says where they come from.

<target>/liveact-mini/{vae,speech,dit,text,image}.safetensors
<target>/mini-metrics/{syncnet,frame,clip}.safetensors
<target>/card.json        the facts below
<target>/README.md        the same for people
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from liveact_eval.errors import UserError
from liveact_eval.files import atomic_path, sha256_of, write_text
from liveact_eval.results.provenance import gather
from liveact_eval.training.kit import Kit
from liveact_eval.training.pace import SPEED
from liveact_eval.training.recipe import Recipe, load_recipe, shipped_recipes

GROUPS: Mapping[str, tuple[str, ...]] = {
    "liveact-mini": ("vae", "speech", "dit", "text", "image"),
    "mini-metrics": ("syncnet", "frame", "clip"),
}
"""Roles by the folder that their files go to."""
LARGEST_BYTES = 16_000_000
"""All files together: they travel with every installation."""
_BREAK_S = 600.0
"""A longer silence between two lines of a log is a pause."""
_NO_LOSS = {"step", "kind", "time_s", *SPEED}
"""What stands beside the losses in a line of a log."""


@dataclass(frozen=True, kw_only=True)
class StageFacts:
    """How a stage went."""

    recipe: str
    """Its name."""
    steps: int
    """Updates."""
    batch: int
    """Samples of an update."""
    devices: tuple[str, ...]
    """Where it was computed, one after the other."""
    minutes: float
    """Time from the first line of its log to the last, pauses left out; without what came before the first."""
    last: Mapping[str, float]
    """Last training losses."""
    validation: Mapping[str, float]
    """How good it was on test speakers at the end."""


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """A weight file."""

    role: str
    """What it is."""
    file: str
    """Path below the target."""
    recipe: str
    """Stage that made it."""
    bytes: int
    """Size."""
    sha256: str
    """Hash."""


def pack(kit: Kit, target: Path) -> list[FileFacts]:
    """Copy what a kit has made, and write its card.

    Args:
        kit: with all stages trained to their ends.
        target: folder to fill.

    Raises:
        UserError: a file is missing or too large, no stage has made it, or a stage ran another recipe than the one
            that comes with this version under its name.
    """
    stages = _stages(kit)
    makers = {sha256: name for name, told in stages.items() for sha256 in told["made"]}
    files = []
    for group, roles in GROUPS.items():
        for role in roles:
            path = kit.file(role)
            sha256 = sha256_of(path)
            if sha256 not in makers:
                raise UserError(
                    f"No stage in {kit.root} has made {path.name} as it is. Train its stage again."
                )
            files.append(
                FileFacts(
                    role=role,
                    file=f"{group}/{role}.safetensors",
                    recipe=makers[sha256],
                    bytes=path.stat().st_size,
                    sha256=sha256,
                )
            )
    total = sum(file.bytes for file in files)
    if total > LARGEST_BYTES:
        raise UserError(f"The files hold {total} bytes together; expected {LARGEST_BYTES} at most.")
    for file in files:
        out = target / file.file
        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(out) as temporary:
            shutil.copyfile(kit.file(file.role), temporary)
    facts = [told["facts"] for told in stages.values()]
    machine = _machine()
    card = {
        "files": [asdict(file) for file in files],
        "stages": [asdict(stage) for stage in facts],
        "packed_on": machine,
    }
    write_text(target / "card.json", json.dumps(card, indent=2) + "\n")
    write_text(target / "README.md", _readme(files, facts, machine))
    return files


def _stages(kit: Kit) -> dict[str, dict[str, Any]]:
    """What is known about each finished stage, in the order in which they ended."""
    found = {}
    for result in sorted(kit.root.glob("*/result.json"), key=lambda path: path.stat().st_mtime):
        about = json.loads(result.read_text(encoding="utf-8"))
        name = about["recipe"]["name"]
        # What an older description does not say counts as its default.
        if name not in shipped_recipes() or Recipe.model_validate(about["recipe"]) != load_recipe(name):
            raise UserError(
                f"{result} was made by another recipe than the {name!r} of this version: a card could not tell how "
                "to make it again. Train the stage again."
            )
        lines = [json.loads(line) for line in (result.parent / "log.jsonl").read_text("utf-8").splitlines()]
        training = [line for line in lines if line["kind"] == "train"]
        times = [line["time_s"] for line in lines]
        spent = sum(after - before for before, after in pairwise(times) if after - before < _BREAK_S)
        last = {key: value for key, value in training[-1].items() if key not in _NO_LOSS}
        found[name] = {
            "made": [file["sha256"] for file in about["files"].values()],
            "facts": StageFacts(
                recipe=name,
                steps=about["recipe"]["steps"],
                batch=about["recipe"]["batch"],
                devices=_devices(lines),
                minutes=spent / 60,
                last=last,
                validation=about["validation"],
            ),
        }
    return found


def _devices(lines: list[dict[str, Any]]) -> tuple[str, ...]:
    """Where a stage was computed, by its log."""
    found = dict.fromkeys(str(line["device"]) for line in lines if line["kind"] == "start")
    # Versions whose logs do not say so computed on the CPU alone.
    return tuple(found) or ("cpu",)


def _machine() -> dict[str, Any]:
    """Commit, versions and machine; nothing that names a folder of it."""
    here = gather()
    return {
        "commit": (here["revision"] or {}).get("commit"),
        "liveact_eval": here["liveact_eval"],
        "python": here["python"],
        "torch": here["packages"]["torch"],
        **here["machine"],
    }


def _readme(files: list[FileFacts], stages: list[StageFacts], machine: Mapping[str, Any]) -> str:
    """The card for people."""
    listed = "\n".join(
        f"| `{file.file}` | `{file.recipe}` | {file.bytes:,} | `{file.sha256}` |" for file in files
    )
    told = "\n".join(
        f"| `{stage.recipe}` | {stage.steps:,} × {stage.batch} | {', '.join(stage.devices)} | {stage.minutes:.0f} | "
        f"{_short(stage.last, 4)} | "
        f"{_short(stage.validation, 6)} |"
        for stage in stages
    )
    commands = "\n".join(f"    liveact-eval train {stage.recipe} --kit runs/mini" for stage in stages)
    where = f"{machine['cpu']}, {machine['cores']} cores, PyTorch {machine['torch']}"
    return f"""# Weights of the mini tier

Made by `liveact-eval train`, packed by `liveact-eval train --pack`; the same facts are in `card.json`.

**What.** `liveact-mini/`: a small LiveAct (same classes as the 18.9 B model, configuration `liveact-mini`) for heads of
64x64 pixels. `mini-metrics/`: the networks that judge it: SyncNet, frame network, clip network.
**Data.** [Talkers](../../docs/talkers.md): drawn heads with synthetic speech, split `train`; no picture or voice of a
person. Nothing was taken from other models. Validation is on speakers of the split `test`, who are never trained on.
**Use.** The embedded default of `liveact-eval run`, tests, ablations. It draws talkers and nothing else; its numbers,
and those of the networks that judge it, compare with each other only.
**Licence.** Apache-2.0, as the code. Half precision, safetensors.
**Where.** {where}; commit `{machine["commit"] or "unknown"}` when packed.

| file | made by | bytes | SHA-256 |
|---|---|---:|---|
{listed}

| stage | updates × samples | device | minutes | last training losses | validation |
|---|---:|---|---:|---|---|
{told}

Minutes are those between the first and the last line of a stage's log, with other work on the machine. All of it from
nothing:

{commands}
    liveact-eval train --pack runs/mini/packed --kit runs/mini
"""


def _short(values: Mapping[str, float], most: int) -> str:
    kept = [f"{name} {value:.4g}" for name, value in list(values.items())[:most]]
    return ", ".join(kept) or "–"

"""The words with which a program is started, and the variables that it finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from liveact_eval.cards.command import CommandSpec
from liveact_eval.cards.placeholders import Value, fill
from liveact_eval.generators.command.installed import Installed, weight_folder

Values = Mapping[str, Value]
SEEDED = Path(__file__).with_name("seeded.py")
"""A script that seeds Python's own generator before it runs another one: `{seeded} {seed} script.py ...`."""


def shared_values(
    spec: CommandSpec, installed: Installed, *, work: Path, inputs: Path, output: Path, seed: int, clips: int
) -> dict[str, Value]:
    """What the placeholders of a process stand for."""
    values: dict[str, Value] = {
        "python": str(installed.python),
        "seeded": str(SEEDED),
        "repo": str(installed.repository or ""),
        "work": str(work),
        "inputs": str(inputs),
        "output": str(output),
        "seed": seed % spec.seed_limit,
        "fps": int(spec.length.fps) if spec.length.fps.is_integer() else spec.length.fps,
        "gpus": max(1, spec.gpu.count),
        "clips": clips,
    }
    if len(spec.picture.sizes) == 1:
        values |= {"width": spec.picture.sizes[0][0], "height": spec.picture.sizes[0][1]}
    return values | {f"weights.{name}": str(weight_folder(weights)) for name, weights in spec.weights.items()}


def command_words(spec: CommandSpec, values: Values) -> list[str]:
    """Program and arguments, one word each: no shell ever sees them."""
    return [fill(template, values) for template in (spec.program, *spec.arguments)]


def command_variables(
    spec: CommandSpec, installed: Installed, values: Values, *, devices: tuple[str, ...]
) -> dict[str, str]:
    """All environment variables of the process.

    Args:
        spec: the card's own variables.
        installed: where the caller's variables without traces of its interpreter come from.
        values: placeholders.
        devices: GPUs that it may see; it sees none where it needs none.
    """
    own = {name: fill(template, values) for name, template in spec.variables.items()}
    fixed = {
        "CUDA_VISIBLE_DEVICES": ",".join(devices),
        # Indices as nvidia-smi counts them.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        # Lines appear in the log when they are printed: a hang can be told from work.
        "PYTHONUNBUFFERED": "1",
    }
    return installed.variables | fixed | own

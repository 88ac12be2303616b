"""What weight files and the folders around them say about the training that made them."""

from __future__ import annotations

import json
from pathlib import Path

from liveact_eval.errors import UserError
from liveact_eval.metrics.base import Missing


def recipe_in(path: Path) -> str:
    """The recipe that a weight file names in its header; empty where it names none.

    Raises:
        UserError: there is no such file, or it is no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise UserError(
            f"No weight file at {str(path)!r}. Expected a kit, or a folder of weight files, such as liveact-eval train "
            "makes with --kit"
        )
    try:
        with safe_open(path, framework="np") as opened:
            return str((opened.metadata() or {}).get("recipe", ""))
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{path}: no safetensors file that can be read: {error}. Train or copy it anew."
        ) from error


def training_of(weights: Path) -> float | Missing:
    """Updates of the recipe that trained the transformer in a folder, by the kit that the folder belongs to."""
    try:
        recipe = recipe_in(weights / "dit.safetensors")
    except UserError as error:
        return Missing("no_weights", str(error))
    result = weights.parent / recipe / "result.json"
    if not recipe or not result.is_file():
        return Missing("not_recorded", f"there is no {str(result)!r} that says how the weights were trained")
    try:
        return float(json.loads(result.read_text(encoding="utf-8"))["recipe"]["steps"])
    except (ValueError, KeyError, TypeError) as error:
        return Missing("not_recorded", f"{result}: does not say how many steps: {error!r}")

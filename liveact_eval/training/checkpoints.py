"""Checkpoints: everything that a killed run needs to go on as if nothing had happened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from liveact_eval.errors import UserError
from liveact_eval.files import atomic_path

_KEPT = 2


def save_checkpoint(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write the state after `step` updates, whole or not at all, and drop all but the latest two."""
    path = folder / f"step-{step:08d}.pt"
    with atomic_path(path) as temporary:
        torch.save({"step": step, **state}, temporary)
    for old in _checkpoints(folder)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return path


def latest_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The state with the most updates; `None` where there is none.

    Raises:
        UserError: the file is damaged.
    """
    found = _checkpoints(folder)
    if not found:
        return None
    try:
        state: dict[str, Any] = torch.load(found[-1], map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"{found[-1]}: not a checkpoint that can be read: {error}. Delete it to go on from the one before."
        ) from error
    return state


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*.pt") if re.fullmatch(r"step-\d{8}\.pt", path.name))

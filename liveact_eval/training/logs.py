"""What training says: one JSON object per line, and TensorBoard's own files where it is installed."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Mapping
from pathlib import Path


def has_board() -> bool:
    """Whether TensorBoard is installed."""
    return importlib.util.find_spec("tensorboard") is not None


class TrainingLog:
    """Appends to `log.jsonl` of a folder, and to `tensorboard/` beside it.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "log.jsonl"
        self._board = None
        if has_board():
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"))

    def note(self, step: int, kind: str, facts: Mapping[str, str | int | float]) -> None:
        """Facts after `step` updates that are no curve, such as where a run goes on."""
        line = {"step": step, "kind": kind, "time_s": round(time.time(), 3), **facts}
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def write(self, step: int, kind: str, values: Mapping[str, float]) -> None:
        """Numbers after `step` updates; `kind` is `train` or `validation`."""
        self.note(step, kind, values)
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)
            self._board.flush()

"""What training says: one JSON object per line, and TensorBoard's own files where it is installed."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Mapping
from pathlib import Path


class TrainingLog:
    """Appends to `log.jsonl` of a folder, and to `tensorboard/` beside it.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "log.jsonl"
        self._board = None
        if importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"))

    @property
    def has_board(self) -> bool:
        """Whether TensorBoard is installed."""
        return self._board is not None

    def write(self, step: int, kind: str, values: Mapping[str, float]) -> None:
        """Numbers after `step` updates; `kind` is `train` or `validation`."""
        line = {"step": step, "kind": kind, "time_s": round(time.time(), 3), **values}
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)
            self._board.flush()

"""Finished units of an ablation: one JSON object per line, on the disk before the next unit begins."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from liveact_eval.ablations.study import Curve, Reading
from liveact_eval.errors import UserError
from liveact_eval.files import full_disk, is_full
from liveact_eval.metrics.base import Missing

FORMAT = 1


class UnitJournal:
    """Appends units to a file, and finds those that are there.

    Args:
        path: the file; it need not exist.

    Raises:
        UserError: the file is of a newer version, or damaged other than at its end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._whole = 0
        """Bytes up to the end of the last line that is whole."""
        self.units: dict[str, dict[str, Any]] = {}
        """Lines by key; of two with the same key the later one counts."""
        if path.is_file():
            self._load()

    def reading(self, key: str) -> Reading | None:
        """What a unit gave; `None` where it is not there or failed."""
        line = self.units.get(key)
        return None if line is None or line["failed"] is not None else _reading(line)

    def failure(self, key: str) -> tuple[str, str] | None:
        """Reason and message of a unit that failed."""
        line = self.units.get(key)
        return None if line is None or line["failed"] is None else (line["failed"][0], line["failed"][1])

    def record(self, key: str, names: Mapping[str, str | int], seconds: float, reading: Reading) -> None:
        """Keep what a unit gave.

        Args:
            key: of the unit.
            names: variant, clip, speaker and seed, for readers of the file.
            seconds: wall time that it took.
            reading: the numbers.

        Raises:
            BrokenEnvironmentError: the disk is full.
        """
        values = {
            name: {"reason": value.reason, "detail": value.detail} if isinstance(value, Missing) else value
            for name, value in reading.values.items()
        }
        curves = {name: {"x": list(c.x), "y": list(c.y)} for name, c in reading.curves.items()}
        self._append(
            {"key": key, **names, "seconds": round(seconds, 3), "failed": None}
            | {"values": values, "curves": curves}
        )

    def record_failure(
        self, key: str, names: Mapping[str, str | int], seconds: float, reason: str, message: str
    ) -> None:
        """Keep why a unit has no reading; the next command tries it again."""
        self._append({"key": key, **names, "seconds": round(seconds, 3), "failed": [reason, message]})

    def _append(self, line: dict[str, Any]) -> None:
        line = {"format": FORMAT, **line}
        try:
            with self._path.open("ab") as stream:
                # What a killed process wrote half of is cut off, or the next line would hang on it.
                stream.truncate(self._whole)
                stream.write((json.dumps(line, allow_nan=False) + "\n").encode())
                stream.flush()
                os.fsync(stream.fileno())
                self._whole = stream.tell()
        except OSError as error:
            if is_full(error):
                raise full_disk(self._path) from error
            raise
        self.units[str(line["key"])] = line

    def _load(self) -> None:
        content = self._path.read_bytes()
        self._whole = content.rfind(b"\n") + 1
        for number, text in enumerate(content[: self._whole].splitlines(), 1):
            try:
                line = json.loads(text)
                version = int(line["format"])
                key = str(line["key"])
                _ = line["failed"]
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"{self._path}, line {number}: no unit of an ablation. Move the folder away, or delete this line."
                ) from error
            if version > FORMAT:
                raise UserError(
                    f"{self._path}: written by a newer liveact-eval. Upgrade with: pip install -U liveact-eval"
                )
            self.units[key] = line


def _reading(line: Mapping[str, Any]) -> Reading:
    values: dict[str, float | Missing] = {
        name: Missing(value["reason"], value["detail"]) if isinstance(value, dict) else float(value)
        for name, value in line["values"].items()
    }
    curves = {name: Curve(x=curve["x"], y=curve["y"]) for name, curve in line["curves"].items()}
    return Reading(values=values, curves=curves)

"""A finished run, opened for reading: its numbers, its protocol, and what its clips contribute to sets."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from liveact_eval.cards.protocol import Protocol
from liveact_eval.errors import UserError
from liveact_eval.generators.settings import Setting, Settings
from liveact_eval.results.folder import RUN_VERSION, Layout
from liveact_eval.results.schema import ClipValue, MetricRecord, ResultRow, Results, read_results

_MAKE = "Make a run with liveact-eval run or score, or correct the path."


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run and where it lies."""

    label: str
    """How messages and tables name it: the path as it was given."""
    results: Results
    protocol: Protocol | None
    """The protocol's fields; `None` where there is only a `results.json` without the `run.json` beside it."""
    content: Mapping[str, str] | None
    """Content hash of each clip; `None` like `protocol`."""
    workers: int | None = None
    """Processes that were asked for; `None`: as many as the machine has cores, or not known."""
    journal: Path | None = None
    """The journal, where there is one."""
    settings: Mapping[str, Settings] | None = None
    """What ran, by model, where `run.json` says so."""

    @cached_property
    def cells(self) -> Mapping[tuple[str, str], Mapping[str, ClipValue]]:
        """What is known of each clip, by (model, output) and clip id."""
        found: dict[tuple[str, str], dict[str, ClipValue]] = defaultdict(dict)
        for item in self.results.clip_values:
            found[item.model, item.metric][item.clip] = item
        return found

    @cached_property
    def speakers(self) -> Mapping[str, str]:
        """Speaker of each clip."""
        return {item.clip: item.speaker for item in self.results.clip_values}

    @cached_property
    def metrics(self) -> Mapping[str, MetricRecord]:
        """Outputs by name."""
        return {metric.name: metric for metric in self.results.metrics}

    @cached_property
    def rows(self) -> Mapping[tuple[str, str], ResultRow]:
        """Numbers by (model, output)."""
        return {(row.model, row.metric): row for row in self.results.rows}

    def set_parts(self, model: str, metric: MetricRecord) -> dict[str, NDArray[np.float64]]:
        """What each clip of a model contributes to a set metric, by clip id, as the journal has it.

        A journal may hold parts of earlier configurations too; the latest of a clip is taken, so whoever uses them
        checks that they give the value of the run. Empty where there is no journal.
        """
        if self.journal is None:
            return {}
        query = (
            "SELECT units.clip, parts.data FROM parts JOIN units ON units.key = parts.unit WHERE units.model = ? "
            "AND units.stage = ? AND units.state = 'done' AND parts.name = ? ORDER BY units.rowid"
        )
        stage = f"measure:{metric.giver or metric.name}"
        rows = _query(self.journal, query, model, stage, metric.name)
        return {clip: np.frombuffer(data, dtype="<f8") for clip, data in rows}

    def generation_seconds(self, model: str) -> dict[str, float]:
        """Wall time in seconds that the video of each clip took when it was made; empty without a journal."""
        if self.journal is None:
            return {}
        query = (
            "SELECT clip, payload FROM units WHERE model = ? AND stage = 'generate' AND state = 'done' "
            "ORDER BY rowid"
        )
        rows = _query(self.journal, query, model)
        return {clip: float(json.loads(payload)["seconds"]) for clip, payload in rows}


def open_run(path: Path) -> Run:
    """The run in a folder, or of a `results.json` alone.

    Raises:
        UserError: no run, a damaged or newer one, or one whose files do not belong together.
    """
    is_folder = path.is_dir()
    layout = Layout(path if is_folder else path.parent)
    if not is_folder and not path.is_file():
        raise UserError(f"No run at {str(path)!r}: expected a run folder or a results.json. {_MAKE}")
    results = read_results(layout.results if is_folder else path)
    if not is_folder and path.name != layout.results.name:
        # Other files in that folder may be of another run.
        return Run(label=str(path), results=results, protocol=None, content=None)
    description = _description(layout.run)
    if description is None:
        return Run(label=str(path), results=results, protocol=None, content=None)
    found = description.get("protocol_id")
    if found != results.protocol:
        raise UserError(
            f"{layout.run} is of protocol {found}, {layout.results.name} beside it of {results.protocol}: the run was "
            "changed and not finished. Run its command again."
        )
    try:
        protocol = Protocol.model_validate(description["protocol"])
        here = [clip for clip in description["clips"] if clip.get("absent") is None]
        content = {str(clip["id"]): str(clip["content_hash"]) for clip in here}
    except (KeyError, TypeError, ValidationError) as error:
        raise UserError(f"{layout.run}: damaged. Run the command of that run again.") from error
    config = description.get("config")
    workers = config.get("workers") if isinstance(config, dict) else None
    return Run(
        label=str(path),
        results=results,
        protocol=protocol,
        content=content,
        workers=workers if isinstance(workers, int) else None,
        journal=layout.journal if layout.journal.is_file() else None,
        settings=_settings(description),
    )


def _settings(description: Mapping[str, Any]) -> dict[str, Settings]:
    """What ran, by model; runs of earlier versions do not say."""
    models = description.get("models")
    listed = models if isinstance(models, list) else []
    return {
        str(model["name"]): {
            str(name): value for name, value in model["settings"].items() if isinstance(value, Setting)
        }
        for model in listed
        if isinstance(model, dict) and "name" in model and isinstance(model.get("settings"), dict)
    }


def _description(path: Path) -> dict[str, Any] | None:
    """The content of `run.json`; `None` where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: damaged. Run the command of that run again.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: damaged. Run the command of that run again.")
    version = content.get("run_version")
    if isinstance(version, int) and version > RUN_VERSION:
        raise UserError(f"{path}: written by a newer liveact-eval. Upgrade with: pip install -U liveact-eval")
    return content


def _query(journal: Path, query: str, *values: str) -> list[tuple[str, bytes]]:
    """Rows of a journal that is only read: nothing is created beside it, and a run that is under way goes on."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(journal.resolve()))}?mode=ro", uri=True)
        ) as db:
            return db.execute(query, values).fetchall()
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{journal}: the run journal cannot be read ({error}). Move it away to compare without set metrics."
        ) from error

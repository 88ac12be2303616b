"""One typed configuration for a run: from a file, from flags, from `--set a.b=c`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

from liveact_eval.cards.load import parse_typed, read_yaml
from liveact_eval.clips.sanity import SanityLimits
from liveact_eval.datasets.open import ProtocolChanges
from liveact_eval.errors import UserError
from liveact_eval.measure.intervals import StatisticsConfig
from liveact_eval.networks.precision import Precision
from liveact_eval.networks.provider import Networks
from liveact_eval.trackers.named import Tracker

DEFAULT_MODELS = ("liveact-mini", "still", "shift", "blur", "freeze")


class ScoreSource(BaseModel):
    """Videos made elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    videos: Path
    """Folder of videos, or one video."""
    reference: str | None = None
    """Dataset or folder that holds the real clips under the same names."""
    audio: Path | None = None
    """Folder of driving sounds under the same names."""
    name: str | None = None
    """Name of the row; default: that of the folder."""


class NetworksConfig(BaseModel):
    """Where the networks of metrics come from, and where they run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["files", "seeded"] = "files"
    """`files`: published weights, as `metrics fetch` has put them; `seeded`: numbers from a rule, which try every
    metric without a download and mean nothing as scores."""
    root: Path | None = None
    """Folder of weight files; default: where `metrics fetch` puts them."""
    device: str = "cpu"
    """cpu, cuda or cuda:N."""
    precision: Precision = "float32"
    """`bfloat16`: about twice as fast where the device has instructions for it. Recipes say so, and values of the two
    never share a column. Networks that would suffer stay in float32."""
    answerer: tuple[str, ...] = ()
    """Command of the program that answers questions about videos, word by word; see docs/human-fidelity.md."""
    answer_seconds: float = Field(default=600.0, gt=0)
    """How long that program may take for a video, in seconds."""

    def provider(self) -> Networks:
        """What gives metrics their networks."""
        return Networks(
            mode=self.mode,
            root=self.root,
            device=self.device,
            answers_by=self.answerer,
            answer_seconds=self.answer_seconds,
            precision=self.precision,
        )


class RunConfig(BaseModel):
    """Everything that decides what a run does. The same fields in a YAML file given with --config."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: tuple[str, ...] = DEFAULT_MODELS
    """Names or paths of model cards. The row `real` is always added where real clips exist."""
    dataset: str = "talkers"
    """Name of a dataset, path of a card, or path of a folder of videos."""
    metrics: tuple[str, ...] = ("all-offline",)
    """Names of metrics, paths of Python files with one, or `all-offline`: all that need no download."""
    limit: int | None = Field(default=None, ge=1)
    """Use the first so many clips only."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of everything that generators draw."""
    out: Path | None = None
    """Run folder; default `runs/<dataset>`."""
    max_failures: int | float | None = None
    """Stop when more clips than this have failed: a count, or a share between 0 and 1. Default: never."""
    workers: int | None = Field(default=None, ge=1, le=256)
    """Processes; default: one per core, at most 8. The numbers do not depend on it."""
    protocol: ProtocolChanges = ProtocolChanges()
    """Fields of the dataset's protocol to change."""
    sanity: SanityLimits = SanityLimits()
    """Which findings reject a clip."""
    statistics: StatisticsConfig = StatisticsConfig()
    """How intervals are made."""
    networks: NetworksConfig = NetworksConfig()
    """Where the networks of metrics come from."""
    log_to: tuple[Tracker, ...] = ()
    """Trackers that get the finished run: `tensorboard`, `wandb`, `mlflow`."""
    score: ScoreSource | None = None
    """For `score`: videos made elsewhere instead of models."""

    @field_validator("max_failures")
    @classmethod
    def _count_or_share(cls, value: float | None) -> float | None:
        if value is not None and not (value >= 0 and (value <= 1 or value % 1 == 0)):
            raise ValueError("expected a count (0, 1, 2, ...) or a share between 0 and 1")
        return value

    @field_validator("models", "metrics", "log_to", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """`a,b` and `[a, b]` mean the same."""
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)):
            return value
        return tuple(part.strip() for name in names for part in str(name).split(",") if part.strip())

    def failure_limit(self, units: int) -> int | None:
        """The largest number of failures that is tolerated, out of so many (clip, model) pairs."""
        if self.max_failures is None:
            return None
        is_share = isinstance(self.max_failures, float) and self.max_failures <= 1
        # A share that is a whole number of pairs may come out a hair below it: 0.29 of 100.
        return int(self.max_failures * units + 1e-9) if is_share else int(self.max_failures)


def build_config(file: Path | None, assignments: Sequence[str], flags: Mapping[str, Any]) -> RunConfig:
    """The configuration of a command: the file, over it the flags that were given, over them `--set`.

    Raises:
        UserError: unknown field (the nearest is named) or a value that does not fit.
    """
    content: dict[str, Any] = dict(read_yaml(file)) if file is not None else {}
    for name, value in flags.items():
        if isinstance(value, Mapping) and isinstance(content.get(name), dict):
            content[name] = content[name] | dict(value)
        elif value is not None and value != []:
            content[name] = value
    for text in assignments:
        _assign(content, text)
    return parse_typed(content, RunConfig, where=str(file) if file is not None else "options")


def _assign(content: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise UserError(f"--set {text!r}: expected KEY=VALUE, as in --set statistics.resamples=5000")
    if path[0] not in RunConfig.model_fields:
        near = difflib.get_close_matches(path[0], RunConfig.model_fields, n=1, cutoff=0.5)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        raise UserError(
            f"--set {text!r}: unknown field {path[0]!r}.{guess} Known: {', '.join(RunConfig.model_fields)}."
        )
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise UserError(f"--set {text!r}: the value is not valid YAML: {error}") from error
    target = content
    for part in path[:-1]:
        inner = target.setdefault(part, {})
        if not isinstance(inner, dict):
            raise UserError(f"--set {text!r}: {part!r} is a value, not a section")
        target = inner
    target[path[-1]] = parsed

"""What metrics cost on a CPU: measured figures in `costs.yaml`, written by `bench/metric_costs.py`."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from liveact_eval.errors import UserError

COSTS = Path(__file__).with_name("costs.yaml")


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cost(_Entry):
    """What one metric costs, measured alone, without opening and decoding the video."""

    cpu_s_per_min: float = Field(ge=0)
    """CPU seconds of one core for a minute of video."""
    gflop_per_frame: float = Field(ge=0)
    """Billions of floating-point operations of its networks per frame of video; 0 where it runs none."""


class Costs(_Entry):
    """All figures, and what they hold for."""

    machine: str
    """Processor, and how many cores this project's machine has of it; one of them is used."""
    measured: str
    """Date, YYYY-MM-DD."""
    software: str
    """Versions of what computes."""
    video: str
    """Size, frame rate and kind of the video."""
    metrics: dict[str, Cost]
    """By metric name; a metric without a figure has not been measured."""


@functools.cache
def costs(path: Path = COSTS) -> Costs:
    """The figures of this package.

    Raises:
        UserError: the file is not there or damaged.
    """
    try:
        return Costs.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise UserError(f"{str(path)!r} is no table of costs: {error}. Reinstall liveact-eval") from error


def cost_of(metric: str) -> Cost | None:
    """What a metric costs; `None`: nobody has measured it."""
    return costs().metrics.get(metric)

"""Which way each output must move under which distortion, and which pairs must not move."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from liveact_eval.cards.load import parse_typed
from liveact_eval.selftest.ladders import ladders

EXPECTATIONS = Path(__file__).with_name("expectations.yaml")


@dataclass(frozen=True)
class Expectation:
    """What must happen to one output under one distortion."""

    way: Literal["up", "down", "still"]
    """Which way it must move, or that it must not."""
    within: float | None = None
    """For `still`: how far it may be from level 0, in the output's unit."""


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    outputs: tuple[str, ...]
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    still: Mapping[str, float] = {}


@functools.lru_cache(maxsize=1)
def expectations() -> dict[tuple[str, str], Expectation]:
    """All expectations by output and distortion.

    Raises:
        UserError: the table is damaged.
        ValueError: it names a distortion that does not exist, or a pair twice.
    """
    groups = yaml.safe_load(EXPECTATIONS.read_text(encoding="utf-8"))
    found: dict[tuple[str, str], Expectation] = {}
    for number, content in enumerate(groups):
        group = parse_typed(content, _Group, where=f"{EXPECTATIONS.name}, entry {number}")
        ways: list[tuple[str, Expectation]] = [(name, Expectation("up")) for name in group.up]
        ways += [(name, Expectation("down")) for name in group.down]
        ways += [(name, Expectation("still", within)) for name, within in group.still.items()]
        for output in group.outputs:
            for name, expected in ways:
                if name not in ladders() or (output, name) in found:
                    raise ValueError(
                        f"{EXPECTATIONS.name}: {output!r} under {name!r} is unknown or there twice"
                    )
                found[output, name] = expected
    return found

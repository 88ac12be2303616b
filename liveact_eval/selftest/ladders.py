"""The ladders: which distortions there are, and their strengths by level."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from liveact_eval.cards.load import parse_typed, read_yaml
from liveact_eval.errors import UserError, unknown_name

LADDERS = Path(__file__).with_name("ladders.yaml")
LEVELS = (4, 9)
"""Fewest and most levels above 0: with fewer nothing could be said about a curve."""


class Ladder(BaseModel):
    """One distortion at graded strengths."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Name on the command line."""
    title: str
    """Heading in tables."""
    unit: str
    """Unit of its strength."""
    says: str
    """What is done to the clip."""
    weakest: float
    """Strength of level 1."""
    strongest: float
    """Strength of the last level; the smaller number where less is stronger (JPEG quality)."""
    scale: Literal["log", "linear"] = "log"
    """How strengths lie between the two."""
    whole: bool = False
    """Whether strengths are whole numbers."""

    def strengths(self, levels: int) -> list[float]:
        """Strengths of the levels 1 to `levels`, the weakest first; no two are equal."""
        found: list[float] = []
        for n in range(levels):
            part = n / (levels - 1)
            if self.scale == "log":
                value = self.weakest * (self.strongest / self.weakest) ** part
            else:
                value = self.weakest + (self.strongest - self.weakest) * part
            value = float(f"{value:.3g}")
            if self.whole:
                value = float(round(value))
                if found and self.strongest > self.weakest:
                    value = max(value, found[-1] + 1)
            found.append(value)
        return found


@functools.lru_cache(maxsize=1)
def ladders() -> dict[str, Ladder]:
    """All distortions by name, in the order of tables."""
    content = read_yaml(LADDERS)
    where = f"{LADDERS.name}: "
    return {
        name: parse_typed({"name": name, **fields}, Ladder, where=where + name)
        for name, fields in content.items()
    }


def chosen(names: Sequence[str]) -> list[Ladder]:
    """The ladders of these names, in the order of tables; all where none is named.

    Raises:
        UserError: no distortion has that name; the nearest is named.
    """
    known = ladders()
    for name in names:
        if name not in known:
            raise unknown_name("distortion", name, known)
    return [ladder for name, ladder in known.items() if not names or name in names]


def check_levels(levels: int) -> int:
    """The number of levels, if a curve can be drawn from it.

    Raises:
        UserError: too few or too many.
    """
    low, high = LEVELS
    if not low <= levels <= high:
        raise UserError(f"--levels is {levels}; expected {low} to {high}. Leave it out for 5.")
    return levels

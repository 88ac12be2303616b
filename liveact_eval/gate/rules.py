"""Minimum deltas: how large a change must be, beside being certain, to fail a build."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from liveact_eval.cards.load import parse_typed
from liveact_eval.errors import UserError

RULES = Path(__file__).with_name("rules.yaml")
Judged = Literal["up", "down", "still"]


class Rule(BaseModel):
    """How outputs are judged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outputs: tuple[str, ...]
    """Names of outputs, as in results.json."""
    least: float | None = Field(default=None, ge=0)
    """Smallest change that counts, in the unit of the output."""
    least_share: float | None = Field(default=None, ge=0)
    """Smallest change that counts, as a share of the baseline's value; with `least` too, the larger of the two."""
    direction: Judged | None = None
    """What is good, in place of the output's own direction; `still`: to stay as it is."""
    missing: float = Field(default=0.0, ge=0, le=1)
    """Share of the baseline's clips that may lack a number."""

    def model_post_init(self, _context: object) -> None:
        """A rule says how much."""
        if self.least is None and self.least_share is None:
            raise ValueError("give `least` or `least_share`")

    def minimum(self, baseline: float) -> float:
        """The smallest change that counts, in the unit of the output."""
        return max(self.least or 0.0, (self.least_share or 0.0) * abs(baseline))


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    rules: tuple[Rule, ...]


Rules = Mapping[str, Rule]
"""By output."""


def load_rules(own: Path | None = None) -> Rules:
    """The shipped rules, and over them those of a file.

    Raises:
        UserError: the file is not there, is no YAML, or holds something else.
    """
    shipped = _shipped()
    return shipped if own is None else {**shipped, **_read(own)}


@functools.cache
def _shipped() -> Rules:
    return _read(RULES)


def _read(path: Path) -> Rules:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"No rules at {str(path)!r}: expected a YAML file. Check the path.") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error}. Mend it; docs/ci.md has an example.") from error
    if not isinstance(content, list):
        raise UserError(
            f"{path}: a list of rules is expected, such as `- outputs: [ssim]` with `least: 0.01` under it; found "
            f"{type(content).__name__}. See docs/ci.md."
        )
    found: dict[str, Rule] = {}
    for rule in parse_typed({"rules": content}, _File, where=str(path)).rules:
        for output in rule.outputs:
            if output in found:
                raise UserError(f"{path}: {output!r} has two rules. Keep one of them.")
            found[output] = rule
    return found

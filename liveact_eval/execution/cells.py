"""One clip's value of one output, as the journal has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Cell:
    """One clip's value of one output: a statistics vector, or why there is none."""

    speaker: str
    value: float | None
    statistics: NDArray[np.float64] | None
    """Additive, or what the clip contributes to a set; of a composite there is none."""
    reason: str | None
    detail: str | None = None
    """The reason for people, where there is more to say."""


Cells = Mapping[str, Cell]
"""By clip id, in the order of the plan."""

"""Fréchet distances of faces: a frame or window counts only where both videos, the generated and the real, show a face.

So both sides hold the same moments of each clip. A clip therefore brings the real side along with its own, and what was
left out is counted:

    part of a clip = [windows left out, length of the next, statistics of its own, statistics of the real video beside]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.sharing import Of
from liveact_eval.metrics._frechet_metric import FrechetMetric
from liveact_eval.metrics._gaussian_collector import GaussianCollector
from liveact_eval.metrics.base import Batch, Missing, Rows

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float64]


class FacePart(NamedTuple):
    """What a clip contributes."""

    lost: int
    """Frames or windows that were left out."""
    own: Floats
    """Row of a `GaussianCollector` over its own faces; empty where none counts."""
    real: Floats
    """The same of the real video beside it."""


class FacePairs:
    """Collects features of both videos, side by side in one row (n, 2 D), NaN where a face is missing.

    Args:
        keep: features to keep as they are of each side; see `GaussianCollector`.
    """

    def __init__(self, keep: int = 0) -> None:
        self._sides = GaussianCollector(keep=keep), GaussianCollector(keep=keep)
        self._seen = self._lost = 0

    def append(self, rows: NDArray[Any]) -> None:
        """Add (n, 2 D) features."""
        counts = np.isfinite(rows).all(axis=1)
        self._seen += len(rows)
        self._lost += int((~counts).sum())
        if counts.any():
            for side, part in zip(self._sides, np.split(rows[counts], 2, axis=1), strict=True):
                side.append(part)

    @property
    def table(self) -> NDArray[Any]:
        """One row, see above; [windows left out] where none is left; (0, 1) where there was none at all."""
        if not self._seen:
            return np.zeros((0, 1))
        own, real = (side.table for side in self._sides)
        lengths = [[len(own[0])], own[0], real[0]] if len(own) else []
        return np.concatenate([[self._lost], *lengths])[None]


def face_part(row: Floats) -> FacePart:
    """A row of `FacePairs` in its parts."""
    if len(row) == 1:
        return FacePart(int(row[0]), row[1:], row[1:])
    length = int(row[1])
    return FacePart(int(row[0]), row[2 : 2 + length], row[2 + length :])


def reduced_part(row: Floats, reduce: Callable[[Floats], Floats]) -> Floats:
    """A row of `FacePairs` with the row of each side reduced to what an output is computed from."""
    part = face_part(row)
    own, real = reduce(part.own), reduce(part.real)
    return np.concatenate([[part.lost, len(own)], own, real])


class FaceSetMetric(FrechetMetric):
    """Put before the metric of whole frames among the bases: it translates parts, the rest is that metric's."""

    def distances(
        self, output: str, real: Sequence[Floats], generated: Sequence[Floats], weights: Floats | None
    ) -> Floats:
        """See `SetMetric.distances`: of generated faces from the real ones of the same moments."""
        parts = [face_part(part) for part in generated]
        beside, own = [part.real for part in parts], [part.own for part in parts]
        return super().distances(output, beside, own, weights)

    def floor(self, output: str, real: Sequence[Floats], speakers: Sequence[str]) -> float | None:
        """See `SetMetric.floor`."""
        return super().floor(output, [face_part(part).own for part in real], speakers)

    def warning(self, output: str, value: float, parts: Sequence[Floats]) -> str | None:
        """See `SetMetric.warning`; what was left out is named first."""
        found = [face_part(part) for part in parts]
        lost = sum(part.lost for part in found)
        without = f"{lost} {self.unit} without a face in one of both videos are left out" if lost else None
        said = [without, super().warning(output, value, [part.own for part in found])]
        return "; ".join(filter(None, said)) or None


def both_sides(batch: Batch, key: str, embed: Callable[[Tensor], Tensor]) -> Tensor:
    """Features of both videos side by side, (N, 2 D), NaN on the side where a face is missing.

    Args:
        batch: windows (N, T, H, W, 3) and, as reference, those of the real video; NaN where a frame has no face.
        key: what the features depend on: the network and how it is fed.
        embed: from windows with a face in every frame to (n, D).

    Raises:
        ValueError: the batch has no reference.
    """
    import torch

    if batch.reference is None:
        raise ValueError("faces are compared with those of the real video; a paired need comes with it")

    def side(windows: Tensor, of: Of) -> Tensor:
        return batch.once(key, lambda: _embedded(windows, embed), of=of)

    return torch.cat([side(batch.windows, "windows"), side(batch.reference, "reference")], dim=1)


def missing_part(rows: Rows, missing: Missing, unit: str) -> Missing | None:
    """Why a clip contributes nothing, if so.

    Args:
        rows: table of `FacePairs`.
        missing: what to say where the video is too short for one window.
        unit: what a feature is taken from: frames, windows.
    """
    if not len(rows):
        return missing
    if rows.shape[1] > 1:
        return None
    return Missing("no_face", f"none of {int(rows[0, 0])} {unit} has a face in both videos")


def _embedded(windows: Tensor, embed: Callable[[Tensor], Tensor]) -> Tensor:
    """(N, D) features; NaN for windows that lack a face, (N, 1) of NaN where all do."""
    import torch

    # A frame without a face is NaN throughout.
    there = ~windows[:, :, 0, 0, 0].isnan().any(dim=1)
    if not bool(there.any()):
        return torch.full((len(windows), 1), torch.nan)
    made = embed(windows[there])
    rows = torch.full((len(windows), made.shape[1]), torch.nan, dtype=made.dtype)
    rows[there] = made
    return rows

"""Colour drift: CIEDE2000 against the first frame, over the whole picture and over the aligned face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._drift import drift_of
from liveact_eval.metrics._drift_outputs import all_missing, step_outputs, step_values
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch


_TOO_SHORT = Missing("too_short", "one frame cannot drift")


def _outputs(prefix: str, title: str) -> tuple[Output, ...]:
    means = tuple(
        Output(
            name=f"{prefix}_{name}",
            title=f"{title} {label}",
            direction="down",
            digits=2,
            best=0.0,
            range=(0.0, None),
        )
        for name, label in (
            ("pixel_total", "pixel"),
            ("pixel_last", "pixel last"),
            ("colour_total", "colour"),
            ("colour_last", "colour last"),
        )
    )
    return (*means, *step_outputs(f"{prefix}_colour", f"{title} colour", digits=2))


class _ColourDrift(Metric):
    """Both reductions in use, over all frames but the first and over the last window; slope and change of colours."""

    source = "CIEDE2000 (Sharma et al. 2005), equal to scikit-image; sRGB, D65, kL = kC = kH = 1"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, 2): mean over pixels of the difference, and difference of the mean colours."""
        from liveact_eval.metrics._ciede2000 import drift_rows

        if batch.anchor is None:
            raise ValueError("a need with an anchor comes with it")
        return drift_rows(batch.windows[:, 0], batch.anchor)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Means over all frames but the reference and over the last window, and both curves."""
        curves = rows["crops"].copy()
        seen = np.isfinite(curves).all(axis=1)
        if seen.sum() < 2:
            lost = len(curves) > 1 and not seen.any()
            why = Missing("no_face", f"no face in any of {len(curves)} frames") if lost else _TOO_SHORT
            return ClipScore(values=all_missing(self.outputs, why))
        curves[seen.argmax()] = np.nan
        curves = curves[1:]
        pixel, colour = (drift_of(curves[:, i], clip.fps, frames=len(curves) + 1) for i in range(2))
        name = self.name
        values = {
            f"{name}_pixel_total": pixel.total,
            f"{name}_pixel_last": pixel.last,
            f"{name}_colour_total": colour.total,
            f"{name}_colour_last": colour.last,
            **step_values(f"{name}_colour", colour),
        }
        shown = {f"{name}_pixel_total": curves[:, 0], f"{name}_colour_total": curves[:, 1]}
        return ClipScore(values=values, curves=shown)


@register
class DeltaEFace(_ColourDrift):
    """Drift of the aligned face crop."""

    name = "delta_e_face"
    outputs = _outputs("delta_e_face", "ΔE face")
    needs = {"crops": FrameNeed(region="face", size=(112, 112), anchor=True)}
    recipe = "ciede2000-face112-firstframe-last10s-or-quarter@1"
    summary = (
        "Colour difference of the aligned face from its first frame. `pixel` also moves with expression and "
        "pose; `colour` compares mean colours only. The real row is the floor."
    )


@register
class DeltaEFrame(_ColourDrift):
    """Drift of the whole picture; needs no face."""

    name = "delta_e_frame"
    outputs = _outputs("delta_e_frame", "ΔE frame")
    needs = {"crops": FrameNeed(size=(112, 112), anchor=True)}
    recipe = "ciede2000-frame112-firstframe-last10s-or-quarter@1"
    summary = (
        "Colour difference of the whole picture, resized to 112x112, from the first frame. `pixel` also moves "
        "with motion; `colour` compares mean colours only. The real row is the floor."
    )

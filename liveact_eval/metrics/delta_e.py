"""Colour drift: CIEDE2000 against the first frame, over the whole picture and over the aligned face."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

LAST_WINDOW_S = 10.0
"""Length of the last window in seconds; clips shorter than four of them use their last quarter."""


def _outputs(prefix: str, title: str) -> tuple[Output, ...]:
    return tuple(
        Output(name=f"{prefix}_{name}", title=f"{title} {label}", direction="down", digits=2, best=0.0)
        for name, label in (
            ("pixel_total", "pixel"),
            ("pixel_last", "pixel last"),
            ("colour_total", "colour"),
            ("colour_last", "colour last"),
        )
    )


class _ColourDrift(Metric):
    """Both reductions in use, over all frames but the first and over the last window."""

    source = "CIEDE2000 (Sharma et al. 2005) by scikit-image; sRGB, D65, kL = kC = kH = 1"

    def features(self, need: str, batch: Batch) -> NDArray[np.float64]:
        """(N, 2): mean over pixels of the difference, and difference of the mean colours."""
        from skimage.color import deltaE_ciede2000, rgb2lab

        if batch.anchor is None:
            raise ValueError("a need with an anchor comes with it")
        lab = rgb2lab(batch.windows[:, 0].numpy().astype(np.float64) / 255)
        first = rgb2lab(batch.anchor.numpy().astype(np.float64) / 255)
        pixel = deltaE_ciede2000(lab, first[None]).mean(axis=(1, 2))
        colour = deltaE_ciede2000(lab.mean(axis=(1, 2)), first.mean(axis=(0, 1))[None])
        return np.stack([pixel, colour], axis=1)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Means over frames 1..T-1 and over the last window, and both curves."""
        drift = rows["crops"][1:]
        names = [output.name for output in self.outputs]
        if not len(drift):
            return ClipScore(values=dict.fromkeys(names, Missing("too_short", "one frame cannot drift")))
        total, last = drift.mean(axis=0), drift[-last_window(len(drift) + 1, clip.fps) :].mean(axis=0)
        values = (total[0], last[0], total[1], last[1])
        curves = {names[0]: drift[:, 0], names[2]: drift[:, 1]}
        return ClipScore(values={n: float(v) for n, v in zip(names, values, strict=True)}, curves=curves)


def last_window(frames: int, fps: float) -> int:
    """Number of frames in the last window of a clip."""
    return max(1, min(round(LAST_WINDOW_S * fps), frames // 4))


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

"""What is read from frames beside the project's own metrics, and which reader stands behind a measure.

Readers are metrics for the measuring engine, so that a video is decoded once for all of them. The face of a generated
video is nowhere recorded: these look at fixed parts of the picture, which drawn speakers hardly leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from liveact_eval.measure.face_finding import DETECTOR
from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._drift import drift_of
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import shipped

if TYPE_CHECKING:
    import torch

    from liveact_eval.networks.provider import Networks

_SIZE = (64, 64)
_MOUTH_ROWS, _MOUTH_COLUMNS = slice(30, 54), slice(18, 46)
"""Where the mouth of a drawn speaker is, whatever the head does, on a picture of 64x64."""
_CORNER_ROWS, _CORNER_COLUMNS = slice(0, 16), 7
"""The upper corners, which show background only."""


class MouthColour(Metric):
    """How well the visible opening of the mouth follows the script, without a network."""

    name = "mouth_colour"
    outputs = (
        Output(
            name="mouth_colour_correlation",
            title="Mouth correlation",
            direction="up",
            best=1.0,
            range=(-1.0, 1.0),
        ),
    )
    needs = {"frames": FrameNeed(size=_SIZE)}
    recipe = "mouth-interior-colour-lag0@1"
    summary = (
        "Correlation of the share of mouth interior in the middle of the picture with the script, at lag 0."
    )
    source = "this project; the colour is that of `av_offset`"
    truth = True

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N,) share of dark-red mouth interior in the lower middle of the picture."""
        from liveact_eval.datasets.talkers import MOUTH_INTERIOR_RGB

        middle = batch.windows[:, 0, _MOUTH_ROWS, _MOUTH_COLUMNS].float()
        distance = (middle - middle.new_tensor(MOUTH_INTERIOR_RGB)).abs().amax(dim=-1)
        return (1 - distance / 48).clamp(min=0).flatten(1).mean(dim=1)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Pearson's correlation over all frames."""
        if clip.truth is None:
            raise ValueError("this metric is only asked where there is a truth")
        seen = rows["frames"][:, 0].astype(np.float64)
        length = min(len(seen), len(clip.truth.mouth_opening))
        script = clip.truth.mouth_opening[:length].astype(np.float64)
        if length < 3 or seen[:length].std() < 1e-4 or script.std() == 0:
            why = Missing("no_mouth_motion", "the mouth, or its script, does not move")
            return ClipScore(values={"mouth_colour_correlation": why})
        value = float(np.corrcoef(seen[:length], script)[0, 1])
        return ClipScore(
            values={"mouth_colour_correlation": value}, curves={"mouth_colour_opening": seen.astype("f4")}
        )


class BackgroundChange(Metric):
    """How far the background is from that of the portrait."""

    name = "background_change"
    outputs = (
        Output(
            name="background_change",
            title="Background change",
            direction="down",
            unit="levels",
            digits=2,
            best=0.0,
            range=(0.0, 255.0),
        ),
        Output(
            name="background_change_last",
            title="Background change last",
            direction="down",
            unit="levels",
            digits=2,
            best=0.0,
            range=(0.0, 255.0),
        ),
    )
    needs = {"frames": FrameNeed(size=_SIZE, anchor=True, anchor_of="portrait")}
    recipe = "mae-upper-corners-64-portrait@1"
    summary = "Mean absolute difference of the upper corners from those of the portrait, in 8-bit levels."
    source = "this project"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N,) mean absolute difference over both corners."""
        import torch

        if batch.anchor is None:
            raise ValueError("a need with an anchor comes with it")
        portrait = batch.anchor.reshape(-1, *batch.windows.shape[2:])[:1].float()
        away = (batch.windows[:, 0].float() - portrait).abs()[:, _CORNER_ROWS]
        sides = torch.cat([away[:, :, :_CORNER_COLUMNS], away[:, :, -_CORNER_COLUMNS:]], dim=2)
        return sides.flatten(1).mean(dim=1)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Mean over all frames and over the last window, and the curve."""
        curve = rows["frames"][:, 0]
        drift = drift_of(curve, clip.fps)
        return ClipScore(
            values={"background_change": drift.total, "background_change_last": drift.last},
            curves={"background_change": curve},
        )


@dataclass(frozen=True)
class Reader:
    """Which metric stands behind a measure here."""

    metric: Metric | None
    """`None`: there is none; `why` says so."""
    outputs: Mapping[str, str]
    """Output of the metric by name of the measure."""
    curves: Mapping[str, str]
    """Curve of the metric by name of the curve."""
    recipe: str
    """How it is computed, for results."""
    why: str = ""
    """Why there is none."""


def mouth_reader(networks: Networks) -> Reader:
    """What reads the mouth: the small network where its weights are there, else the colour of the mouth's interior."""
    if _obstacle("mini_mouth", networks) is None:
        metric = shipped()["mini_mouth"]
        outputs = {"mouth_correlation": "mini_mouth_correlation"}
        return Reader(metric, outputs, {}, _recipe(metric, networks))
    colour = MouthColour()
    return Reader(colour, {"mouth_correlation": "mouth_colour_correlation"}, {}, colour.recipe)


def identity_reader(networks: Networks) -> Reader:
    """What compares the speaker with the portrait: the small network, or nothing."""
    outputs = {
        "identity": "mini_csim",
        "identity_last": "mini_csim_last",
        "identity_slope_per_min": "mini_csim_slope_per_min",
    }
    why = _obstacle("mini_csim", networks)
    if why is not None:
        return Reader(None, outputs, {}, "none", why)
    metric = shipped()["mini_csim"]
    return Reader(metric, outputs, {"identity": "mini_csim"}, _recipe(metric, networks))


def sync_reader(networks: Networks) -> Reader:
    """What compares mouth and sound: the small SyncNet, or nothing."""
    outputs = {"sync_c": "mini_sync_c", "sync_d": "mini_sync_d"}
    why = _obstacle("mini_sync", networks)
    if why is not None:
        return Reader(None, outputs, {}, "none", why)
    metric = shipped()["mini_sync"]
    return Reader(metric, outputs, {}, _recipe(metric, networks))


def picture_readers() -> tuple[Reader, ...]:
    """What reads colours, background and sharpness; no networks."""
    known, background = shipped(), BackgroundChange()
    colour, sharp = known["delta_e_frame"], known["sharpness"]
    drift = {
        "colour_drift": "delta_e_frame_colour_total",
        "colour_drift_last": "delta_e_frame_colour_last",
        "colour_slope_per_min": "delta_e_frame_colour_slope_per_min",
    }
    names = {name: name for name in ("background_change", "background_change_last")}
    return (
        Reader(colour, drift, {"colour_drift": "delta_e_frame_colour_total"}, colour.recipe),
        Reader(background, names, {"background_change": "background_change"}, background.recipe),
        Reader(sharp, {"sharpness": "sharpness"}, {"sharpness": "sharpness"}, sharp.recipe),
    )


def _obstacle(name: str, networks: Networks) -> str | None:
    """Why a metric cannot be had for generated videos, if so."""
    metric = shipped().get(name)
    if metric is None:
        return f"the metric {name} is not part of this version"
    wanted = [*metric.networks, *([DETECTOR] if metric.face else [])]
    lacking = [why for network in wanted if (why := networks.missing(network)) is not None]
    return "; ".join(lacking) or None


def _recipe(metric: Metric, networks: Networks) -> str:
    return "+".join([metric.recipe, *(networks.identity(name) for name in metric.networks)])

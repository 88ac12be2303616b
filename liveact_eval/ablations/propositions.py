"""The two propositions of the paper's appendix, checked on latents of drawn clips (SoulX-LiveAct, appendix A).

Proposition 1: latents of neighbouring frames are near, bounded by the encoder's and the rendering's Lipschitz
constants and the speed of the state. The state of drawn clips is known, and rendering has no error. Proposition 2:
under noise of one level t the expected squared distance of neighbours is (1 - t)^2 of the clean one plus 2 t^2 d.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liveact_eval.ablations.drawn_state import drawn_state
from liveact_eval.ablations.study import (
    Curve,
    CurveMeasure,
    Finding,
    Measure,
    Reading,
    Request,
    Study,
    Unit,
    Variant,
)
from liveact_eval.datasets.talkers.spec import FPS, TalkerSpec, draw_specs
from liveact_eval.datasets.talkers.stream import render_window
from liveact_eval.metrics.base import Missing

if TYPE_CHECKING:
    from liveact_eval.ablations.bench import Bench
    from liveact_eval.liveact.vae import WanVAE

STILL, CAUSAL = "still", "causal"
_APPENDIX = "SoulX-LiveAct, appendix A"
_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.8333, 0.9375, 1.0)
_FRAMES = range(20, 81)
"""Frames that are encoded, 1 + 4k inside the first block of a clip."""
_LAGS = (1, 2, 3, 5, 8, 12, 20, 30, 40)
_DRAWS = 16
"""Draws of noise per pair of neighbours and level."""
_CALIBRATION = 2
"""Clips of training speakers per seed from which Lipschitz constants are taken."""


class Encoded(NamedTuple):
    """A stretch of a drawn clip; T frames or groups of frames."""

    pixels: NDArray[np.float64]
    """[T, pixels], 0 to 1."""
    latents: NDArray[np.float64]
    """[T, d]."""
    state: NDArray[np.float64]
    """[T, m]."""


class PropositionStudy(Study):
    """Both propositions, for frames encoded alone and for the latents that the model works on."""

    name = "propositions"
    title = "Propositions of the appendix"
    summary = (
        "Distances of latents of drawn clips: neighbours against others, against the bound of proposition 1, and under "
        "noise of one level against proposition 2. Only the VAE is needed."
    )
    source = _APPENDIX
    measures = (
        Measure(name="neighbour_distance", title="Distance of neighbours", digits=2),
        Measure(name="neighbour_ratio", title="Neighbours / 1 s apart", direction="down", digits=3),
        Measure(name="bound_kept", title="Within bound", direction="up", digits=3),
        Measure(name="bound_used", title="Largest share of bound", digits=3),
        Measure(name="same_level_ratio", title="Measured / predicted", digits=4),
        Measure(name="same_level_error", title="Largest error", direction="down", unit="%", digits=2),
    )
    curves = (
        CurveMeasure(name="distance_by_lag", title="Distance of latents", x_title="distance in time [s]"),
        CurveMeasure(
            name="same_level_measured", title="Squared distance under noise: measured", x_title="level t"
        ),
        CurveMeasure(
            name="same_level_predicted", title="Squared distance under noise: predicted", x_title="level t"
        ),
    )
    findings = (
        Finding(
            says="Latents of neighbouring frames are nearer than those of frames a second apart.",
            source=f"{_APPENDIX}, proposition 1",
            measure="neighbour_ratio",
            variant=CAUSAL,
            form="value",
            relation="<",
            bound=1.0,
        ),
        Finding(
            says="Nearly all neighbours (over 99 %) keep the bound, with Lipschitz constants of other speakers' clips.",
            source=f"{_APPENDIX}, proposition 1",
            measure="bound_kept",
            variant=STILL,
            form="value",
            relation=">",
            bound=0.99,
        ),
        Finding(
            says="At one level the expected squared distance is as predicted (within 2 % at every level).",
            source=f"{_APPENDIX}, proposition 2",
            measure="same_level_error",
            variant=CAUSAL,
            form="value",
            relation="<",
            bound=2.0,
        ),
    )
    notes = (
        "Still: each frame is encoded by itself, as the appendix has it. Causal: latents of four frames by the encoder "
        "that remembers earlier ones, which is no function of these frames alone: it has no bound.",
        "Seeds choose the speakers from whom Lipschitz constants are taken, and the noise.",
    )
    clips = 8
    seconds = 5.0
    least_seconds = 5.0

    def variants(self, request: Request) -> tuple[Variant, ...]:
        """Two ways to encode."""
        return (
            Variant(name=STILL, title="Frames one by one"),
            Variant(name=CAUSAL, title="Causal, four frames"),
        )

    def identity(self, bench: Bench, variant: Variant) -> str:
        """The VAE's weights; see `Study.identity`."""
        return json.dumps(
            {"vae": bench.vae_origin, "levels": _LEVELS, "frames": str(_FRAMES), "draws": _DRAWS}
        )

    def read(self, unit: Unit, bench: Bench) -> Reading:
        """Encode, and measure distances; see `Study.read`."""
        encode = encode_still if unit.variant.name == STILL else encode_causal
        found = encode(bench.vae, bench.specs[unit.clip.id])
        lags = [lag for lag in _LAGS if lag < len(found.latents) / 2]
        by_lag = [_mean_distance(found.latents, lag) for lag in lags]
        seconds_per_latent = (len(_FRAMES) - 1) / FPS / (len(found.latents) - 1)
        far = max(1, round(1 / seconds_per_latent))
        measured, predicted = same_level(found.latents, seed=unit.seed)
        ratio = measured / predicted
        values: dict[str, float | Missing] = {
            "neighbour_distance": by_lag[0],
            "neighbour_ratio": by_lag[0] / _mean_distance(found.latents, far),
            "same_level_ratio": float(ratio.mean()),
            "same_level_error": float(100 * np.abs(ratio - 1).max()),
        }
        if unit.variant.name == STILL:
            calibration = [encode(bench.vae, spec) for spec in calibration_specs(unit.seed, bench)]
            share = bound_shares(found, calibration)
            values |= {"bound_kept": float((share <= 1).mean()), "bound_used": float(share.max())}
        else:
            why = Missing("no_bound", "the causal encoder is no function of these frames alone")
            values |= {"bound_kept": why, "bound_used": why}
        curves = {
            "distance_by_lag": Curve(x=[lag * seconds_per_latent for lag in lags], y=by_lag),
            "same_level_measured": Curve(x=list(_LEVELS), y=measured.tolist()),
            "same_level_predicted": Curve(x=list(_LEVELS), y=predicted.tolist()),
        }
        return Reading(values=values, curves=curves)


def calibration_specs(seed: int, bench: Bench) -> Sequence[TalkerSpec]:
    """Clips of training speakers; another seed, other speakers."""
    size = bench.dataset.spec.size
    drawn = draw_specs("train", (seed + 1) * _CALIBRATION, speakers=10**6, seconds=5.0, size=size)
    return drawn[-_CALIBRATION:]


def encode_still(vae: WanVAE, spec: TalkerSpec) -> Encoded:
    """Every frame as a video of its own."""
    import torch

    from liveact_eval.training.pictures import to_video

    pixels, state = _drawn(spec)
    latents = vae.encode(to_video(torch.from_numpy(pixels)[:, None]))
    return Encoded(_rows(pixels), latents.flatten(1).double().cpu().numpy(), state)


def encode_causal(vae: WanVAE, spec: TalkerSpec) -> Encoded:
    """All frames in one pass; the latent of the first frame is left out, and each other one has four frames."""
    import torch

    from liveact_eval.training.pictures import to_video

    pixels, state = _drawn(spec)
    latents = vae.encode(to_video(torch.from_numpy(pixels)[None]))[0, :, 1:]
    rows = latents.transpose(0, 1).flatten(1).double().cpu().numpy()
    groups = _rows(pixels)[1:].reshape(len(rows), -1)
    return Encoded(groups, rows, state[1:].reshape(len(rows), 4, -1).mean(axis=1))


def same_level(latents: NDArray[np.float64], *, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean squared distance of neighbours under noise of each level, measured and by proposition 2.

    Args:
        latents: [T, d].
        seed: of the noise.
    """
    noise = np.random.RandomState(seed)
    clean = np.diff(latents, axis=0)
    measured, predicted = [], []
    for level in _LEVELS:
        total = 0.0
        for _ in range(_DRAWS):
            noisy = (1 - level) * latents + level * noise.standard_normal(latents.shape)
            total += float((np.diff(noisy, axis=0) ** 2).sum(axis=1).mean())
        measured.append(total / _DRAWS)
        squared = float((clean**2).sum(axis=1).mean())
        predicted.append((1 - level) ** 2 * squared + 2 * level**2 * latents.shape[1])
    return np.asarray(measured), np.asarray(predicted)


def bound_shares(found: Encoded, calibration: Sequence[Encoded]) -> NDArray[np.float64]:
    """Distance of each pair of neighbours as a share of proposition 1's bound.

    The bound is L_E L_g max |du|, both constants being the largest ratios between neighbours of other clips.
    """
    encoder = max(float(_ratios(clip.latents, clip.pixels).max()) for clip in calibration)
    drawing = max(float(_ratios(clip.pixels, clip.state).max()) for clip in calibration)
    speed = float(np.linalg.norm(np.diff(found.state, axis=0), axis=1).max())
    return np.asarray(np.linalg.norm(np.diff(found.latents, axis=0), axis=1) / (encoder * drawing * speed))


def _ratios(of: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances of neighbours in one space by those in another; pairs that do not move at all are left out."""
    above = np.linalg.norm(np.diff(of, axis=0), axis=1)
    below = np.linalg.norm(np.diff(by, axis=0), axis=1)
    moving = below > 1e-9
    return np.asarray(above[moving] / below[moving])


def _mean_distance(rows: NDArray[np.float64], lag: int) -> float:
    return float(np.linalg.norm(rows[lag:] - rows[:-lag], axis=1).mean())


def _drawn(spec: TalkerSpec) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Frames [T, H, W, 3] as they are drawn, without any codec, and states [T, m]."""
    whole = replace(spec, seconds=max(spec.seconds, 5.0))
    state = drawn_state(whole, _FRAMES)
    return render_window(whole, _FRAMES, sound=False).frames, np.stack([*state.values()], axis=1)


def _rows(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    return pixels.reshape(len(pixels), -1) / 255.0

"""Ablations that make videos: a unit is a video, its costs, and what one pass of the measuring engine reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from liveact_eval.ablations.readings import Reader, identity_reader, mouth_reader, picture_readers
from liveact_eval.ablations.study import Curve, CurveMeasure, Measure, Reading, Study, Unit, Variant
from liveact_eval.datasets.talkers.spec import FPS
from liveact_eval.metrics.base import Missing

if TYPE_CHECKING:
    from liveact_eval.ablations.bench import Bench, MadeVideo, TimedBlock
    from liveact_eval.liveact.prompts import Edit
    from liveact_eval.measure.engine import Measurement
    from liveact_eval.networks.provider import Networks

MEASURES = {
    measure.name: measure
    for measure in (
        Measure(name="identity", title="CSIM", direction="up"),
        Measure(name="identity_last", title="CSIM last", direction="up"),
        Measure(name="identity_slope_per_min", title="CSIM slope", unit="1/min"),
        Measure(name="mouth_correlation", title="Mouth correlation", direction="up"),
        Measure(name="colour_drift", title="ΔE colour", direction="down", digits=2),
        Measure(name="colour_drift_last", title="ΔE colour last", direction="down", digits=2),
        Measure(name="colour_slope_per_min", title="ΔE slope", unit="1/min", digits=2),
        Measure(name="background_change", title="Background", direction="down", unit="levels", digits=2),
        Measure(
            name="background_change_last",
            title="Background last",
            direction="down",
            unit="levels",
            digits=2,
        ),
        Measure(name="sharpness", title="Sharpness", direction="up", unit="levels²", digits=0),
        Measure(name="cost_ms", title="Cost per frame", direction="down", unit="ms", digits=1),
        Measure(name="dit_ms", title="DiT per frame", direction="down", unit="ms", digits=1),
        Measure(name="fps", title="FPS", direction="up", digits=1),
        Measure(name="kv_mib", title="Keys and values", direction="down", unit="MiB", digits=2),
        Measure(name="lookahead_ms", title="Look-ahead", direction="down", unit="ms", digits=0),
        Measure(name="latency_ms", title="Latency", direction="down", unit="ms", digits=0),
    )
}
"""Measures that any video gives, by name."""
_OVER_TIME = "time [s]"
CURVES = {
    curve.name: curve
    for curve in (
        CurveMeasure(name="identity", title="CSIM", x_title=_OVER_TIME),
        CurveMeasure(name="colour_drift", title="ΔE colour", x_title=_OVER_TIME),
        CurveMeasure(name="background_change", title="Background change", x_title=_OVER_TIME, unit="levels"),
        CurveMeasure(name="sharpness", title="Sharpness", x_title=_OVER_TIME, unit="levels²"),
        CurveMeasure(name="cost_ms", title="Cost per frame", x_title=_OVER_TIME, unit="ms"),
    )
}
"""Curves over time that any video gives, by name."""
BIN_S = 10.0
"""Length of a bin of a curve in seconds."""
STEADY_FROM = 2
"""The block from which on all blocks do the same work: the memory is full, text and picture are encoded."""


class VideoStudy(Study):
    """An ablation whose units are videos."""

    changes: ClassVar[str] = "videos"
    """What its videos depend on besides the setup, for keys of units."""

    def identity(self, bench: Bench, variant: Variant) -> str:
        """Weights, and how each measure is read; see `Study.identity`."""
        recipe = bench.recipe(variant.setup)
        readers = {name: reader.recipe for name, reader in self.readers(bench.networks).items()}
        setup = asdict(variant.setup) | {"weights": None}
        if not variant.setup.rollout_options:
            # Units that were done before there were such options keep their key.
            del setup["rollout_options"]
        facts = {
            "changes": self.changes,
            "config": recipe.config,
            "weights": recipe.origin,
            "steps": recipe.steps,
            "options": asdict(recipe.options),
            "setup": setup,
            "readers": readers,
        }
        return json.dumps(facts, sort_keys=True)

    def readers(self, networks: Networks) -> dict[str, Reader]:
        """Everything that reads its videos, by what is read."""
        return named_readers(networks)

    def edits(self, unit: Unit, bench: Bench) -> Sequence[Edit]:
        """Other prompts for ranges of blocks; none."""
        return ()

    def more(self, unit: Unit, bench: Bench, made: MadeVideo) -> Mapping[str, float | Missing]:
        """Measures of the study's own."""
        return {}

    def read(self, unit: Unit, bench: Bench) -> Reading:
        """Make the video, measure it, and keep what the study asks for; see `Study.read`."""
        clip = bench.clip(unit.clip)
        made = bench.video(
            unit.variant.setup, clip, unit.seed, name=unit.variant.name, edits=self.edits(unit, bench)
        )
        readers = list(self.readers(bench.networks).values())
        metrics = [reader.metric for reader in readers if reader.metric is not None]
        found = bench.measure(clip, made.path, metrics)
        values = {
            **costs(made.blocks, made.memory_bytes, made.lookahead_frames),
            **_values(readers, found),
            **self.more(unit, bench, made),
        }
        curves = {"cost_ms": _cost_curve(made.blocks), **_curves(readers, found)}
        return Reading(
            values={measure.name: values[measure.name] for measure in self.measures},
            curves={curve.name: curves[curve.name] for curve in self.curves if curve.name in curves},
        )


def named_readers(networks: Networks) -> dict[str, Reader]:
    """Everything that reads videos, by what is read."""
    colour, background, sharp = picture_readers()
    return {
        "mouth": mouth_reader(networks),
        "identity": identity_reader(networks),
        "colour": colour,
        "background": background,
        "sharpness": sharp,
    }


def costs(
    blocks: Sequence[TimedBlock], memory_bytes: int, lookahead_frames: int
) -> dict[str, float | Missing]:
    """What a video cost, over the blocks that all do the same work; decoding and the copy to the host are counted.

    Args:
        blocks: of the video; the last one may be cut.
        memory_bytes: keys and values held at the end.
        lookahead_frames: see `MadeVideo.lookahead_frames`.
    """
    # A first block may be longer than the later ones; the second is whole where there is a third.
    whole = max((block.frames for block in blocks[1:]), default=0)
    steady = [block for block in blocks[STEADY_FROM:] if block.frames == whole]
    values: dict[str, float | Missing] = {
        "kv_mib": memory_bytes / 2**20,
        "lookahead_ms": 1000 * lookahead_frames / FPS,
    }
    if not steady:
        why = Missing("too_short", f"no whole block from block {STEADY_FROM} on in {len(blocks)} blocks")
        return values | dict.fromkeys(("cost_ms", "dit_ms", "fps", "latency_ms"), why)
    seconds = sum(block.timings.total_s for block in steady)
    frames = sum(block.frames for block in steady)
    waited = 1000 * lookahead_frames / FPS + 1000 * seconds / len(steady)
    denoising = sum(block.timings.dit_s for block in steady)
    return values | {
        "cost_ms": 1000 * seconds / frames,
        "dit_ms": 1000 * denoising / frames,
        "fps": frames / seconds,
        "latency_ms": waited,
    }


def binned(values: NDArray[np.floating], fps: float, bin_s: float = BIN_S) -> Curve:
    """Means of a curve over bins of time, at their middles; a last bin of less than half is left out.

    Args:
        values: one per frame; not finite where there is none.
        fps: frames per second.
        bin_s: length of a bin in seconds.
    """
    width = max(1, round(bin_s * fps))
    starts = [
        start for start in range(0, len(values), width) if start == 0 or len(values) - start >= width / 2
    ]
    x, y = [], []
    for start in starts:
        part = np.asarray(values[start : start + width], np.float64)
        finite = part[np.isfinite(part)]
        x.append((start + len(part) / 2) / fps)
        y.append(float(finite.mean()) if len(finite) else None)
    return Curve(x=x, y=y)


def _cost_curve(blocks: Iterable[TimedBlock]) -> Curve:
    steady = list(blocks)[STEADY_FROM:]
    lead = [np.nan] * (steady[0].first_frame if steady else 0)
    per_frame = [[1000 * block.timings.total_s / block.frames] * block.frames for block in steady]
    return binned(np.asarray(sum(per_frame, lead)), FPS)


def _values(readers: Iterable[Reader], found: Measurement) -> dict[str, float | Missing]:
    values: dict[str, float | Missing] = {}
    for reader in readers:
        for measure, output in reader.outputs.items():
            if reader.metric is None:
                values[measure] = Missing("no_reader", reader.why)
            else:
                values[measure] = found.scores[reader.metric.name].values[output]
    return values


def _curves(readers: Iterable[Reader], found: Measurement) -> dict[str, Curve]:
    curves: dict[str, Curve] = {}
    for reader in readers:
        if reader.metric is None:
            continue
        made = found.scores[reader.metric.name].curves
        curves |= {
            name: binned(np.asarray(made[curve]), found.fps)
            for name, curve in reader.curves.items()
            if curve in made
        }
    return curves

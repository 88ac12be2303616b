"""Our side of a case in a process of its own; the same lines of JSON as _reference_tool.py.

    python _reference_ours.py METRIC[,METRIC...] VIDEO REAL PRECISION

VIDEO is measured, REAL is the real video beside it, PRECISION is float32 or bfloat16, as `networks.precision`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from _resident import peak_rss_mib
from _yunet_cost import YuNetCost
from torch import nn

from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.measure.engine import Job, Measurement, measure
from liveact_eval.metrics.base import Metric
from liveact_eval.metrics.registry import select
from liveact_eval.metrics.set_metric import SetMetric
from liveact_eval.networks.precision import Precision
from liveact_eval.networks.provider import Networks

STAGES: dict[str, float] = {}
"""Seconds of the current run by stage."""


class BenchNetworks(Networks):
    """Seeded networks; the face detector costs what YuNet costs, and the stages of lip sync are timed."""

    def get(self, name: str) -> nn.Module:
        """The network."""
        fresh = name not in self._loaded
        network = super().get(name)
        if fresh and name == "yunet" and self.device == "cpu":
            self._loaded[name] = network = YuNetCost(network).eval()
        if fresh and name == "syncnet":
            for method in ("embed_video", "embed_audio"):
                setattr(network, method, _timed("network", getattr(network, method)))
        if fresh and name == "yunet":
            network.register_forward_pre_hook(lambda *_: _add("detector", -time.perf_counter()))
            network.register_forward_hook(lambda *_: _add("detector", time.perf_counter()))
        return network


def main() -> None:
    """Load, then serve runs until the input ends."""
    names, video, real = sys.argv[1].split(","), Path(sys.argv[2]), Path(sys.argv[3])
    precision: Precision = "bfloat16" if sys.argv[4] == "bfloat16" else "float32"
    started = time.perf_counter()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    metrics, networks = select(names), BenchNetworks(mode="seeded", precision=precision)
    for name in sorted({network for metric in metrics for network in metric.networks}):
        networks.get(name)
    _answer(load_s=time.perf_counter() - started)
    for line in sys.stdin:
        if line.strip() != "go":
            break
        STAGES.clear()
        before, started = os.times(), time.perf_counter()
        values = run(metrics, networks, video, real)
        wall, after = time.perf_counter() - started, os.times()
        peak = peak_rss_mib()
        cpu = sum(after[:4]) - sum(before[:4])
        _answer(wall_s=wall, cpu_s=cpu, stages=STAGES, values=values, peak_rss_mib=peak)


def run(metrics: list[Metric], networks: Networks, video: Path, real: Path) -> dict[str, float]:
    """Every number of one video; for distances of sets the real video is measured too."""
    clip = Clip(
        entry=ClipEntry(id="bench", speaker="bench", content_hash="0"),
        video=real,
        audio=None,
        image=None,
        prompt="",
        truth=None,
        rate=Fraction(25),
        size=None,
        seconds=None,
    )
    found = measure(Job(clip=clip, video=video, metrics=metrics, networks=networks))
    if found.traces:
        raise RuntimeError("\n".join(found.traces.values()))
    values = {
        name: value
        for score in found.scores.values()
        for name, value in score.values.items()
        if isinstance(value, float)
    }
    sets = [metric for metric in metrics if isinstance(metric, SetMetric)]
    if sets:
        other = measure(Job(clip=clip, video=real, metrics=sets, networks=networks))
        values |= _distances(sets, found, other)
    return values


def _distances(sets: list[SetMetric], found: Measurement, other: Measurement) -> dict[str, float]:
    return {
        output.name: float(
            metric.distances(
                output.name,
                [other.scores[metric.name].parts[output.name]],
                [found.scores[metric.name].parts[output.name]],
                None,
            )[0]
        )
        for metric in sets
        for output in metric.outputs
    }


def _timed(stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
    def done(*arguments: Any, **options: Any) -> Any:
        _add(stage, -time.perf_counter())
        try:
            return work(*arguments, **options)
        finally:
            _add(stage, time.perf_counter())

    return done


def _add(stage: str, seconds: float) -> None:
    STAGES[stage] = STAGES.get(stage, 0.0) + seconds


def _answer(**content: Any) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

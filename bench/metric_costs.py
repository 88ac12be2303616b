"""What each metric costs on a CPU, per minute of 512x512 video at 25 frames per second.

Each metric is measured alone, in one thread, on a drawn clip with networks that have weights from a rule; the time of a
pass without metrics (opening, decoding, checks) is taken off, and networks are loaded before the clock starts. A metric
that compares with the real video is measured against a second file, whose decoding counts as its cost. What set metrics
do after the last clip (the distance itself) is not in the figure. Composites cost what their parts cost: no figure.

    python bench/metric_costs.py                                 # all, a quarter of an hour; writes the package's table
    python bench/metric_costs.py --metrics psnr,ssim --out -     # some, printed only
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import replace
from datetime import date
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

# One thread: CPU seconds must not depend on how many cores wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from _machine import machine
from _meter import cpu_seconds

if TYPE_CHECKING:
    from liveact_eval.clips.clip import Clip
    from liveact_eval.metrics.base import Metric
    from liveact_eval.networks.provider import Networks

SIZE, RATE = 512, 25
SECONDS = 4.0
SLOW_SECONDS = 0.72
"""Length for metrics that take more than `SLOW` CPU seconds per second of video."""
SLOW = 20.0
HEADER = "# CPU seconds per minute of video, by bench/metric_costs.py. A metric that is not here was not measured.\n"


def drawn(folder: Path, seconds: float) -> Clip:
    """A drawn clip with its real video beside it under another name, as a generated one would be."""
    from liveact_eval.cards.protocol import Encoding
    from liveact_eval.clips.clip import Clip, ClipEntry
    from liveact_eval.clips.encode import VideoWriter
    from liveact_eval.datasets.talkers import TalkerSpec, stream

    spec = TalkerSpec(split="test", speaker=0, utterance=0, size=SIZE, seconds=seconds)
    video = folder / "real.mp4"
    with VideoWriter(
        video, size=(SIZE, SIZE), rate=Fraction(RATE), encoding=Encoding(crf=20), sound=True
    ) as writer:
        for block in stream(spec):
            writer.write_sound(block.samples)
            for rgb in block.frames:
                writer.write(rgb)
    shutil.copy(video, folder / "made.mp4")
    return Clip(
        entry=ClipEntry(id="clip", speaker="speaker", content_hash="0" * 64),
        video=video,
        audio=None,
        image=None,
        prompt="",
        truth=None,
        rate=Fraction(RATE),
        size=(SIZE, SIZE),
        seconds=None,
    )


def spent(clip: Clip, metrics: list[Metric], networks: Networks) -> tuple[float, int]:
    """CPU seconds of one pass, and how many frames it saw."""
    from liveact_eval.measure.engine import Job, measure

    if clip.video is None:
        raise ValueError("the clip has no video")
    job = Job(clip=clip, video=clip.video.with_name("made.mp4"), metrics=metrics, networks=networks)
    before = cpu_seconds()
    found = measure(job)
    if found.traces:
        raise RuntimeError(next(iter(found.traces.values())))
    return cpu_seconds() - before, found.frames


def gflop(clip: Clip, metric: Metric, networks: Networks) -> float:
    """Floating-point operations of the networks, in billions per frame, counted operator by operator."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        _, frames = spent(clip, [metric], networks)
    return counter.get_total_flops() / frames / 1e9


def cost(clip: Clip, metric: Metric, networks: Networks, repeats: int) -> dict[str, float]:
    """The figures of one metric."""
    for name in metric.networks:
        networks.get(name)
    short = replace(clip, seconds=SLOW_SECONDS)
    first, frames = spent(short, [metric], networks)
    chosen = short if first / (frames / RATE) > SLOW else clip
    rounds = 1 if chosen is short else repeats
    own, bare = [], []
    for _ in range(rounds):
        seconds, frames = spent(chosen, [metric], networks)
        own.append(seconds)
        bare.append(spent(chosen, [], networks)[0])
    per_frame = max(0.0, statistics.median(own) - statistics.median(bare)) / frames
    return {
        "cpu_s_per_min": _digits(per_frame * RATE * 60),
        "gflop_per_frame": _digits(gflop(short, metric, networks) if metric.networks else 0.0),
    }


def measured(names: list[str], repeats: int) -> dict[str, Any]:
    """The table."""
    import torch

    from liveact_eval.metrics.registry import select
    from liveact_eval.networks.provider import Networks

    torch.set_num_threads(1)
    networks = Networks(mode="seeded")
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        clip = drawn(Path(folder), SECONDS)
        spent(clip, [], networks)
        for metric in select(names):
            if not metric.needs or metric.truth or any(networks.missing(name) for name in metric.networks):
                continue
            found[metric.name] = cost(clip, metric, networks, repeats)
            sys.stderr.write(f"{metric.name}: {found[metric.name]}\n")
            # Nothing of one metric's networks lies in the memory of the next.
            networks._loaded.clear()
    about = machine()
    packages = ("torch", "numpy", "av")
    return {
        "machine": f"{about['cpu']}, {about['cores']} cores, one used, load {about['load_at_start']} at the start",
        "measured": date.today().isoformat(),
        "software": ", ".join(f"{name} {metadata.version(name)}" for name in packages),
        "video": f"drawn talker, {SIZE}x{SIZE}, {RATE} fps",
        "metrics": found,
    }


def _processor(machine: str) -> str:
    """The machine without its load, which is another one each time."""
    return machine.partition(", load ")[0]


def _digits(value: float) -> float:
    """Three digits: no more is repeatable."""
    return float(f"{value:.3g}")


def main() -> None:
    from liveact_eval.metrics._costs import COSTS

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metrics", default="all", help="names separated by commas")
    parser.add_argument("--repeats", type=int, default=3, help="passes of which the median counts")
    parser.add_argument(
        "--out", default=str(COSTS), help="file to write; - prints; figures of other metrics are kept"
    )
    chosen = parser.parse_args()
    import yaml

    table = measured(chosen.metrics.split(","), chosen.repeats)
    if chosen.out == "-":
        sys.stdout.write(yaml.safe_dump(table, sort_keys=False, allow_unicode=True, width=110))
        return
    out = Path(chosen.out)
    if chosen.metrics != "all" and out.is_file():
        before = yaml.safe_load(out.read_text(encoding="utf-8"))
        alike = all(before[key] == table[key] for key in ("software", "video"))
        alike = alike and _processor(before["machine"]) == _processor(table["machine"])
        kept = before["metrics"] if alike else {}
        table["metrics"] = dict(sorted({**kept, **table["metrics"]}.items()))
    out.write_text(
        HEADER + yaml.safe_dump(table, sort_keys=False, allow_unicode=True, width=110), encoding="utf-8"
    )


if __name__ == "__main__":
    main()

"""What `networks.precision=bfloat16` changes: value and CPU time of each metric that it concerns, beside float32.

Both precisions measure one clip: a drawn talker (or `--video`) as the real video, and the same encoded coarsely (crf
40) as the generated one. They take turns, in one thread, with networks loaded before; the time of a pass without
metrics is taken off. Weights are drawn from a rule, so that values mean nothing as scores; what trained weights do is
not known here. Who has fetched them runs it with `--weights files`.

    python bench/precision.py                                    # twenty minutes; results/precision.md and .json
    python bench/precision.py --seconds 0.2 --metrics csim --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from dataclasses import replace
from datetime import date
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

# One thread: CPU seconds must not depend on how many cores wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from _machine import machine
from _precision_report import markdown
from metric_costs import drawn, spent

if TYPE_CHECKING:
    from liveact_eval.clips.clip import Clip
    from liveact_eval.metrics.base import Metric
    from liveact_eval.networks.provider import Mode, Networks

RESULTS = Path(__file__).resolve().parent / "results"
CRF = 40
METRICS = (
    "subject_consistency,background_consistency,aesthetic_quality,imaging_quality,csim,csim_paired,csim_first,"
    "sync"
)
"""Those that it concerns, but for both long consistencies, sync_lse and sync_exact, whose networks do the same work."""


def coded_again(source: Path, made: Path) -> None:
    """Write a video anew at crf 40, with its sound."""
    from liveact_eval.cards.protocol import Encoding
    from liveact_eval.clips.encode import VideoWriter
    from liveact_eval.clips.video import Frame, Sound, VideoFile

    with VideoFile(source) as video:
        info, rate = video.info, Fraction(video.info.rate)
        size = (info.width, info.height)
        with VideoWriter(made, size=size, rate=rate, encoding=Encoding(crf=CRF), sound=info.has_sound) as out:
            for item in video.read(sound=info.has_sound):
                if isinstance(item, Frame):
                    out.write(item.rgb)
                elif isinstance(item, Sound):
                    out.write_sound(item.samples)


def given(source: Path, folder: Path, seconds: float) -> Clip:
    """A user's video as the real one of a clip."""
    from liveact_eval.clips.clip import Clip, ClipEntry
    from liveact_eval.clips.video import VideoFile

    with VideoFile(source) as video:
        info = video.info
    real = folder / f"real{source.suffix}"
    real.symlink_to(source.resolve())
    return Clip(
        entry=ClipEntry(id="clip", speaker="speaker", content_hash="0" * 64),
        video=real,
        audio=None,
        image=None,
        prompt="",
        truth=None,
        rate=Fraction(info.rate),
        size=(info.width, info.height),
        seconds=seconds,
    )


def values(clip: Clip, metric: Metric, networks: Networks) -> dict[str, float | str]:
    """The clip's values, and the reasons of those that are missing."""
    from liveact_eval.measure.engine import Job, measure
    from liveact_eval.metrics.base import Missing

    if clip.video is None:
        raise ValueError("the clip has no video")
    found = measure(
        Job(clip=clip, video=clip.video.with_name("made.mp4"), metrics=[metric], networks=networks)
    )
    if found.traces:
        raise RuntimeError(next(iter(found.traces.values())))
    pairs = found.scores[metric.name].values.items()
    return {name: value.reason if isinstance(value, Missing) else value for name, value in pairs}


def compared(clip: Clip, metric: Metric, mode: Mode, repeats: int) -> dict[str, Any]:
    """Values and CPU seconds of one metric in both precisions."""
    from liveact_eval.networks.precision import Precision
    from liveact_eval.networks.provider import Networks

    both = {precision: Networks(mode=mode, precision=precision) for precision in get_args(Precision)}
    for networks in both.values():
        for name in metric.networks:
            networks.get(name)
    # The first pass of each warms up and gives the values.
    found = {precision: values(clip, metric, networks) for precision, networks in both.items()}
    seconds: dict[str, list[float]] = {precision: [] for precision in both}
    for _ in range(repeats):
        bare, _ = spent(clip, [], both["float32"])
        for precision, networks in both.items():
            seconds[precision].append(spent(clip, [metric], networks)[0] - bare)
    medians = {precision: statistics.median(samples) for precision, samples in seconds.items()}
    return {
        "metric": metric.name,
        "networks": [name for name in metric.networks if both["bfloat16"].in_bfloat16(name)],
        "cpu_s": seconds,
        "ratio": medians["float32"] / medians["bfloat16"],
        "values": {
            name: {precision: found[precision][name] for precision in both} for name in found["float32"]
        },
    }


def record(chosen: argparse.Namespace) -> dict[str, Any]:
    """Everything that is written down."""
    import torch

    from liveact_eval.metrics.registry import select
    from liveact_eval.networks.precision import native_on_cpu

    torch.set_num_threads(1)
    about = machine() | {"bfloat16 instructions": native_on_cpu()}
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = (
            drawn(folder, chosen.seconds)
            if chosen.video is None
            else given(chosen.video, folder, chosen.seconds)
        )
        if clip.video is None or clip.size is None:
            raise ValueError("the clip has no video")
        coded_again(clip.video, folder / "made.mp4")
        clip = replace(clip, seconds=chosen.seconds)
        for metric in select(chosen.metrics.split(",")):
            rows.append(compared(clip, metric, chosen.weights, chosen.repeats))
            sys.stderr.write(f"{metric.name}: {rows[-1]['ratio']:.2f} times\n")
        size = clip.size
    return {
        "date": date.today().isoformat(),
        "machine": about,
        "versions": {name: metadata.version(name) for name in ("liveact-eval", "torch", "numpy", "av")},
        "weights": "drawn from a rule" if chosen.weights == "seeded" else "published",
        "clip": {
            "source": "a drawn talker" if chosen.video is None else "a video of one's own",
            "size": list(size),
            "seconds": chosen.seconds,
        },
        "repeats": chosen.repeats,
        "metrics": rows,
    }


def main() -> None:
    """Measure and write both files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--metrics", default=METRICS, help="names separated by commas")
    parser.add_argument(
        "--video", type=Path, help="a video in place of the drawn one; 25 fps with sound for sync"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="how much of it; sync wants 1.2 s")
    parser.add_argument("--repeats", type=int, default=3, help="timed passes of which the median counts")
    parser.add_argument("--weights", choices=("seeded", "files"), default="seeded", help="of the networks")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder to write into")
    chosen = parser.parse_args()
    made = record(chosen)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "precision.json").write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    (chosen.out / "precision.md").write_text(markdown(made), encoding="utf-8")


if __name__ == "__main__":
    main()

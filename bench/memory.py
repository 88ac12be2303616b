"""Peak memory of measuring a 10 s and a 10 min video of 512x512 with all metrics that need no download.

The long video is the short one sixty times over, so that only the length differs. Each is
measured in a process of its own; the peak resident size of that process is what counts.

    python bench/memory.py            # writes bench/results/memory.md and memory.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from fractions import Fraction
from pathlib import Path

from _resident import peak_rss_mib

RESULTS = Path(__file__).resolve().parent / "results"
LONG_REPEATS = 60


def draw(path: Path, size: int, seconds: int) -> None:
    """A drawn clip with sound."""
    from liveact_eval.cards.protocol import Encoding
    from liveact_eval.clips.encode import VideoWriter
    from liveact_eval.datasets.talkers import TalkerSpec, stream

    spec = TalkerSpec(split="test", speaker=0, utterance=0, size=size, seconds=seconds)
    with VideoWriter(
        path, size=(size, size), rate=Fraction(25), encoding=Encoding(crf=20), sound=True
    ) as writer:
        for block in stream(spec):
            writer.write_sound(block.samples)
            for rgb in block.frames:
                writer.write(rgb)


def repeat(source: Path, target: Path, times: int) -> None:
    """The frames and the sound of a short file over and over."""
    from liveact_eval.cards.protocol import Encoding
    from liveact_eval.clips.encode import VideoWriter
    from liveact_eval.clips.video import Frame, Sound, VideoFile

    with VideoFile(source) as video:
        items = list(video.read(rate=Fraction(25)))
    frames = [item.rgb for item in items if isinstance(item, Frame)]
    sound = [item.samples for item in items if isinstance(item, Sound)]
    height, width = frames[0].shape[:2]
    encoding = Encoding(crf=20, preset="ultrafast")
    with VideoWriter(
        target, size=(width, height), rate=Fraction(25), encoding=encoding, sound=bool(sound)
    ) as writer:
        for _ in range(times):
            for samples in sound:
                writer.write_sound(samples)
            for rgb in frames:
                writer.write(rgb)


def measure_one(path: Path) -> dict[str, float]:
    """Measure a video in this process; its peak resident size."""
    import torch

    from liveact_eval.clips.clip import Clip, ClipEntry
    from liveact_eval.measure.engine import Job, measure
    from liveact_eval.metrics.registry import select

    torch.set_num_threads(1)
    clip = Clip(
        entry=ClipEntry(id="bench", speaker="bench", content_hash="0"),
        video=path,
        audio=None,
        image=None,
        prompt="",
        truth=None,
        rate=Fraction(25),
        size=None,
        seconds=None,
    )
    started = time.monotonic()
    found = measure(Job(clip=clip, video=path, metrics=select(["all-offline"])))
    peak = peak_rss_mib()
    return {
        "frames": found.frames,
        "peak_rss_mib": round(peak, 1),
        "wall_s": round(time.monotonic() - started, 1),
    }


def main() -> None:
    """Draw, measure both in their own processes, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=512, help="side of the picture in pixels")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure is not None:
        print(json.dumps(measure_one(arguments.measure)))
        return
    with tempfile.TemporaryDirectory() as folder:
        short, long = Path(folder) / "short.mp4", Path(folder) / "long.mp4"
        drawn = Path(folder) / "drawn.mp4"
        draw(drawn, arguments.size, 10)
        repeat(drawn, short, 1)
        repeat(drawn, long, LONG_REPEATS)
        found = {}
        for name, path in (("10 s", short), ("10 min", long)):
            command = [sys.executable, __file__, "--measure", str(path)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
            found[name] = json.loads(answer.stdout)
            print(name, found[name])
    ratio = found["10 min"]["peak_rss_mib"] / found["10 s"]["peak_rss_mib"]
    write(found, ratio, arguments.size)


def write(found: dict[str, dict[str, float]], ratio: float, size: int) -> None:
    """The table and its conditions."""
    from liveact_eval.results.provenance import gather

    machine = gather()
    report = {
        "date": date.today().isoformat(),
        "size": size,
        "found": found,
        "ratio": round(ratio, 4),
        "packages": machine["packages"],
        "machine": machine["machine"],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "memory.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    lines = [
        f"# Memory: a 10 s and a 10 min video of {size}x{size}",
        "",
        "All metrics that need no download, one process each, one torch thread. Goal: within 10 %.",
        "",
        "| video | frames | peak resident size [MiB] | wall [s] |",
        "|:---|---:|---:|---:|",
        *(f"| {name} | {r['frames']} | {r['peak_rss_mib']} | {r['wall_s']} |" for name, r in found.items()),
        "",
        f"Ratio {ratio:.3f}. {date.today().isoformat()}, {machine['machine']['cpu']}, "
        f"{machine['machine']['cores']} cores, "
        f"Python {platform.python_version()}, torch {machine['packages']['torch']}, PyAV {machine['packages']['av']}.",
        "",
    ]
    (RESULTS / "memory.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()

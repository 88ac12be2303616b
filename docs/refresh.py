"""Brings the README up to date with the demo: its table, its plots, and frames of talkers.

make demo && .venv/bin/python docs/refresh.py
"""

from __future__ import annotations

import re
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liveact_eval.datasets.talkers import PHONEME_NAMES, draw_specs, render

HERE = Path(__file__).resolve().parent
ROWS = (
    "Mouth correlation (mini)",
    "Sync-C (mini)",
    "Sync-D (mini)",
    "Sync offset (mini)",
    "CSIM (mini)",
    "CSIM (mini) slope",
    "FID (mini)",
    "FVD (mini)",
    "PSNR",
    "SSIM",
    "ΔE frame colour",
    "Sharpness",
    "Temporal flickering",
    "Frozen",
)
"""Rows of the demo's table that the README shows."""
PHONEMES = ("silence", "m", "a", "i", "u", "e", "o", "s", "f")


def talkers_sheet() -> Image.Image:
    """Six speakers, one column per phoneme: the frame in which its mouth shape is clearest."""
    rows = []
    for spec in draw_specs("test", 6, speakers=6, seconds=5.0, size=128):
        talker = render(spec)
        frames = []
        for name in PHONEMES:
            of_phoneme = np.flatnonzero(talker.truth.phoneme == PHONEME_NAMES.index(name))
            open_eyes = of_phoneme[talker.truth.blink[of_phoneme] < 0.2]
            frames.append(
                talker.frames[int((open_eyes if len(open_eyes) else of_phoneme)[len(open_eyes) // 2])]
            )
        rows.append(np.concatenate(frames, axis=1))
    return Image.fromarray(np.concatenate(rows, axis=0))


def mini_sheet(real: Path, made: Path) -> Image.Image:
    """Four clips, two rows each: drawn above (Shift leaves pictures as they are), by liveact-mini below."""
    rows = []
    clips = sorted(made.glob("*.mp4"))
    for clip in clips[:: max(1, len(clips) // 4)][:4]:
        for folder in (real, made):
            frames = _frames(folder / clip.name)[::13][:9]
            rows.append(np.concatenate(list(frames), axis=1))
    return Image.fromarray(np.concatenate(rows, axis=0).repeat(2, axis=0).repeat(2, axis=1))


def _frames(video: Path) -> NDArray[np.uint8]:
    with av.open(str(video)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def excerpt(table: str) -> str:
    """The rows of `ROWS`, and those notes that are about them or about the whole table."""
    lines = table.strip().splitlines()
    kept = lines[:2] + [line for line in lines[2:] if line.startswith("|") and _label(line) in ROWS]
    notes = [line for line in lines[2:] if not line.startswith("|") and _is_about(line)]
    count = sum(line.startswith("|") for line in lines) - 2
    return "\n".join([*kept, "", f"{len(kept) - 2} of the {count} rows.", *notes])


def _label(row: str) -> str:
    """What a row is called, without unit and arrow."""
    return re.sub(r"( \[[^]]*\])?( [↑↓])?$", "", row.split("|")[1].strip())


def _is_about(line: str) -> bool:
    subjects = re.match(r"- ([^:]*?) of ", line)
    return subjects is None or any(name in ROWS for name in subjects[1].split(", "))


def put_table(readme: Path, table: str) -> None:
    """Replace what stands between the marks."""
    start, end = "<!-- demo table -->\n", "<!-- /demo table -->"
    before, rest = readme.read_text(encoding="utf-8").split(start)
    after = rest.split(end)[1]
    readme.write_text(f"{before}{start}\n{table}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Write docs/images/*.png and the table of the README."""
    demo = HERE.parent / "runs" / "demo"
    quality, speed = (
        (demo / "tables" / f"{name}.md").read_text("utf-8") for name in ("results", "efficiency")
    )
    put_table(HERE.parent / "README.md", f"{excerpt(quality)}\n\n{speed.strip()}\n")
    images = HERE / "images"
    images.mkdir(exist_ok=True)
    talkers_sheet().save(images / "talkers.png", optimize=True)
    videos = demo / "videos"
    mini_sheet(videos / "shift", videos / "liveact-mini").save(images / "liveact-mini.png", optimize=True)
    for name in ("metrics.png", "curves.png"):
        with Image.open(demo / "plots" / name) as plot:
            plot.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(images / name, optimize=True)


if __name__ == "__main__":
    main()

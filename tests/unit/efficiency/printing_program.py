"""A program whose every printed block is known, with a card over it, and a function that says the same."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.unit.generators.command.command_cases import PROGRAMS

HERE = Path(__file__).parent
BLOCKS = ((4.0, 10), (0.4, 10), (0.2, 10), (0.9, 10), (0.3, 10))
"""(seconds, frames) of each block: one that compiles, four that are steady; 50 frames are two seconds."""
TIMING = [
    {"pattern": r"block took (?P<ms>[\d.]+) ms for (?P<frames>\d+) frames", "skip": 1},
    {"pattern": r"loaded in (?P<seconds>[\d.]+) s", "kind": "load"},
    {"pattern": r"first frame after (?P<seconds>[\d.]+) s", "kind": "first_frame"},
]
FUNCTION = """
import stand_in_video
from pathlib import Path

def load(options):
    def make(job):
        frames = round(25 * stand_in_video.sound_seconds(job["audio"]))
        size = (job["width"], job["height"])
        stand_in_video.write(Path(job["output"]), frames, fps=25, size=size, image=job["image"])
        return {"blocks": options["blocks"]}
    return make
"""


def says(blocks: Sequence[tuple[float, int]] = BLOCKS, *more: str) -> str:
    """What the program prints."""
    lines = [f"block took {1000 * seconds:g} ms for {frames} frames" for seconds, frames in blocks]
    return "\n".join([*more, *lines])


def write_program_card(
    folder: Path, text: str | None = None, *, name: str = "printer", **changes: Any
) -> Path:
    """A card over the program, and its repository beside it.

    Args:
        folder: where both are put.
        text: what the program prints; `None`: `says()`.
        name: of the card.
        changes: fields of its section `command`.
    """
    repository = folder / f"{name}-repo"
    repository.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "stand_in_blocks.py", repository / "inference.py")
    shutil.copy(PROGRAMS / "stand_in_video.py", repository)
    command: dict[str, Any] = {
        "repository": str(repository),
        "python": sys.executable,
        "gpu": {"count": 0},
        "limits": {"start_s": 60},
        "picture": {"sizes": [[32, 32]]},
        "output": "out/{stem}.mp4",
        "timing": TIMING,
    }
    if "worker" in changes:
        (repository / "served.py").write_text(FUNCTION, encoding="utf-8")
    else:
        command["variables"] = {"SAYS": says() if text is None else text}
        words = ["--image", "{image}", "--audio", "{audio}", "--out", "{output_file}", "--seed", "{seed}"]
        command["arguments"] = ["inference.py", *words, "--width", "{width}", "--height", "{height}"]
    card = {"name": name, "title": name.title(), "kind": "command", "summary": "A stand-in."}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(card | {"command": command | changes}), encoding="utf-8")
    return path


def write_function_card(folder: Path, *, name: str = "server") -> Path:
    """The same blocks, said by a function that stays loaded."""
    blocks = [list(block) for block in BLOCKS]
    worker = {"function": "served:load", "warm_up_blocks": 1, "options": {"blocks": blocks}}
    return write_program_card(folder, name=name, worker=worker, timing=[], output="out/x.mp4")

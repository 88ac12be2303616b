"""The other side: what VBench, THEval, SyncNet, FID and FVD read and write for one clip, without networks.

Each tool's input and output is done again here with the tool's own libraries; none of its code is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import decord
import numpy as np
from _meter import Ledger, warm_memory
from _reference_syncnet import SyncNetChain
from numpy.typing import NDArray

VBENCH_DECORD = ("subject consistency", "background consistency", "aesthetic quality", "imaging quality")
VBENCH_OPENCV = ("temporal flickering", "motion smoothness", "dynamic degree")
THEVAL_METRICS = 8
DECODES = 22
"""Full decodes of the clip that the steps below must add up to."""
LIBRARY_DECODES = ("(decord)", "(OpenCV)")
"""How the names of steps end that do nothing but decode the clip."""


@dataclass(frozen=True)
class Step:
    """One step of a tool."""

    tool: str
    name: str
    full: bool
    """Whether it decodes full-size frames, not sound or the small crop."""
    run: Callable[[], int]
    """Does it; returns the number of frames it took."""


@dataclass
class Evaluation:
    """One evaluation of one clip by all tools."""

    ledger: Ledger = field(default_factory=Ledger)
    decodes: dict[str, int] = field(default_factory=dict)
    """Full decodes by step."""
    temporary_files: int = 0
    temporary_bytes: int = 0


def evaluate(video: Path, frames: int, clip_bytes: int, scratch: Path) -> Evaluation:
    """Run every step in the order of the tools, and count decodes and temporary files.

    Args:
        video: the clip.
        frames: how many frames it has.
        clip_bytes: size of all its frames as RGB.
        scratch: an empty folder for the files between the steps.
    """
    # The waiting threads of OpenCV's own pool would add CPU time that grows with the number of cores.
    cv2.setNumThreads(1)
    made = Evaluation()
    seen: dict[Path, int] = {}
    for step in _steps(video, scratch):
        key = f"{step.tool}: {step.name}"
        warm_memory(2 * clip_bytes)
        with made.ledger.on(key):
            decoded = step.run()
        # A container may lose a frame at either end of a re-encoding; half a clip is not a decode.
        made.decodes[key] = int(step.full and decoded >= frames - 2)
        seen.update({path: path.stat().st_size for path in scratch.rglob("*") if path.is_file()})
    made.temporary_files, made.temporary_bytes = len(seen), sum(seen.values())
    if (total := sum(made.decodes.values())) != DECODES:
        raise RuntimeError(f"the reference steps decoded the clip {total} times, expected {DECODES}")
    return made


def _steps(video: Path, scratch: Path) -> list[Step]:
    path = str(video)
    steps = [Step("VBench", f"{name} (decord)", True, lambda: _decord(path)) for name in VBENCH_DECORD]
    steps += [Step("VBench", f"{name} (OpenCV)", True, lambda: _opencv_held(path)) for name in VBENCH_OPENCV]
    steps += [
        Step("THEval", f"metric {n} (OpenCV)", True, lambda: _opencv_held(path, rgb=True))
        for n in range(1, THEVAL_METRICS + 1)
    ]
    steps += [Step("SyncNet", *step) for step in SyncNetChain(video, scratch).steps()]
    steps.append(Step("FID", "frames (OpenCV)", True, lambda: _opencv_streamed(path)))
    steps.append(Step("FVD", "clip (decord)", True, lambda: _decord(path)))
    return steps


def _decord(path: str) -> int:
    """The whole clip as one array, with one thread."""
    reader = decord.VideoReader(path, num_threads=1)
    return len(reader.get_batch(range(len(reader))).asnumpy())


def _opencv_held(path: str, *, rgb: bool = False) -> int:
    """The whole clip as a list of frames."""
    held: list[NDArray[np.uint8]] = []
    video = cv2.VideoCapture(path)
    while True:
        found, frame = video.read()
        if not found:
            break
        held.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if rgb else frame)
    video.release()
    return len(held)


def _opencv_streamed(path: str) -> int:
    """One frame at a time, none kept."""
    count = 0
    video = cv2.VideoCapture(path)
    while video.read()[0]:
        count += 1
    video.release()
    return count

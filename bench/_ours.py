"""Our side: one open, one pass, every stream that the metrics need."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from _meter import Ledger, bytes_written
from _reference_syncnet import crop_box
from numpy.typing import NDArray

from liveact_eval.clips.faces import TEMPLATE_112, FaceTrack
from liveact_eval.clips.video import Sound, VideoFile
from liveact_eval.measure.engine import RUN_BYTES
from liveact_eval.measure.streams import DerivedStreams, StreamKey

READ = "decode to RGB, sound to 16 kHz"
STACK = "gather frames into runs"
MOUTH = "face crop 224x224"
DETECTOR = "detector copy 128x128"
STREAMS = {
    MOUTH: StreamKey("rgb", "mouth", (224, 224)),
    DETECTOR: StreamKey("rgb", "frame", (128, 128)),
    "luma, full size": StreamKey("luma", "frame", None),
    "aligned face 112x112": StreamKey("rgb", "face", (112, 112)),
}
SHARED_WORK = (READ, STACK, MOUTH, DETECTOR)
"""Our steps that have a counterpart among the counted reference steps."""


@dataclass(frozen=True)
class Pass:
    """One pass over the clip."""

    ledger: Ledger
    frames: int
    samples: int
    opens: int
    """Media files opened."""
    files_written: int
    """Files opened for writing."""
    written: int | None
    """Bytes given to write calls by this process; `None`: the system does not say."""


def prepare(video: Path, track: FaceTrack) -> Pass:
    """Read the clip once and make every stream of each run of frames, as the engine does."""
    torch.set_num_threads(1)
    ledger = Ledger()
    frames = samples = 0
    before = bytes_written()
    with _watched_opens() as (media, writes):
        for run, heard in _runs(video, ledger):
            samples += heard
            if run is None:
                continue
            with torch.inference_mode():
                streams = DerivedStreams(run, frames, track)
                for name, key in STREAMS.items():
                    with ledger.on(name):
                        streams.get(key)
            frames += len(run)
    after = bytes_written()
    written = after - before if before is not None and after is not None else None
    return Pass(ledger, frames, samples, len(media), len(writes), written)


def fixed_track(size: tuple[int, int], frames: int) -> FaceTrack:
    """The same synthetic face in every frame: the reference's crop box, and upright landmarks inside it."""
    box = crop_box(size)
    side = box[2] - box[0]
    points = TEMPLATE_112 * (side / 112) + np.array(box[:2])
    return FaceTrack(
        boxes=np.tile(np.float32(box), (frames, 1)),
        mouth_boxes=np.tile(np.float32(box), (frames, 1)),
        landmarks=np.tile(points.astype(np.float32), (frames, 1, 1)),
        source="fixed",
    )


def _runs(video: Path, ledger: Ledger) -> Iterator[tuple[NDArray[np.uint8] | None, int]]:
    """Runs of frames of the engine's size, with the number of samples heard meanwhile."""
    held: list[NDArray[np.uint8]] = []
    heard = 0
    with ledger.on(READ):
        file = VideoFile(video)
        items = file.read(rate=Fraction(25))
    while True:
        with ledger.on(READ):
            item = next(items, None)
        if item is None:
            break
        if isinstance(item, Sound):
            heard += len(item.samples)
            continue
        held.append(item.rgb)
        if len(held) == max(2, min(32, RUN_BYTES // item.rgb.nbytes)):
            yield _stacked(held, ledger), heard
            held, heard = [], 0
    file.close()
    yield (_stacked(held, ledger) if held else None), heard


def _stacked(frames: list[NDArray[np.uint8]], ledger: Ledger) -> NDArray[np.uint8]:
    with ledger.on(STACK):
        return np.stack(frames)


@contextmanager
def _watched_opens() -> Iterator[tuple[list[str], list[str]]]:
    """The modes of media files opened meanwhile, and the names of files that Python opened to write."""
    media: list[str] = []
    writes: list[str] = []
    watching = True

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            writes.append(str(arguments[0]))

    real = av.open

    def counted(file: Any, mode: Any = None, *args: Any, **kwargs: Any) -> Any:
        media.append(mode or "r")
        return real(file, mode, *args, **kwargs)

    sys.addaudithook(audit)
    av.open = counted
    try:
        yield media, writes
    finally:
        av.open = real
        watching = False

"""Generators of distorted clips, and one entrant for each level of a ladder."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from liveact_eval.cards.model import ControlSpec
from liveact_eval.cards.protocol import Encoding
from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.clips.faces import FaceOrder
from liveact_eval.clips.video import Frame, VideoFile
from liveact_eval.datasets.base import Dataset
from liveact_eval.errors import ClipError
from liveact_eval.execution.entrants import Entrant
from liveact_eval.generators.controls import ControlGenerator, Effect, count_frames, rewrite
from liveact_eval.generators.protocol import Generation, Generator
from liveact_eval.selftest import distortions
from liveact_eval.selftest.distortions import Order, Pixels, Reordered, Swapped
from liveact_eval.selftest.ladders import Ladder

UNTOUCHED = "untouched"
"""Level 0 of distortions of the picture: written anew like them, and otherwise as it was."""
VERSION = 1
"""Raised when a distortion changes so that finished videos are no longer right."""


@dataclass(frozen=True)
class Distorted:
    """Makes a distortion that is no control."""

    name: str
    """Name of the ladder, or `untouched`."""
    strength: float
    encoding: Encoding
    others: tuple[ClipEntry, ...] = ()
    """For `identity_swap`: all clips of the dataset, in order."""
    dataset: Dataset | None = None
    """For `identity_swap`: where the other clip comes from."""

    def suffix(self, clip: Clip) -> str:
        """MP4."""
        return ".mp4"

    def generate(self, clip: Clip, out: Path, seed: int) -> Generation:
        """Make the distorted clip from its real video; see `Generator.generate`."""
        started = time.monotonic()
        if clip.video is None:
            raise ClipError("no_real_video", f"the distortion {self.name!r} is made from a real video")
        with VideoFile(clip.video) as video:
            fps = float(clip.rate or video.rate)
        order = self._order(fps)
        effect = self._effect(clip, fps) if order is None else Reordered(order, self._reach())
        frames = rewrite(clip, clip.video, out, self.encoding, effect)
        shown = None if order is None else tuple(order(n) for n in range(frames))
        return Generation(
            video=out,
            seconds=time.monotonic() - started,
            faces=FaceOrder(shown=shown),
            details={"picture": self.encoding.codec, "crf": self.encoding.crf},
        )

    def _order(self, fps: float) -> Order | None:
        if self.name == "drop":
            return distortions.drop_order(self.strength)
        if self.name == "warp":
            return distortions.warp_order(self.strength, fps)
        return None

    def _reach(self) -> int:
        return math.ceil(1 / (1 - self.strength)) if self.name == "drop" else math.ceil(self.strength)

    def _effect(self, clip: Clip, fps: float) -> Effect:
        strength = self.strength
        if self.name == "jpeg":
            return lambda rgb, _: distortions.jpeg(rgb, int(strength))
        if self.name == "colour_drift":
            return lambda rgb, n: distortions.colour_drift(rgb, n / fps, strength)
        if self.name == "flicker":
            return lambda rgb, n: distortions.flicker(rgb, n, strength)
        if self.name == "identity_swap":
            other = self._other(clip)
            return Swapped(round((1 - strength) * count_frames(clip)), partial(_frames, other))
        return lambda rgb, _: rgb

    def _other(self, clip: Clip) -> Clip:
        """The next clip of another speaker, round the end of the list."""
        ids = [entry.id for entry in self.others]
        start = ids.index(clip.id)
        for entry in self.others[start + 1 :] + self.others[:start]:
            if entry.speaker != clip.entry.speaker and self.dataset is not None:
                return self.dataset.materialise(entry)
        raise ClipError("no_other_speaker", "the dataset has no clip of another speaker to show instead")


def _frames(clip: Clip) -> Iterator[Pixels]:
    if clip.video is None:
        raise ClipError("no_real_video", f"the clip {clip.id!r} that is shown instead has no video")
    with VideoFile(clip.video) as video:
        for item in video.read(rate=clip.rate, seconds=clip.seconds, sound=False):
            if isinstance(item, Frame):
                yield item.rgb


def entrant_name(ladder: str, level: int) -> str:
    """The row of a level in results: `blur-3`."""
    return f"{ladder}-{level}"


def baseline(ladder: str) -> str:
    """The row that is level 0: sound is moved beside the real stream itself, pictures are written anew."""
    return "real" if ladder.startswith("audio_") else UNTOUCHED


def entrants(
    ladders: list[Ladder], levels: int, encoding: Encoding, dataset: Dataset, clips: list[ClipEntry]
) -> list[Entrant]:
    """Level 0 of pictures, and one entrant for each level of each ladder.

    Args:
        ladders: what is done.
        levels: levels above 0.
        encoding: how videos are written.
        dataset: for what shows another clip.
        clips: all clips of the dataset, also those that are not measured.
    """
    made = [
        Entrant(UNTOUCHED, "Untouched", "control", _identity(UNTOUCHED, 0), Distorted(UNTOUCHED, 0, encoding))
    ]
    for ladder in ladders:
        for level, strength in enumerate(ladder.strengths(levels), 1):
            swap = ladder.name == "identity_swap"
            generator = _generator(
                ladder.name, strength, encoding, tuple(clips) if swap else (), dataset if swap else None
            )
            around = [(clip.id, clip.speaker, clip.content_hash) for clip in clips] if swap else []
            made.append(
                Entrant(
                    entrant_name(ladder.name, level),
                    f"{ladder.title} {strength:g} {ladder.unit}",
                    "control",
                    _identity(ladder.name, strength, around),
                    generator,
                )
            )
    return made


def _generator(
    name: str, strength: float, encoding: Encoding, others: tuple[ClipEntry, ...], dataset: Dataset | None
) -> Generator:
    controls = {
        "blur": {"effect": "blur", "sigma": strength},
        "noise": {"effect": "noise", "sigma": strength},
        "freeze": {"effect": "freeze", "start": 1 - strength},
        "audio_early": {"effect": "shift", "frames": round(strength)},
        "audio_late": {"effect": "shift", "frames": -round(strength)},
    }
    if name in controls:
        return ControlGenerator(ControlSpec.model_validate(controls[name]), encoding)
    return Distorted(name, strength, encoding, others, dataset)


def _identity(name: str, strength: float, around: list[tuple[str, str, str]] | None = None) -> str:
    content = json.dumps(["selftest", VERSION, name, strength, around or []])
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

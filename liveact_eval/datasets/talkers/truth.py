"""What is known about each frame of a clip, because it was drawn from it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from liveact_eval.datasets.talkers.geometry import CROWN, Geometry, MouthState, mouth_bend
from liveact_eval.datasets.talkers.identity import Identity
from liveact_eval.datasets.talkers.motion import Motion

Floats = npt.NDArray[np.float64]
_CONSTANT = ("fps", "speaker_id", "emotion", "action")


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Ground truth of T frames. Pixels are measured from the top left corner of the picture, so that the
    centre of the first pixel is (0.5, 0.5); left and right are those of the picture.
    """

    mouth_opening: Floats
    """Opening of the script, 0..1, [T]."""
    mouth_width: Floats
    """Width of the script, 0..1, [T]."""
    mouth_rounding: Floats
    """Rounding of the script, 0..1, [T]."""
    mouth_opening_px: Floats
    """Height between the inner lips at the middle of the mouth, pixels, [T]."""
    pose: Floats
    """x, y of the head in pixels; roll (clockwise), yaw (to the right), pitch (down) in degrees, [T, 5]."""
    blink: Floats
    """0 open, 1 closed, [T]."""
    phoneme: npt.NDArray[np.int64]
    """Index in `PHONEMES`, [T]."""
    face_box: Floats
    """x0, y0, x1, y1 of the face without hair and ears, pixels, [T, 4]."""
    mouth_box: Floats
    """x0, y0, x1, y1 of the lower face; always contains the mouth, pixels, [T, 4]."""
    landmarks: Floats
    """Left eye, right eye, nose tip, left and right mouth corner, pixels, [T, 5, 2]."""
    segment_starts: Floats
    """Start of each phoneme in seconds from the start of the clip, [N]."""
    segment_ends: Floats
    """End of each phoneme in seconds, [N]."""
    segment_phonemes: npt.NDArray[np.int64]
    """Index in `PHONEMES` of each phoneme, [N]."""
    fps: int
    """Frames per second."""
    speaker_id: str
    """Who speaks."""
    emotion: str
    """What the face expresses."""
    action: str
    """What the speaker does."""

    def __len__(self) -> int:
        return len(self.phoneme)

    @staticmethod
    def concatenate(parts: Sequence[Truth]) -> Truth:
        """The truth of consecutive parts of one clip, in their order."""
        if not parts:
            raise ValueError("no parts of ground truth to concatenate, expected at least one")
        for name in _CONSTANT:
            values = {getattr(part, name) for part in parts}
            if len(values) > 1:
                raise ValueError(
                    f"parts of ground truth differ in {name}: {sorted(values)}, expected one clip"
                )
        joined: dict[str, Any] = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Truth)
            if field.name not in _CONSTANT
        }
        return replace(parts[0], **joined)

    def cut(self, first: int, last: int, *, start_s: float = 0.0) -> Truth:
        """The truth of frames `first` to `last`; phonemes that they reach into are kept whole, with their own times.

        Args:
            first: first frame, counted in this truth.
            last: the frame behind the last one.
            start_s: when this truth begins, in seconds from the start of the clip.
        """
        begin, end = start_s + first / self.fps, start_s + last / self.fps
        heard = (self.segment_ends > begin) & (self.segment_starts < end)
        cut: dict[str, Any] = {
            field.name: getattr(self, field.name)[
                heard if field.name.startswith("segment_") else slice(first, last)
            ]
            for field in fields(Truth)
            if field.name not in _CONSTANT
        }
        return replace(self, **cut)

    def save(self, path: Path | str) -> None:
        """Write a `.npz` without pickle. A reader never sees half a file: it is written aside and renamed."""
        path = Path(path)
        aside = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp")
        arrays: dict[str, Any] = {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}
        try:
            with aside.open("wb") as file:
                np.savez_compressed(file, **arrays)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path | str) -> Truth:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            missing = [field.name for field in fields(cls) if field.name not in data]
            if missing:
                raise ValueError(
                    f"{path} is no ground truth of a talkers clip: it lacks {', '.join(missing)}"
                )
            return cls(
                **{f.name: data[f.name].item() if f.name in _CONSTANT else data[f.name] for f in fields(cls)}
            )


def measure(
    identity: Identity, geometry: Geometry, motion: Motion, mouth: MouthState, size: int
) -> dict[str, Floats]:
    """The per-frame arrays that follow from geometry and motion."""
    half = size / 2
    pose, place = geometry.pose, geometry.mouth

    def pixels(x: Floats, y: Floats) -> Floats:
        """[T, 2]."""
        px, py = pose.to_picture(x, y)
        return np.stack([(px + 1) * half, (py + 1) * half], axis=-1)

    corner_y = place.y + mouth_bend(motion.smile, np.ones_like(place.y))
    reach = geometry.mouth_half_width * place.squeeze
    landmarks = np.stack(
        [
            pixels(geometry.left_eye.x, geometry.left_eye.y),
            pixels(geometry.right_eye.x, geometry.right_eye.y),
            pixels(geometry.nose.x, geometry.nose.y),
            pixels(place.x - reach, corner_y),
            pixels(place.x + reach, corner_y),
        ],
        axis=1,
    )
    degrees = np.stack([motion.roll, motion.yaw, motion.pitch], axis=-1) * 180 / np.pi
    centre = pixels(np.zeros_like(pose.x), np.zeros_like(pose.x))

    def box(x0: Floats, y0: Floats, x1: Floats, y1: Floats) -> Floats:
        """Upright box around a rectangle of head coordinates, cut at the picture's edges, [T, 4]."""
        points = np.stack([pixels(x, y) for x in (x0, x1) for y in (y0, y1)])
        corners: Floats = np.concatenate([points.min(axis=0), points.max(axis=0)], axis=-1)
        return np.clip(corners, 0.0, size)

    width = np.full_like(place.x, identity.face_width)
    return {
        "mouth_opening": mouth.opening,
        "mouth_width": mouth.width,
        "mouth_rounding": mouth.rounding,
        "mouth_opening_px": geometry.mouth_height * half,
        "pose": np.concatenate([centre, degrees], axis=-1),
        "blink": motion.blink,
        "face_box": box(-width, np.full_like(place.x, -CROWN), width, geometry.chin),
        "mouth_box": box(place.x - 0.24, place.y - 0.12, place.x + 0.24, place.y + 0.225),
        "landmarks": landmarks,
    }

"""Is this a video that numbers can be made from? Checks with a reason code each, in the same pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Code = Literal["black", "noise", "frozen", "no_audio", "sound_length", "wrong_length"]

# Every eighth row is enough to tell black, noise and standstill, and costs nothing beside decoding.
_ROW_STEP = 8


class SanityLimits(BaseModel):
    """Which findings reject a clip, and from where on they are findings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reject: tuple[Code, ...] = ("black", "noise", "wrong_length")
    """Findings that leave the clip without numbers; all others are shown beside them."""
    black_level: float = Field(default=6.0, ge=0, le=255)
    """A frame is black if no sampled level exceeds this."""
    noise_correlation: float = Field(default=0.2, ge=-1, le=1)
    """A frame is noise if neighbouring pixels correlate less than this (real frames: above 0.9)."""
    share: float = Field(default=0.9, gt=0, le=1)
    """Share of frames that must be black, noise or frozen for a finding."""
    length_s: float = Field(default=0.5, ge=0)
    """Largest difference in seconds between picture and sound, or between clip and expected length."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a clip."""

    code: Code
    message: str
    rejects: bool


@dataclass
class FrameSurvey:
    """Counts over the frames of one clip; constant memory."""

    limits: SanityLimits
    frames: int = 0
    black: int = 0
    noise: int = 0
    still: int = 0
    _runs: int = 0
    _last: NDArray[np.uint8] | None = field(default=None, repr=False)

    def add(self, frames: NDArray[np.uint8]) -> None:
        """Take (N, H, W, 3) uint8 frames."""
        rows = frames[:, _ROW_STEP // 2 :: _ROW_STEP, :, 1]
        if rows.shape[1] == 0:
            rows = frames[:, :1, :, 1]
        self.frames += len(rows)
        self.black += int((frames[:, ::_ROW_STEP, ::2].max(axis=(1, 2, 3)) <= self.limits.black_level).sum())
        self.noise += sum(_is_noise(frame, self.limits.noise_correlation) for frame in rows[:1])
        run = rows if self._last is None else np.concatenate([self._last[None], rows])
        change = np.maximum(run[1:], run[:-1]) - np.minimum(run[1:], run[:-1])
        self.still += int((change.reshape(len(change), -1).max(axis=1) <= 2).sum()) if len(change) else 0
        self._last = rows[-1].copy()
        self._runs += 1

    def findings(
        self,
        *,
        seconds: float,
        sound_seconds: float | None,
        expected_seconds: float | None,
    ) -> list[Finding]:
        """What is wrong, given the lengths of the picture, of its sound, and of what it should be."""
        found: list[Finding] = []
        limits = self.limits
        if self.black >= limits.share * self.frames:
            found.append(self._finding("black", f"{self.black} of {self.frames} frames are black"))
        if self._runs and self.noise >= limits.share * self._runs:
            found.append(self._finding("noise", "neighbouring pixels do not correlate: the picture is noise"))
        if self.frames > 1 and self.still >= limits.share * (self.frames - 1):
            found.append(
                self._finding("frozen", f"{self.still} of {self.frames - 1} changes of frame are none")
            )
        if sound_seconds is None:
            found.append(self._finding("no_audio", "the video has no sound"))
        elif abs(sound_seconds - seconds) > limits.length_s:
            found.append(
                self._finding("sound_length", f"{seconds:.2f} s of picture, {sound_seconds:.2f} s of sound")
            )
        if expected_seconds is not None and abs(expected_seconds - seconds) > limits.length_s:
            found.append(
                self._finding(
                    "wrong_length", f"{seconds:.2f} s of picture, expected {expected_seconds:.2f} s"
                )
            )
        return found

    def _finding(self, code: Code, message: str) -> Finding:
        return Finding(code, message, code in self.limits.reject)


def _is_noise(rows: NDArray[np.uint8], limit: float) -> bool:
    """Whether horizontally neighbouring pixels of (R, W) rows are all but uncorrelated."""
    if rows.shape[1] < 16:
        return False
    left, right = rows[:, :-1].astype(np.float64).ravel(), rows[:, 1:].astype(np.float64).ravel()
    if left.std() < 8 or right.std() < 8:
        return False
    return bool(np.corrcoef(left, right)[0, 1] < limit)

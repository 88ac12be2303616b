"""The protocol: everything about the clips that changes a number, under one name, version and hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from fractions import Fraction
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Encoding(BaseModel):
    """How this tool writes the videos that it makes. All systems of a run are written alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    codec: Literal["libx264"] = "libx264"
    """Video codec."""
    crf: int = Field(default=10, ge=0, le=51)
    """Constant rate factor; 10 is visually lossless, and small beside the differences between systems."""
    preset: Literal["ultrafast", "veryfast", "fast", "medium", "slow"] = "veryfast"
    """x264 preset: speed against file size."""
    audio_codec: Literal["flac"] = "flac"
    """Audio codec; lossless, without priming delay, so that an offset is exact to the sample."""


class Protocol(BaseModel):
    """Everything that changes a number, named and versioned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    """Name of the protocol, for example `hdtf-512`."""
    version: int = Field(ge=1)
    """Raised whenever a field changes; numbers of two versions are never put into one column."""
    fps: float | None = Field(default=None, gt=0, le=240)
    """Frames per second at which everything is measured; `null` keeps each video's own frames."""
    size: tuple[int, int] | None = None
    """Width and height in pixels that a video must have; `null` accepts each video's own."""
    clip_seconds: float | None = Field(default=None, gt=0)
    """Length that is measured, from the start, in seconds; `null` measures whole videos."""
    reference_image: Literal["first_frame", "image"] = "first_frame"
    """What identity is taken from: the clip's first frame or the image that it came with."""
    driving_audio: Literal["self", "permuted", "concatenated"] = "self"
    """What drives a clip: its own audio; `permuted`, that of the next clip of the list, so that no real video says the
    same; `concatenated`, long audio of its speaker, without a real video."""
    split: str | None = None
    """Name and version of the published clip list, `hdtf-50@1`; set by datasets that have one."""
    encoding: Encoding = Encoding()
    """How generated videos are written."""

    @field_validator("size")
    @classmethod
    def _positive(cls, size: tuple[int, int] | None) -> tuple[int, int] | None:
        if size is not None and min(size) < 16:
            raise ValueError("width and height must be at least 16 pixels")
        return size

    @property
    def rate(self) -> Fraction | None:
        """Frames per second as an exact fraction (29.97 means 30000/1001), or `None` for native."""
        return None if self.fps is None else exact_rate(self.fps)

    def content(self) -> dict[str, object]:
        """The fields as they are hashed. One that came later is left out where it says nothing, so that ids stay."""
        fields = self.model_dump(mode="json")
        if self.split is None:
            del fields["split"]
        return fields

    def identify(self, clips: Iterable[tuple[str, str]]) -> str:
        """The id that travels with every value: `name@version:hash` over all fields and the clip list.

        Args:
            clips: (clip id, content hash) of every clip, in order.
        """
        content = {"protocol": self.content(), "clips": [list(clip) for clip in clips]}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return f"{self.name}@{self.version}:{digest[:8]}"


def exact_rate(fps: float) -> Fraction:
    """The exact rate behind a rounded one: whole numbers, or NTSC's n*1000/1001, else the decimal."""
    for exact in (Fraction(round(fps)), Fraction(round(fps * 1001 / 1000) * 1000, 1001)):
        if exact > 0 and abs(float(exact) - fps) < 0.005:
            return exact
    return Fraction(fps).limit_denominator(1001)

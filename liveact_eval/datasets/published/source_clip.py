"""One clip as its authors' list describes it: which video, which seconds, which square of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

CropRule = Literal["pixels", "face", "upper_body", "normalised"]
"""How the square is found: `pixels`, the listed box scaled to the height that was obtained; `face`, a face detector
over the clip, union of its boxes times `crop_ratio`; `upper_body`, a square from above the head to the hips, centred
on the neck; `normalised`, the listed relative box."""


@dataclass(frozen=True, kw_only=True)
class PixelBox:
    """A box in pixels of a frame of the listed height. Width and height are equal in all lists known."""

    x: int
    """Left edge."""
    y: int
    """Top edge."""
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class RelativeBox:
    """A box as shares (0 to 1) of the frame's width and height."""

    top: float
    bottom: float
    left: float
    right: float


@dataclass(frozen=True, kw_only=True)
class SourceClip:
    """What has to be cut out of which video. Nothing in it depends on what a machine could obtain."""

    id: str
    """Name of the clip in the split and in all results; unique in the dataset."""
    dataset: str
    """Name of the dataset's annotations: hdtf, emtd, celebvhq."""
    video_id: str
    """Id of the video at its site; eleven letters, digits, `-` or `_`. It may begin with a dash: pass `url`."""
    video_name: str
    """Name of the video in the dataset, under which people keep copies; equal to `video_id` where there is none."""
    url: str
    """Address of the video, without time or other parameters."""
    start_s: Fraction | None = None
    """Where the clip begins, in seconds of the video; what is cut is [start_s, end_s)."""
    end_s: Fraction | None = None
    """Where the clip ends, in seconds of the video."""
    crop: PixelBox | None = None
    """The listed box; it may reach beyond the frame, and is then shifted inside."""
    relative_box: RelativeBox | None = None
    """The listed box of `crop_rule` normalised."""
    crop_ratio: float | None = None
    """Factor by which a detected face box is enlarged, for `crop_rule` face."""
    listed_height: int | None = None
    """Height in pixels of the frame that `crop` is given for; `None`: not stated, or stated as 0."""
    crop_rule: CropRule
    """How the square is found."""
    subset: str = ""
    """Part of the dataset, such as WDA; may be empty."""
    speaker: str
    """Who speaks: clips of one speaker are one cluster in the statistics."""
    prompt: str = ""
    """What the text encoder is given."""
    duplicate_of: str | None = None
    """Name of a video listed before that is the same one; such a clip is in no split."""
    notes: tuple[str, ...] = ()
    """What was irregular in the list, in words."""

    @property
    def seconds(self) -> Fraction | None:
        """Length of the clip, or `None` where the list states no times."""
        return None if self.start_s is None or self.end_s is None else self.end_s - self.start_s

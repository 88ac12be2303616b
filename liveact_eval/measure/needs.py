"""What a metric asks for. The engine takes the union, so that each stream is made once per video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Colour = Literal["rgb", "luma"]
Region = Literal["frame", "face", "mouth"]


@dataclass(frozen=True, kw_only=True)
class FrameNeed:
    """A stream of pictures, handed over in windows of consecutive frames.

    The features of a metric get tensors of shape (N, window, H, W, 3) for `rgb` and (N, window, H, W) for
    `luma`, in levels 0..255: RGB is uint8 but for aligned faces, which are float32, as luma is.
    """

    colour: Colour = "rgb"
    """`luma` is BT.601 luma of the RGB picture, 0.299 R + 0.587 G + 0.114 B, not rounded."""
    region: Region = "frame"
    """`frame`: the whole picture; `face`: aligned by five landmarks to the ArcFace template (black border);
    `mouth`: the box around the mouth, to whole pixels. The last two need a face track."""
    size: tuple[int, int] | None = None
    """Width and height; `None` keeps the picture's own (only for `frame`). Pictures and boxes are resized
    bilinearly with antialiasing, rounded to bytes; aligned faces are sampled bilinearly."""
    window: int = 1
    """Consecutive frames in a window."""
    hop: int = 1
    """Frames from one window's start to the next."""
    paired: bool = False
    """Whether the same frames of the real video are needed beside these."""
    anchor: bool = False
    """Whether the first picture of the stream is needed beside each window."""


@dataclass(frozen=True, kw_only=True)
class SoundNeed:
    """A stream of sound, mono int16 at 16 kHz, handed over in windows: (N, window), int16."""

    of: Literal["video", "driving"] = "video"
    """`video`: the audio track of the measured video; `driving`: the audio that the clip was made from."""
    window: int
    """Samples in a window."""
    hop: int
    """Samples from one window's start to the next."""


Need = FrameNeed | SoundNeed

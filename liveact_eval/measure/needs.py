"""What a metric asks for. The engine takes the union, so that each stream is made once per video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Colour = Literal["rgb", "luma"]
Region = Literal["frame", "face", "mouth", "sync", "head", "head_square", "box", "box_area", "box_clean"]
Anchor = Literal["stream", "portrait"]
Matrix = Literal["stated", "bt601"]


@dataclass(frozen=True, kw_only=True)
class FrameNeed:
    """A stream of pictures, handed over in windows of consecutive frames.

    The features of a metric get tensors of shape (N, window, H, W, 3) for `rgb` and (N, window, H, W) for
    `luma`, in levels 0..255: RGB is uint8 but for aligned faces, which are float32, as luma is, and NaN where a
    frame has no face.
    """

    colour: Colour = "rgb"
    """`luma` is BT.601 luma of the RGB picture, 0.299 R + 0.587 G + 0.114 B, not rounded."""
    region: Region = "frame"
    """`frame`: the whole picture; `face`: aligned by five landmarks to the ArcFace template (black border);
    `mouth`: the box around the mouth, to whole pixels; `box`: the box of the only face as it was found, float32 in
    whole levels, NaN where a frame has no face or several; `sync`: the square of SyncNet, 224x224, float32 and NaN
    where a frame has no face; `head`: that of the landmark network, 256x256, likewise; `head_square`: no picture, but
    where that lies, (N, window, 3) float64, left, top and side in pixels; `box_area`: the box of the followed face,
    resized by area as for FVD; `box_clean`: the same to 299x299 as clean-fid does, not rounded; both float32 and NaN
    where a frame has no face. All but the first need a face track."""
    size: tuple[int, int] | None = None
    """Width and height; `None` keeps the picture's own (only for `frame`). Pictures and boxes are resized
    bilinearly with antialiasing, rounded to bytes; aligned faces are sampled bilinearly."""
    window: int = 1
    """Consecutive frames in a window."""
    hop: int = 1
    """Frames from one window's start to the next."""
    at_once: int = 1
    """Windows that come together, but for the last ones: what the network behind takes in one pass."""
    per_second: float | None = None
    """Frames to keep of each second, about: windows are cut from every k-th frame, k being the frame rate by this,
    rounded (halves to the even neighbour) and at least 1. `None` keeps all."""
    paired: bool = False
    """Whether the same frames of the real video are needed beside these."""
    anchor: bool = False
    """Whether one picture to compare with is needed beside each window."""
    anchor_of: Anchor = "stream"
    """Which one: the first picture of the stream, or the portrait that the video was made from, cropped and sized as
    the stream is: the reference image, or the first frame of the real video where there is none."""
    smooth: bool = False
    """For `face`: whether landmarks are smoothed over time first, so that their jitter does not move the crop."""
    matrix: Matrix = "stated"
    """How stored YUV becomes RGB: by the matrix that the stream states, BT.601 where it states none; or by `bt601`
    whatever it states, as reference implementations see it that read by OpenCV up to 4.12. That is for `frame` only,
    without the real video or an anchor beside it, and costs a conversion where another matrix is stated."""

    def __post_init__(self) -> None:
        """Refuse what nobody makes.

        Raises:
            ValueError: BT.601 was asked for beyond the measured video's whole frames.
        """
        if self.matrix == "bt601" and (self.region != "frame" or self.paired or self.anchor):
            raise ValueError(
                f"matrix 'bt601' with region {self.region!r}, paired {self.paired}, anchor {self.anchor}: expected "
                "region 'frame', neither paired nor with an anchor"
            )

    def interval(self, fps: float) -> int:
        """Every which frame is kept at a frame rate."""
        return 1 if self.per_second is None else max(1, round(fps / self.per_second))


@dataclass(frozen=True, kw_only=True)
class SoundNeed:
    """A stream of sound, mono int16 at 16 kHz, handed over in windows: (N, window), int16."""

    of: Literal["video", "driving"] = "video"
    """`video`: the audio track of the measured video; `driving`: the audio that the clip was made from."""
    window: int
    """Samples in a window."""
    hop: int
    """Samples from one window's start to the next."""
    lead: int = 0
    """Zeros before the first sample, with which the first window begins."""
    at_once: int = 1
    """As for frames."""


Need = FrameNeed | SoundNeed

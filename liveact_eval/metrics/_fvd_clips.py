"""From windows of frames to the clips that I3D takes, by named recipes.

`shorter_center` (VideoGPT and JunyaoHu's package): the shorter side to 224, the other rounded up, then the middle.
`stretch` (the original TensorFlow script): straight to 224 x 224, whatever the shape. Both are bilinear without
antialiasing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from liveact_eval.errors import UserError, unknown_name

if TYPE_CHECKING:
    import torch

Framing = Literal["shorter_center", "stretch"]
FRAMINGS: tuple[Framing, ...] = ("shorter_center", "stretch")
SIDE = 224
"""Height and width after framing, in pixels."""
WINDOW = 16
"""Frames of a window."""
HOP = 16
"""Frames from one window's start to the next: windows do not overlap. Same starts in real and generated videos."""


def to_i3d_clips(windows: torch.Tensor, framing: Framing) -> torch.Tensor:
    """Windows of frames as I3D takes them.

    Args:
        windows: (N, T, H, W, 3) RGB levels 0..255, uint8 or float.
        framing: name of the recipe.

    Returns:
        (N, 3, T, 224, 224) float32 in -1..1.

    Raises:
        UserError: unknown recipe.
    """
    return _framed(windows, framing).mul_(2).sub_(1)


def _framed(windows: torch.Tensor, framing: Framing) -> torch.Tensor:
    """The same in 0..1."""
    import torch

    batch, frames, height, width, _ = windows.shape
    if framing == "stretch":
        size = (SIDE, SIDE)
    elif framing == "shorter_center":
        size = _shorter_side(height, width)
    else:
        raise unknown_name("framing of FVD", framing, FRAMINGS)
    top, left = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    made = torch.empty(batch, 3, frames, SIDE, SIDE, device=windows.device)
    for window, out in zip(windows, made, strict=True):
        # One window at a time, so that no batch of full-size floats is held.
        planes = window.permute(0, 3, 1, 2).float() / 255
        planes = torch.nn.functional.interpolate(planes, size, mode="bilinear", align_corners=False)
        cut = planes[:, :, top : top + SIDE, left : left + SIDE]
        out.copy_(cut.transpose(0, 1))
    return made


def to_i3d_range(windows: torch.Tensor) -> torch.Tensor:
    """Windows (N, T, 224, 224, 3) of levels 0..255 that are framed already, to (N, 3, T, 224, 224) in -1..1."""
    return (windows.float() / 255 * 2 - 1).permute(0, 4, 1, 2, 3)


def to_videomae_clips(windows: torch.Tensor) -> torch.Tensor:
    """Windows as content-debiased FVD feeds them to VideoMAE: straight to a square, in 0..1, no mean taken off.

    Args:
        windows: (N, T, H, W, 3) RGB levels 0..255, uint8 or float.

    Returns:
        (N, 3, T, 224, 224) float32 in 0..1.
    """
    return _framed(windows, "stretch")


def windows_in(frames: int) -> int:
    """How many windows a video of that many frames gives; 0 for fewer than 16 frames."""
    return max(0, (frames - WINDOW) // HOP + 1)


def recipe_name(framing: Framing, fps: float, network: str = "i3d-torchscript") -> str:
    """Name under which a value of FVD is recorded, without the number of windows, which stands beside it as n.

    Raises:
        UserError: unknown framing, or a rate that is not positive.
    """
    if framing not in FRAMINGS:
        raise unknown_name("framing of FVD", framing, FRAMINGS)
    if not fps > 0:
        raise UserError(
            f"FVD at {fps} frames per second; expected a positive rate. Check the video or the protocol."
        )
    return f"fvd-{network}-{framing}-{WINDOW}f-hop{HOP}-{fps:g}fps@1"


def _shorter_side(height: int, width: int) -> tuple[int, int]:
    """Height and width when the shorter side is 224 and the other is rounded up."""
    scale = SIDE / min(height, width)
    # The side that is scaled to 224 must not become 225 by rounding.
    return (SIDE if height <= width else math.ceil(height * scale),
            SIDE if width <= height else math.ceil(width * scale))  # fmt: skip

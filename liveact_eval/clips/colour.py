"""From a decoded frame to RGB: by the matrix that its stream states, or by that of BT.601 whatever it states.

OpenCV up to 4.12 takes every video for BT.601, and with it the tools that read by it; OpenCV from 4.13 on, decord and
ffmpeg go by what is stated. Where nothing is stated all of them take BT.601.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter

_UNSTATED, _BT470BG, _SMPTE170M = 2, 5, 6
_BT601 = frozenset({_UNSTATED, _BT470BG, _SMPTE170M})
"""Codes of ITU-T H.273 for the matrix of BT.601, by both of its names, and for none stated."""


def states_bt601(context: VideoCodecContext) -> bool:
    """Whether both ways give the same RGB: the stream states BT.601, or no matrix, or holds RGB."""
    pixels = context.format
    return int(context.colorspace) in _BT601 or (pixels is not None and pixels.is_rgb)


def to_rgb(frame: VideoFrame, reformatter: VideoReformatter, *, bt601: bool = False) -> NDArray[np.uint8]:
    """The picture upright as (H, W, 3) uint8; the range is the stated one, limited where none is.

    Args:
        frame: as decoded.
        reformatter: one for all frames of a video that are converted alike. A frame's own would set up libswscale,
            with a thread pool, for every frame.
        bt601: convert by BT.601 whatever is stated.
    """
    matrix = _BT470BG if bt601 else None
    rgb24 = reformatter.reformat(frame, format="rgb24", src_colorspace=matrix, threads=1)
    rgb: NDArray[np.uint8] = np.asarray(rgb24.to_ndarray(), dtype=np.uint8)
    if frame.rotation % 360:
        rgb = np.ascontiguousarray(np.rot90(rgb, k=round(frame.rotation / 90)))
    return rgb

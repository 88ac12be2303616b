"""The matrix by which YUV becomes RGB: the stated one, and BT.601 beside it where it is asked for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from liveact_eval.clips.video import VideoFile
from tests.helpers import Pixels, moving_square, read_all, rotate_header, write_av

BT709 = {"crf": "4", "x264-params": "colormatrix=bt709"}
"""Stated, while the pictures were converted by BT.601: by that matrix they come back."""


def flat(colour: tuple[int, int, int]) -> Pixels:
    return np.tile(np.array(colour, np.uint8), (2, 32, 32, 1))


@pytest.mark.parametrize("colour", [(200, 40, 60), (30, 180, 90), (20, 60, 220)])
def test_bt601_stands_beside_another_matrix(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    path = write_av(tmp_path / "v.mp4", flat(colour), pixels="yuv444p", options=BT709)
    frame = read_all(path, bt601=True)[0][0]
    assert frame.bt601 is not None
    assert np.abs(frame.bt601.astype(int) - colour).max() <= 3
    # The stated matrix by the formulas of BT.709 on the levels that BT.601 stored.
    red, green, blue = (level / 255 for level in colour)
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    cb, cr = (blue - y) / 1.772, (red - y) / 1.402
    stated = np.array([y + 1.5748 * cr, y - 0.1873 * cb - 0.4681 * cr, y + 1.8556 * cb])
    assert np.abs(frame.rgb[0, 0] - np.clip(255 * stated, 0, 255)).max() <= 3


@pytest.mark.parametrize(
    ("suffix", "codec", "pixels", "options", "same"),
    [
        ("mp4", "libx264", "yuv420p", {}, True),
        ("mp4", "libx264", "yuv420p", {"x264-params": "colormatrix=smpte170m"}, True),
        ("mp4", "libx264", "yuv420p", {"x264-params": "colormatrix=bt470bg"}, True),
        ("mkv", "ffv1", "bgr0", {}, True),
        ("mp4", "libx264", "yuv420p", BT709, False),
        ("mkv", "libx264", "yuv420p", BT709, False),
        ("ts", "libx264", "yuv420p", BT709, False),
    ],
)
def test_no_second_picture_where_both_are_the_same(
    tmp_path: Path, suffix: str, codec: str, pixels: str, options: dict[str, str], same: bool
) -> None:
    path = write_av(tmp_path / f"v.{suffix}", moving_square(3), codec=codec, pixels=pixels, options=options)
    with VideoFile(path) as video:
        assert video.is_bt601 is same
    asked, unasked = read_all(path, bt601=True)[0], read_all(path)[0]
    assert {frame.bt601 is None for frame in asked} == {same}
    assert all(frame.bt601 is None for frame in unasked)
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(asked, unasked, strict=True))


def test_both_pictures_are_of_one_moment_and_upright(tmp_path: Path) -> None:
    pictures = moving_square(10, (64, 48))
    stated = write_av(tmp_path / "stated.mp4", pictures, options=BT709)
    silent = write_av(tmp_path / "silent.mp4", pictures, options={"crf": "4"})
    for path in (stated, silent):
        rotate_header(path, 90)
    rate = Fraction(15)
    beside, plain = read_all(stated, rate=rate, bt601=True)[0], read_all(silent, rate=rate)[0]
    assert [frame.time for frame in beside] == [frame.time for frame in plain]
    for one, other in zip(beside, plain, strict=True):
        assert one.bt601 is not None
        assert one.bt601.shape == one.rgb.shape == (64, 48, 3)
        # The same stream but for what it states.
        assert np.array_equal(one.bt601, other.rgb)
        assert not np.array_equal(one.rgb, other.rgb)

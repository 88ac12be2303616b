"""Sizes of systems, and the way back to the clip's."""

from __future__ import annotations

import numpy as np
import pytest

from liveact_eval.cards.command_rules import PictureRule
from liveact_eval.errors import ClipError
from liveact_eval.generators.command.geometry import Pixels, plan_geometry
from tests.helpers import moving_square, psnr

SQUARE, WIDE, TALL = (96, 96), (160, 96), (96, 160)


def picture(size: tuple[int, int]) -> Pixels:
    made: Pixels = moving_square(1, size)[0]
    return made


def test_the_nearest_shape_is_asked_for() -> None:
    rule = PictureRule(sizes=(WIDE, TALL))
    assert plan_geometry(rule, clip=(60, 100), picture=None).asked == TALL
    assert plan_geometry(rule, clip=(100, 60), picture=None).asked == WIDE
    assert plan_geometry(rule, clip=None, picture=(60, 100)).asked == TALL
    assert plan_geometry(rule, clip=None, picture=None).asked == WIDE


def test_without_sizes_the_clips_own_is_rounded_down() -> None:
    assert plan_geometry(PictureRule(multiple=16), clip=(100, 63), picture=None).asked == (96, 48)
    with pytest.raises(ClipError, match=r"wrong_size: .*picture\.sizes"):
        plan_geometry(PictureRule(), clip=None, picture=None)


def test_padding_is_cut_off_again() -> None:
    """AvatarForcing takes 832x480 or 480x832 only: a square is padded, and cut out of the result."""
    geometry = plan_geometry(PictureRule(sizes=(WIDE, TALL), fit="pad"), clip=SQUARE, picture=SQUARE)
    given = picture(SQUARE)
    staged = geometry.stage(given)
    assert staged.shape == (96, 160, 3)
    assert np.array_equal(staged[:, 32:128], given)
    assert np.array_equal(staged[:, 0], given[:, 0]), "the border is repeated"
    assert np.array_equal(geometry.restore(staged), given)
    twice = np.repeat(np.repeat(staged, 2, axis=0), 2, axis=1)
    assert psnr([geometry.restore(twice)], [given]) > 30
    with pytest.raises(ClipError, match=r"wrong_size: .*96x96, and was given a picture of 160x96"):
        geometry.restore(given)


def test_cover_crops_the_middle() -> None:
    geometry = plan_geometry(PictureRule(sizes=((64, 64),), fit="cover"), clip=(64, 64), picture=WIDE)
    given = picture(WIDE)
    assert geometry.stage(given).shape == (64, 64, 3)
    # 32 of 160 columns are cut on each side.
    shown = plan_geometry(PictureRule(sizes=(SQUARE,), fit="cover"), clip=SQUARE, picture=WIDE).stage(given)
    assert np.array_equal(shown, given[:, 32:128])


def test_as_it_is() -> None:
    given = picture(WIDE)
    assert plan_geometry(PictureRule(sizes=(SQUARE,)), clip=WIDE, picture=WIDE).stage(given) is given


def test_a_bucket_of_the_same_shape_is_resized() -> None:
    """InfiniteTalk makes 640x640 of a 512x512 picture."""
    geometry = plan_geometry(PictureRule(), clip=SQUARE, picture=SQUARE)
    assert geometry.restore(picture((120, 120))).shape == (96, 96, 3)
    assert geometry.restore(picture((120, 118))).shape == (96, 96, 3)


def test_another_shape_needs_a_rule() -> None:
    frame = picture(WIDE)
    with pytest.raises(ClipError, match=r"160x96, whose shape is not that of 96x96.*picture\.result: crop"):
        plan_geometry(PictureRule(), clip=SQUARE, picture=SQUARE).restore(frame)
    cropped = plan_geometry(PictureRule(result="crop"), clip=SQUARE, picture=SQUARE).restore(frame)
    assert np.array_equal(cropped, frame[:, 32:128])
    stretched = plan_geometry(PictureRule(result="stretch"), clip=SQUARE, picture=SQUARE).restore(frame)
    assert stretched.shape == (96, 96, 3)
    assert not np.array_equal(stretched, cropped)


def test_without_a_size_frames_stay() -> None:
    frame = picture(WIDE)
    assert plan_geometry(PictureRule(sizes=(SQUARE,)), clip=None, picture=None).restore(frame) is frame
